package commands_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/infra/memory"
)

// rules are small enough to be met.
func rules() commands.LimitRules {
	return commands.LimitRules{
		SignIn: commands.Rate{Count: 5, Per: time.Minute}, SignUp: commands.Rate{Count: 4, Per: time.Minute},
		Mail: commands.Rate{Count: 3, Per: time.Hour}, Account: commands.Rate{Count: 8, Per: time.Minute},
		Network: commands.Rate{Count: 20, Per: time.Minute}, Write: commands.Rate{Count: 3, Per: time.Minute},
		LockoutFailures: 3, LockoutNetworkFailures: 8, LockoutFirst: time.Minute, LockoutLongest: time.Hour,
	}
}

// limited is a node with those rules, and what a test changes of them.
func limited(changes ...func(*commands.LimitRules)) func(*commands.Config, *commands.Deps) {
	return func(cfg *commands.Config, _ *commands.Deps) {
		cfg.Limits = rules()
		for _, change := range changes {
			change(&cfg.Limits)
		}
	}
}

// admitted asks until it is refused, here and there in turn, and gives how
// often it was not. The waits are at least a second and at most most.
func admitted(t *testing.T, a commands.Arrival, most time.Duration, nodes ...*commands.Commands) (n int) {
	t.Helper()
	for ; n < 1000; n++ {
		_, levels, err := nodes[n%len(nodes)].Admit(t.Context(), a)
		if f := fault.As(err); f != nil && f.Slug == "limit.exceeded" {
			if f.RetryAfter <= 0 || f.RetryAfter > most || len(levels) == 0 {
				t.Errorf("come back after %s, %+v", f.RetryAfter, levels)
			}
			return n
		}
	}
	t.Fatal("never refused")
	return n
}

// S11: what counts for whom, on all nodes together.
func TestRates(t *testing.T) {
	t.Parallel()
	eachStack(t, limited(), func(t *testing.T, c *cluster, here, there *commands.Commands) {
		ada, bob := c.member(here, "ada"), c.member(here, "bob")
		min := time.Minute
		for _, step := range []struct {
			what string
			a    commands.Arrival
			want int
		}{
			{"writes of an account on a route", commands.Arrival{Token: ada.AccessToken, Network: "10.0.0.1", Route: "post", Write: true}, 3},
			{"on another route, and requests in all", commands.Arrival{Token: ada.AccessToken, Network: "10.0.0.2", Route: "like", Write: true}, 3},
			{"reads after that", commands.Arrival{Token: ada.AccessToken, Route: "get"}, 0},
			{"another account", commands.Arrival{Token: bob.AccessToken, Network: "10.0.0.1", Route: "get"}, 8},
			{"sign-ins of a network", commands.Arrival{Network: "10.0.0.1", Route: "signIn", Write: true, Scarce: commands.ScarceSignIn}, 5},
			{"of another network", commands.Arrival{Network: "10.0.0.2", Route: "signIn", Write: true, Scarce: commands.ScarceSignIn}, 5},
			{"sign-ups", commands.Arrival{Network: "10.0.0.1", Route: "signUp", Write: true, Scarce: commands.ScarceSignUp}, 4},
			{"confirmations", commands.Arrival{Network: "10.0.0.1", Route: "verify", Write: true, Scarce: commands.ScarceConfirm}, 4},
			{"other writes of a network", commands.Arrival{Network: "10.0.0.1", Route: "refresh", Write: true}, 3},
			{"its requests in all", commands.Arrival{Network: "10.0.0.1", Route: "get"}, 0},
			{"bad tokens of a network", commands.Arrival{Token: "x", Network: "10.0.0.3", Route: "get"}, 20},
			{"an API key", commands.Arrival{Key: &commands.Actor{Account: uuid.New()}, Route: "get"}, 8},
		} {
			// What is refused by one rule is taken from the others: of "in all" fewer are left than were given.
			if got := admitted(t, step.a, min, here, there); got != step.want {
				t.Errorf("%s: %d, want %d", step.what, got, step.want)
			}
		}
		for range 100 {
			if _, levels, err := here.Admit(t.Context(), commands.Arrival{Route: "get"}); err != nil || levels != nil {
				t.Fatalf("from nowhere: %v %v", levels, err)
			}
		}
		c.pass(min)
		by, levels, err := there.Admit(t.Context(), commands.Arrival{Token: bob.AccessToken, Route: "post", Write: true})
		if err != nil || by == nil || by.Account != bob.Account || len(levels) != 2 {
			t.Fatalf("a minute later: %+v %+v %v", by, levels, err)
		}
		if l := levels[0]; l.Rule != "account" || l.Remaining != 7 || l.Rate.Count != 8 {
			t.Errorf("%+v", l)
		}
		if l := levels[1]; l.Rule != "write" || l.Remaining != 2 || l.Rate.Count != 3 {
			t.Errorf("%+v", l)
		}
	})
}

// S11: whose token is no good counts as their network, and hears why first.
func TestBadTokensAreToldWhy(t *testing.T) {
	t.Parallel()
	eachStack(t, limited(), func(t *testing.T, c *cluster, here, there *commands.Commands) {
		in := c.member(here, "ada")
		if _, err := here.EndSession(t.Context(), actorOf(in), in.Session); err != nil {
			t.Fatal(err)
		}
		_, levels, err := there.Admit(t.Context(), commands.Arrival{Token: "x", Network: "n"})
		want(t, "no token of ours", err, commands.ErrTokenInvalid)
		if len(levels) != 1 || levels[0].Rule != "network" {
			t.Errorf("%+v", levels)
		}
		_, _, err = there.Admit(t.Context(), commands.Arrival{Token: in.AccessToken, Network: "n"})
		want(t, "signed out", err, commands.ErrTokenRevoked)
		c.pass(15 * time.Minute)
		_, _, err = there.Admit(t.Context(), commands.Arrival{Token: in.AccessToken, Network: "n"})
		want(t, "old", err, commands.ErrTokenExpired)
	})
}

func tries(t *testing.T, n *commands.Commands, network, login, password string) error {
	t.Helper()
	ctx := commands.WithClient(t.Context(), commands.Client{Network: network})
	_, err := n.SignIn(ctx, commands.SignIn{Login: login, Password: password})
	return err
}

// lockRest fails the test unless err is a lock that goes on for about d.
func lockRest(t *testing.T, what string, err error, d time.Duration) {
	t.Helper()
	want(t, what, err, commands.ErrLocked)
	if f := fault.As(err); f != nil && (f.RetryAfter > d || f.RetryAfter < d-10*time.Second) {
		t.Errorf("%s: come back after %s, want %s", what, f.RetryAfter, d)
	}
}

// S11: failures lock a login, whoever it is and whether it exists; each lock
// is twice as long; a success makes them forgotten.
func TestLockOut(t *testing.T) {
	t.Parallel()
	for _, login := range []string{"ada", "nobody", "ada@example.org", "nobody@example.org", "no such name"} {
		t.Run(login, func(t *testing.T) {
			t.Parallel()
			eachStack(t, limited(), func(t *testing.T, c *cluster, here, there *commands.Commands) {
				c.member(here, "ada")
				for range 2 {
					want(t, "wrong", tries(t, here, "10.0.0.1", login, "wrong"), commands.ErrBadCredentials)
				}
				want(t, "wrong elsewhere", tries(t, there, "10.0.0.2", " "+strings.ToUpper(login), "wrong"), commands.ErrBadCredentials)
				for _, n := range []*commands.Commands{here, there} {
					lockRest(t, "locked", tries(t, n, "10.0.0.3", login, goodPassword), time.Minute)
				}
				c.pass(time.Minute)
				want(t, "wrong again", tries(t, there, "10.0.0.1", login, "wrong"), commands.ErrBadCredentials)
				lockRest(t, "locked for longer", tries(t, here, "10.0.0.1", login, goodPassword), 2*time.Minute)
				c.pass(2 * time.Minute)
				if strings.HasPrefix(login, "ada") {
					want(t, "right", tries(t, here, "10.0.0.1", login, goodPassword), nil)
					for range 2 {
						want(t, "wrong after a success", tries(t, there, "10.0.0.1", login, "wrong"), commands.ErrBadCredentials)
					}
					want(t, "not locked", tries(t, here, "10.0.0.1", login, goodPassword), nil)
				}
			})
		})
	}
}

// S11: failures lock a network too; an account of one's own does not clear it.
func TestLockOutOfNetwork(t *testing.T) {
	t.Parallel()
	eachStack(t, limited(), func(t *testing.T, c *cluster, here, there *commands.Commands) {
		c.member(here, "ada")
		for i := range 8 {
			want(t, "a guess", tries(t, here, "10.0.0.1", fmt.Sprint("victim", i), "wrong"), commands.ErrBadCredentials)
			if i < 7 {
				want(t, "one's own", tries(t, there, "10.0.0.1", "ada", goodPassword), nil)
			}
		}
		lockRest(t, "the network", tries(t, there, "10.0.0.1", "ada", goodPassword), time.Minute)
		want(t, "elsewhere", tries(t, there, "10.0.0.2", "ada", goodPassword), nil)
		want(t, "from nowhere", tries(t, there, "", "ada", goodPassword), nil)
	})
}

// S11: guesses at once are no more than guesses one after another: of all that
// began before the lock, three are answered.
func TestGuessesAtOnce(t *testing.T) {
	t.Parallel()
	eachStack(t, limited(func(r *commands.LimitRules) { r.LockoutNetworkFailures = 1000 }), func(t *testing.T, c *cluster, here, there *commands.Commands) {
		c.member(here, "ada")
		var answered, locked atomic.Int64
		var all sync.WaitGroup
		for i := range 40 {
			all.Go(func() {
				switch f := fault.As(tries(t, []*commands.Commands{here, there}[i%2], "10.0.0.1", "ada", "wrong")); {
				case f == nil:
					t.Error("let in")
				case f.Slug == "session.bad_credentials":
					answered.Add(1)
				case f.Slug == "session.locked":
					locked.Add(1)
				default:
					t.Error(f)
				}
			})
		}
		all.Wait()
		if answered.Load() != 3 || locked.Load() != 37 {
			t.Errorf("%d were answered, %d met a lock", answered.Load(), locked.Load())
		}
	})
}

// S11: right passwords at once lock nobody out.
func TestRightPasswordsAtOnce(t *testing.T) {
	t.Parallel()
	eachStack(t, limited(), func(t *testing.T, c *cluster, here, there *commands.Commands) {
		c.member(here, "ada")
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				if err := tries(t, []*commands.Commands{here, there}[i%2], "10.0.0.1", "ada", goodPassword); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
}

// S11: mails to an address are limited, whoever asks for them.
func TestMailsToAnAddress(t *testing.T) {
	t.Parallel()
	eachStack(t, limited(), func(t *testing.T, c *cluster, here, there *commands.Commands) {
		in := c.member(here, "ada") // one mail
		for range 2 {
			if _, err := there.RequestVerification(t.Context(), actorOf(in)); err != nil {
				t.Error(err)
			}
		}
		_, err := here.RequestVerification(t.Context(), actorOf(in))
		want(t, "a fourth mail", err, commands.ErrLimited)
		if f := fault.As(err); f != nil && (f.RetryAfter <= 19*time.Minute || f.RetryAfter > 20*time.Minute) {
			t.Errorf("come back after %s", f.RetryAfter)
		}
		if n := c.mails.Load(); n != 3 {
			t.Errorf("%d mails were sent", n)
		}
		_, err = there.SignUp(t.Context(), commands.SignUp{Email: "ADA@example.org", Handle: "other", Password: goodPassword})
		if f := fault.As(err); f == nil || f.Slug != "account.email_taken" {
			t.Errorf("what is taken is told first: %v", err)
		}
		c.pass(20 * time.Minute)
		if _, err := here.RequestVerification(t.Context(), actorOf(in)); err != nil {
			t.Error(err)
		}
	})
}

// S11: without Redis every node counts for itself; nobody gets a 500, and
// not everybody is refused. With it back, all count together again.
func TestLimitsWithoutRedis(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	adjust := func(cfg *commands.Config, _ *commands.Deps) { cfg.Limits = rules() }
	here, there := c.node(adjust), c.node(adjust)
	in := c.member(here, "ada")
	get := commands.Arrival{Token: in.AccessToken, Network: "10.0.0.1", Route: "get"}
	if n := admitted(t, get, time.Minute, here, there); n != 8 {
		t.Errorf("together %d", n)
	}
	c.redis.Close()
	for _, n := range []*commands.Commands{here, there} {
		if n := admitted(t, get, time.Minute, n); n != 8 {
			t.Errorf("alone %d", n)
		}
		for range 3 {
			want(t, "wrong", tries(t, n, "10.0.0.1", "ada", "wrong"), commands.ErrBadCredentials)
		}
		lockRest(t, "locked here", tries(t, n, "10.0.0.1", "ada", "wrong"), time.Minute)
	}
	if err := c.redis.Restart(); err != nil {
		t.Fatal(err)
	}
	soon(t, "Redis to be asked again", func() bool {
		_, levels, err := here.Admit(t.Context(), commands.Arrival{Network: "10.0.0.9", Route: "get"})
		if err != nil || len(levels) != 1 {
			t.Fatal(levels, err)
		}
		_, seen, _ := there.Admit(context.Background(), commands.Arrival{Network: "10.0.0.9", Route: "get"})
		return len(seen) == 1 && seen[0].Remaining == levels[0].Remaining-1
	})
}

// S11: switched off, nothing is limited, and sessions still end everywhere.
func TestLimitsOff(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	off := func(_ *commands.Config, deps *commands.Deps) { deps.Limits = nil }
	here, there := c.node(off), c.node(off)
	in := c.member(here, "ada")
	for range 50 {
		if _, levels, err := there.Admit(t.Context(), commands.Arrival{Token: in.AccessToken, Network: "n", Route: "r", Write: true}); err != nil || levels != nil {
			t.Fatal(levels, err)
		}
	}
	for range 15 {
		want(t, "wrong", tries(t, here, "10.0.0.1", "ada", "wrong"), commands.ErrBadCredentials)
	}
	if _, err := here.EndSession(t.Context(), actorOf(in), in.Session); err != nil {
		t.Fatal(err)
	}
	_, _, err := there.Admit(t.Context(), commands.Arrival{Token: in.AccessToken})
	want(t, "signed out", err, commands.ErrTokenRevoked)
}

// S11: what a signed-in write costs on the embedded stack before its route
// begins: token, session, two buckets.
func BenchmarkAdmit(b *testing.B) {
	for _, limited := range []bool{false, true} {
		b.Run(fmt.Sprintf("limits=%v", limited), func(b *testing.B) {
			c := newCluster(b)
			n := c.node(func(cfg *commands.Config, deps *commands.Deps) {
				deps.Shared, deps.Limits = nil, nil
				cfg.Limits.Account, cfg.Limits.Write = commands.Rate{Count: 1e9, Per: time.Minute}, commands.Rate{Count: 1e9, Per: time.Minute}
				if limited {
					deps.Limits = memory.NewLimits(100_000, c.now)
				}
			})
			a := commands.Arrival{Token: c.member(n, "ada").AccessToken, Network: "10.0.0.1", Route: "sendMessage", Write: true}
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := n.Admit(b.Context(), a); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
