package commands_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/session"
)

// apart is a cluster of two nodes, of which the second hears nothing new from
// the log's tail once it is held. Its own clock keeps it from noticing that.
type apart struct {
	*cluster
	here, there *commands.Commands
	tail        *late
}

func newApart(t *testing.T, policy string) *apart {
	c := newCluster(t)
	a := &apart{cluster: c, tail: &late{Store: c.log}}
	adjust := func(cfg *commands.Config, _ *commands.Deps) {
		cfg.Revocation, cfg.Freshness = policy, time.Hour
	}
	a.here = c.node(adjust)
	a.there = c.node(func(cfg *commands.Config, deps *commands.Deps) {
		adjust(cfg, deps)
		deps.Store = a.tail
	})
	return a
}

// asks fails the test unless a token is answered like that on the other node.
func (a *apart) asks(what string, in commands.SignedIn, f *fault.Fault) {
	a.t.Helper()
	_, err := a.there.Authenticate(a.t.Context(), in.AccessToken)
	want(a.t, what, err, f)
}

// settled waits until the other node trusts Redis: a look-up reads no log.
func (a *apart) settled(in commands.SignedIn) {
	a.t.Helper()
	soon(a.t, "a mark that the other node trusts", func() bool {
		_, _ = a.there.Authenticate(a.t.Context(), in.AccessToken) // puts it on the list of live ones
		a.tail.away.Store(true)                                    // who asks the log from here on fails
		defer a.tail.away.Store(false)
		_, err := a.there.Authenticate(a.t.Context(), in.AccessToken)
		return err == nil || errors.Is(err, commands.ErrTokenRevoked)
	})
}

var policies = []string{commands.RevokeBlacklist, commands.RevokeWhitelist, commands.RevokeBoth}

func eachPolicy(t *testing.T, test func(*testing.T, string)) {
	for _, policy := range policies {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			test(t, policy)
		})
	}
}

// S5: the moment a sign-out is answered, no node lets the session in, however
// far behind its tail is. Without Redis it would.
func TestSignOutCountsOnEveryNodeAtOnce(t *testing.T) {
	t.Parallel()
	eachPolicy(t, func(t *testing.T, policy string) {
		a := newApart(t, policy)
		ctx := t.Context()
		ada := a.member(a.here, "ada")
		second, third, kept := a.signIn(a.here, "ada"), a.signIn(a.here, "ada"), a.signIn(a.here, "ada")
		bob := a.member(a.here, "bob")
		alone := a.node(func(cfg *commands.Config, deps *commands.Deps) { // as the other node, without Redis
			cfg.Freshness, deps.Store, deps.Shared = time.Hour, a.tail, nil
		})
		for _, in := range []commands.SignedIn{ada, second, third, kept, bob} {
			a.asks("alive", in, nil)
			a.settled(in)
			if _, err := alone.Authenticate(ctx, in.AccessToken); err != nil {
				t.Fatal(err)
			}
		}
		a.tail.hold()
		defer a.tail.let()
		if _, err := a.here.EndSession(ctx, actorOf(ada), ada.Session); err != nil {
			t.Fatal(err)
		}
		a.asks("signed out", ada, commands.ErrTokenRevoked)
		a.asks("another session", second, nil)
		if _, err := alone.Authenticate(ctx, ada.AccessToken); err != nil {
			t.Error("the tail is not held: this test proves nothing")
		}
		if _, err := a.here.EndSessions(ctx, actorOf(kept), kept.Session); err != nil {
			t.Fatal(err)
		}
		a.asks("all but one", second, commands.ErrTokenRevoked)
		a.asks("all but one", third, commands.ErrTokenRevoked)
		a.asks("the one", kept, nil)
		a.asks("another's", bob, nil)
		after := a.signIn(a.here, "ada")
		a.asks("signed in since", after, nil)
		if _, err := a.here.EndSessions(ctx, actorOf(kept), uuid.Nil); err != nil {
			t.Fatal(err)
		}
		a.asks("all", kept, commands.ErrTokenRevoked)
		a.asks("all", after, commands.ErrTokenRevoked)
		a.asks("signed in at last", a.signIn(a.here, "ada"), nil)
	})
}

// S2, S5: a refresh token that comes back ends its session on every node.
func TestReuseCountsOnEveryNodeAtOnce(t *testing.T) {
	t.Parallel()
	a := newApart(t, commands.RevokeBlacklist)
	in := a.member(a.here, "ada")
	a.asks("alive", in, nil)
	a.settled(in)
	a.tail.hold()
	defer a.tail.let()
	next, err := a.here.Refresh(t.Context(), in.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	a.asks("refreshed", next, nil)
	a.moved.Add(int64(time.Minute))
	_, err = a.here.Refresh(t.Context(), in.RefreshToken)
	want(t, "reuse", err, session.ErrRefreshReused)
	a.asks("reused", next, commands.ErrTokenRevoked)
}

// S5: Redis may be emptied at any time: nobody is signed out, nobody gets back
// in, and soon it serves again.
func TestEmptiedRedis(t *testing.T) {
	t.Parallel()
	eachPolicy(t, func(t *testing.T, policy string) {
		a := newApart(t, policy)
		ctx := t.Context()
		ada, bob := a.member(a.here, "ada"), a.member(a.here, "bob")
		second := a.signIn(a.here, "ada")
		var quiet [5]commands.SignedIn // ended, and not asked for until Redis serves again
		for i := range quiet {
			quiet[i] = a.signIn(a.here, "bob")
		}
		for _, in := range append(quiet[:], ada, bob, second) {
			a.asks("alive", in, nil)
			a.settled(in)
		}
		a.tail.hold()
		if _, err := a.here.EndSession(ctx, actorOf(ada), ada.Session); err != nil {
			t.Fatal(err)
		}
		a.asks("signed out", ada, commands.ErrTokenRevoked)
		for round := range quiet {
			if _, err := a.here.EndSession(ctx, actorOf(bob), quiet[round].Session); err != nil {
				t.Fatal(err)
			}
			a.redis.FlushAll()
			for range 5 {
				a.asks("signed out, emptied", ada, commands.ErrTokenRevoked)
				a.asks("alive, emptied", bob, nil)
				a.asks("alive, emptied", second, nil)
			}
			soon(t, "a new mark", func() bool {
				a.asks("signed out, while filled", ada, commands.ErrTokenRevoked)
				a.asks("alive, while filled", bob, nil)
				return a.redis.Exists("p:mark")
			})
			a.settled(bob)
			// The end is older than the mark, and the tail has not come by it yet.
			a.asks("signed out, filled", quiet[round], commands.ErrTokenRevoked)
			a.asks("signed out, filled", ada, commands.ErrTokenRevoked)
			a.asks("alive, filled", bob, nil)
		}
		a.tail.let()
		for _, in := range []commands.SignedIn{bob, second, ada} {
			a.settled(in)
		}
		a.asks("signed out, and known to be", ada, commands.ErrTokenRevoked)
		a.tail.hold()
		defer a.tail.let()
		if _, err := a.here.EndSessions(ctx, actorOf(second), uuid.Nil); err != nil {
			t.Fatal(err)
		}
		a.asks("ended since", second, commands.ErrTokenRevoked)
	})
}

// S5: without Redis sessions are read from the log; who ends them is answered
// all the same. When it comes back it serves again.
func TestDeadRedis(t *testing.T) {
	t.Parallel()
	eachPolicy(t, func(t *testing.T, policy string) {
		a := newApart(t, policy)
		ctx := t.Context()
		ada, bob := a.member(a.here, "ada"), a.member(a.here, "bob")
		for _, in := range []commands.SignedIn{ada, bob} {
			a.asks("alive", in, nil)
			a.settled(in)
		}
		a.tail.hold()
		a.redis.Close()
		a.asks("dead", ada, nil)
		if _, err := a.here.EndSession(ctx, actorOf(ada), ada.Session); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			a.asks("signed out, dead", ada, commands.ErrTokenRevoked)
			a.asks("alive, dead", bob, nil)
		}
		a.tail.let()
		if err := a.redis.Restart(); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			a.asks("signed out, back", ada, commands.ErrTokenRevoked)
			a.asks("alive, back", bob, nil)
		}
		a.settled(bob)
		a.settled(ada)
		a.asks("signed out, back for long", ada, commands.ErrTokenRevoked)
	})
}

// S5: neither Redis nor the log: who asks is told to come back, not let in.
func TestNeitherRedisNorLog(t *testing.T) {
	t.Parallel()
	a := newApart(t, commands.RevokeBlacklist)
	in := a.member(a.here, "ada")
	a.asks("alive", in, nil)
	a.settled(in)
	a.redis.Close()
	a.tail.away.Store(true)
	_, err := a.there.Authenticate(t.Context(), in.AccessToken)
	if f := fault.As(err); f == nil || f.Kind != fault.Unavailable {
		t.Errorf("%v", err)
	}
}

// S5: a process that dies between its append and Redis loses nothing: the tail
// tells the others.
func TestCrashBetweenAppendAndRedis(t *testing.T) {
	t.Parallel()
	a := newApart(t, commands.RevokeBlacklist)
	in := a.member(a.here, "ada")
	a.asks("alive", in, nil)
	a.settled(in)
	dead := a.node(func(_ *commands.Config, deps *commands.Deps) { deps.Shared = nil }) // appends, and tells nobody
	if _, err := dead.EndSession(t.Context(), actorOf(in), in.Session); err != nil {
		t.Fatal(err)
	}
	soon(t, "the other node to see it", func() bool {
		_, err := a.there.Authenticate(t.Context(), in.AccessToken)
		return errors.Is(err, commands.ErrTokenRevoked)
	})
}

// S5: a list of live sessions costs a read of the log once a session, not once
// a request.
func TestWhitelistIsPutBack(t *testing.T) {
	t.Parallel()
	a := newApart(t, commands.RevokeWhitelist)
	in := a.member(a.here, "ada")
	a.asks("alive", in, nil)
	a.settled(in)
	key := "p:live:" + in.Session.String()
	soon(t, "the session on the list", func() bool {
		a.asks("alive", in, nil)
		return a.redis.Exists(key)
	})
	if ttl := a.redis.TTL(key); ttl <= 0 || ttl > 15*time.Minute {
		t.Errorf("it is kept for %s", ttl)
	}
	a.redis.Del(key)
	a.asks("taken off the list by nobody", in, nil)
	if !a.redis.Exists(key) {
		t.Error("it was not put back")
	}
}

// S5: a mark of another log, as after a restore, is not believed.
func TestMarkOfAnotherLog(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	foreign := uuid.NewString() + " 999999 x"
	if err := c.redis.Set("p:mark", foreign); err != nil {
		t.Fatal(err)
	}
	n := c.node(asIs)
	in := c.member(n, "ada")
	soon(t, "a mark of our own", func() bool {
		if _, err := n.Authenticate(t.Context(), in.AccessToken); err != nil {
			t.Fatal(err)
		}
		text, err := c.redis.Get("p:mark")
		return err == nil && text != foreign
	})
}

// hung is a store whose server was paused: it takes what it is asked, and
// never answers.
type hung struct {
	commands.Shared
	paused atomic.Bool
	asked  atomic.Int64
}

func (s *hung) wait(ctx context.Context) error {
	if !s.paused.Load() {
		return nil
	}
	s.asked.Add(1)
	<-ctx.Done()
	return ctx.Err()
}

// Pass implements commands.Shared, as the others do.
func (s *hung) Pass(ctx context.Context, draws []commands.Draw, account, session uuid.UUID) ([]commands.Level, commands.Standing, error) {
	if err := s.wait(ctx); err != nil {
		return nil, commands.Standing{}, err
	}
	return s.Shared.Pass(ctx, draws, account, session)
}

func (s *hung) Locked(ctx context.Context, locks []commands.Lock) (time.Duration, error) {
	if err := s.wait(ctx); err != nil {
		return 0, err
	}
	return s.Shared.Locked(ctx, locks)
}

func (s *hung) Revoke(ctx context.Context, r commands.Revocation, ttl time.Duration) error {
	if err := s.wait(ctx); err != nil {
		return err
	}
	return s.Shared.Revoke(ctx, r, ttl)
}

// S5, S11: a Redis that hangs is as good as none. One request finds out and is
// answered all the same; those after it wait for nothing.
func TestHungRedis(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	store := &hung{}
	n := c.node(func(cfg *commands.Config, deps *commands.Deps) {
		cfg.SharedSlow, cfg.SharedPause = 20*time.Millisecond, time.Hour
		store.Shared, deps.Shared = deps.Shared, store
	})
	early := c.node(func(*commands.Config, *commands.Deps) {}) // which n must not wait too long for
	in, other := c.member(early, "ada"), c.signIn(early, "ada")
	store.paused.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // as requests are bounded
	defer cancel()
	for range 20 {
		if _, levels, err := n.Admit(ctx, commands.Arrival{Token: in.AccessToken, Route: "r"}); err != nil || len(levels) == 0 {
			t.Fatalf("while Redis hangs: %v, limits %v", err, levels)
		}
	}
	if asked := store.asked.Load(); asked != 1 {
		t.Errorf("%d requests waited for it", asked)
	}
	c.signIn(n, "ada")
	if _, err := n.EndSession(ctx, actorOf(in), other.Session); err != nil {
		t.Fatal(err)
	}
	_, err := n.Authenticate(ctx, other.AccessToken)
	want(t, "signed out while Redis hangs", err, commands.ErrTokenRevoked)
}

// S5: on the embedded stack nobody is asked, and nothing read.
func TestEmbeddedAsksNobody(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	store := &late{Store: c.log}
	n := c.node(func(_ *commands.Config, deps *commands.Deps) { deps.Shared, deps.Store = nil, store })
	in := c.member(n, "ada")
	soon(t, "the state in memory", func() bool {
		before := store.read.Load()
		if _, err := n.Authenticate(t.Context(), in.AccessToken); err != nil {
			t.Fatal(err)
		}
		return store.read.Load() == before
	})
	before, commandsBefore := store.read.Load(), c.redis.CommandCount()
	for range 100 {
		if _, _, err := n.Admit(t.Context(), commands.Arrival{Token: in.AccessToken, Network: "10.0.0.1", Route: "r", Write: true}); err != nil {
			t.Fatal(err)
		}
	}
	if store.read.Load() != before || c.redis.CommandCount() != commandsBefore {
		t.Error("somebody was asked")
	}
}

// counted is a store that counts what it is asked.
type counted struct {
	commands.Shared
	passes, more atomic.Int64
}

// Pass implements commands.Shared, as the others do.
func (s *counted) Pass(ctx context.Context, draws []commands.Draw, account, session uuid.UUID) ([]commands.Level, commands.Standing, error) {
	s.passes.Add(1)
	return s.Shared.Pass(ctx, draws, account, session)
}

func (s *counted) Draw(ctx context.Context, draws []commands.Draw) ([]commands.Level, error) {
	s.more.Add(1)
	return s.Shared.Draw(ctx, draws)
}

func (s *counted) Enlist(ctx context.Context, session uuid.UUID, mark string, ttl time.Duration) error {
	s.more.Add(1)
	return s.Shared.Enlist(ctx, session, mark, ttl)
}

// S5, S11: limits and the look-up of the session ask the store once a request,
// and once its mark is trusted no log is read; infra/redis makes one round trip
// of it.
func TestOneLookUpARequest(t *testing.T) {
	t.Parallel()
	eachPolicy(t, func(t *testing.T, policy string) {
		c := newCluster(t)
		store, log := &counted{}, &late{Store: c.log}
		n := c.node(func(cfg *commands.Config, deps *commands.Deps) {
			cfg.Revocation, cfg.Freshness = policy, time.Hour
			many := commands.Rate{Count: 1e9, Per: time.Minute}
			cfg.Limits.Account, cfg.Limits.Write = many, many
			store.Shared, deps.Shared, deps.Store = deps.Shared, store, log
		})
		in := c.member(n, "ada")
		admit := func() {
			t.Helper()
			if _, _, err := n.Admit(t.Context(), commands.Arrival{Token: in.AccessToken, Network: "10.0.0.1", Route: "r", Write: true}); err != nil {
				t.Fatal(err)
			}
		}
		soon(t, "a mark that is trusted, and a session that is enlisted", func() bool { // enlisting goes on after answers
			passes, more, reads := store.passes.Load(), store.more.Load(), log.read.Load()
			for range 20 {
				admit()
			}
			if got := store.passes.Load() - passes; got != 20 {
				t.Fatalf("20 requests: %d look-ups", got)
			}
			return store.more.Load() == more && log.read.Load() == reads
		})
	})
}
