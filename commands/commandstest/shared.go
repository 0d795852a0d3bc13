package commandstest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
)

// patience bounds every wait for what must happen.
const patience = time.Minute

// Common is a store under test, and what can happen to it.
type Common struct {
	Store   commands.Shared
	Advance Advance
	Empty   func() // somebody empties it
	// Listen hears what is published, until ctx ends; it calls ready once
	// nothing is missed any more.
	Listen func(ctx context.Context, ready func(), hear func([]byte))
}

// Shared runs the suite, Limits' and Tallies'. open makes an empty store for each test.
func Shared(t *testing.T, open func(testing.TB) Common) {
	t.Helper()
	Limits(t, func(t testing.TB) (commands.Limits, Advance) {
		c := open(t)
		return c.Store, c.Advance
	})
	Tallies(t, func(t testing.TB) (commands.Tallies, Advance) {
		c := open(t)
		return c.Store, c.Advance
	})
	for name, test := range map[string]func(*testing.T, Common){
		"nothing is known":        nothingKnown,
		"an ended session":        endedSession,
		"an epoch":                raisedEpoch,
		"ends expire":             endsExpire,
		"drawn and looked up":     drawnAndLookedUp,
		"the list of live ones":   listOfLive,
		"marks":                   marks,
		"emptied while renewing":  emptiedWhileRenewing,
		"renewed at once":         renewedAtOnce,
		"renewing is given up":    renewingFails,
		"revocations are told":    revocationsTold,
		"everything is forgotten": emptied,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func id() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// stands fails the test unless a session stands like that.
func stands(t *testing.T, c Common, account, session uuid.UUID, want commands.Standing) {
	t.Helper()
	_, got, err := c.Store.Pass(t.Context(), nil, account, session)
	if err != nil || got != want {
		t.Errorf("%+v %v, want %+v", got, err, want)
	}
}

func nothingKnown(t *testing.T, c Common) {
	stands(t, c, id(), id(), commands.Standing{})
	if m, err := c.Store.Mark(t.Context()); m != "" || err != nil {
		t.Errorf("mark %q %v", m, err)
	}
	if levels, st, err := c.Store.Pass(t.Context(), nil, uuid.Nil, uuid.Nil); levels != nil || st != (commands.Standing{}) || err != nil {
		t.Errorf("nobody: %v %v %v", levels, st, err)
	}
}

func endedSession(t *testing.T, c Common) {
	account, session := id(), id()
	r := commands.Revocation{Account: account, Session: session, Position: 7}
	must(t, c.Store.Revoke(t.Context(), r, time.Minute))
	must(t, c.Store.Revoke(t.Context(), r, time.Minute))
	stands(t, c, account, session, commands.Standing{Ended: true})
	stands(t, c, account, id(), commands.Standing{})
}

func raisedEpoch(t *testing.T, c Common) {
	account, keep := id(), id()
	for _, r := range []commands.Revocation{{Epoch: 9, Keep: keep}, {Epoch: 10, Keep: keep}, {Epoch: 9}, {Epoch: 2}} {
		r.Account = account
		must(t, c.Store.Revoke(t.Context(), r, time.Minute))
	}
	stands(t, c, account, id(), commands.Standing{Epoch: 10, Keep: keep})
	must(t, c.Store.Revoke(t.Context(), commands.Revocation{Account: account, Epoch: 11}, time.Minute))
	stands(t, c, account, keep, commands.Standing{Epoch: 11})
	stands(t, c, id(), keep, commands.Standing{})
}

func endsExpire(t *testing.T, c Common) {
	account, session := id(), id()
	must(t, c.Store.Revoke(t.Context(), commands.Revocation{Account: account, Session: session}, time.Second))
	must(t, c.Store.Revoke(t.Context(), commands.Revocation{Account: account, Epoch: 1}, time.Second))
	stands(t, c, account, session, commands.Standing{Ended: true, Epoch: 1})
	c.Advance(time.Second)
	stands(t, c, account, session, commands.Standing{})
}

func drawnAndLookedUp(t *testing.T, c Common) {
	account, session := id(), id()
	must(t, c.Store.Revoke(t.Context(), commands.Revocation{Account: account, Session: session}, time.Minute))
	draws := []commands.Draw{
		{Rule: "a", Key: "k", Rate: commands.Rate{Count: 2, Per: time.Minute}},
		{Rule: "b", Key: "k", Rate: commands.Rate{Count: 5, Per: time.Minute}},
	}
	for i := range 3 {
		levels, st, err := c.Store.Pass(t.Context(), draws, account, session)
		must(t, err)
		if len(levels) != 2 || (levels[0].Wait > 0) != (i == 2) || levels[1].Remaining != 4-i || !st.Ended {
			t.Errorf("%d: %+v %+v", i, levels, st)
		}
	}
	levels, st, err := c.Store.Pass(t.Context(), draws[1:], uuid.Nil, uuid.Nil)
	if err != nil || len(levels) != 1 || levels[0].Remaining != 1 || st != (commands.Standing{}) {
		t.Errorf("%+v %+v %v", levels, st, err)
	}
}

func mark(t *testing.T, c Common, old, text string) {
	t.Helper()
	got, err := c.Store.Renew(t.Context(), old, func(context.Context) (string, error) { return text, nil })
	if err != nil || got != text {
		t.Fatalf("mark %q %v, want %q", got, err, text)
	}
}

func listOfLive(t *testing.T, c Common) {
	account, session, ended := id(), id(), id()
	enlist := func(session uuid.UUID, mark string) {
		t.Helper()
		must(t, c.Store.Enlist(t.Context(), session, mark, time.Second))
	}
	mark(t, c, "", "m1")
	enlist(session, "m0")
	stands(t, c, account, session, commands.Standing{Mark: "m1"}) // by what was read under another mark
	enlist(session, "m1")
	stands(t, c, account, session, commands.Standing{Mark: "m1", Live: true})
	must(t, c.Store.Revoke(t.Context(), commands.Revocation{Account: account, Session: ended}, time.Minute))
	enlist(ended, "m1")
	stands(t, c, account, ended, commands.Standing{Mark: "m1", Ended: true})
	must(t, c.Store.Revoke(t.Context(), commands.Revocation{Account: account, Session: session}, time.Minute))
	stands(t, c, account, session, commands.Standing{Mark: "m1", Ended: true})
	third := id()
	enlist(third, "m1")
	c.Advance(time.Second)
	stands(t, c, account, third, commands.Standing{Mark: "m1"})
}

func marks(t *testing.T, c Common) {
	mark(t, c, "", "m1")
	mark(t, c, "m1", "m2")
	got, err := c.Store.Renew(t.Context(), "m1", func(context.Context) (string, error) { return "m3", nil })
	if err != nil || got != "m2" {
		t.Errorf("an old mark was replaced: %q %v", got, err)
	}
	if m, err := c.Store.Mark(t.Context()); m != "m2" || err != nil {
		t.Errorf("%q %v", m, err)
	}
}

func emptiedWhileRenewing(t *testing.T, c Common) {
	account, session := id(), id()
	runs := 0
	got, err := c.Store.Renew(t.Context(), "", func(ctx context.Context) (string, error) {
		if runs++; runs == 1 {
			must(t, c.Store.Revoke(ctx, commands.Revocation{Account: account, Session: session}, time.Minute))
			c.Empty() // the end is lost, so the first mark must not be set
			return "too early", nil
		}
		return "m", nil
	})
	if err != nil || got != "m" || runs != 2 {
		t.Errorf("%q %v after %d runs", got, err, runs)
	}
	stands(t, c, account, session, commands.Standing{Mark: "m"})
}

func renewedAtOnce(t *testing.T, c Common) {
	var mu sync.Mutex
	var got []string
	var all sync.WaitGroup
	for i := range 5 {
		all.Go(func() {
			m, err := c.Store.Renew(t.Context(), "", func(context.Context) (string, error) { return string(rune('a' + i)), nil })
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			got = append(got, m)
		})
	}
	all.Wait()
	stands, err := c.Store.Mark(t.Context())
	must(t, err)
	for _, m := range got {
		if m != stands || m == "" {
			t.Errorf("%q was given, %q stands", got, stands)
			break
		}
	}
}

func renewingFails(t *testing.T, c Common) {
	want := errors.New("no head")
	if _, err := c.Store.Renew(t.Context(), "", func(context.Context) (string, error) { return "", want }); !errors.Is(err, want) {
		t.Errorf("%v", err)
	}
	if m, err := c.Store.Mark(t.Context()); m != "" || err != nil {
		t.Errorf("%q %v", m, err)
	}
}

func revocationsTold(t *testing.T, c Common) {
	ctx, stop := context.WithCancel(t.Context())
	heard := make(chan []byte, 16)
	ready := make(chan struct{})
	var listening sync.WaitGroup
	listening.Go(func() { c.Listen(ctx, func() { close(ready) }, func(m []byte) { heard <- m }) })
	defer listening.Wait()
	defer stop()
	<-ready
	for _, want := range []commands.Revocation{
		{Account: id(), Session: id(), Position: 12},
		{Account: id(), Epoch: 3, Keep: id(), Position: 13},
		{Account: id(), Epoch: 4, Position: 14},
	} {
		must(t, c.Store.Revoke(t.Context(), want, time.Minute))
		select {
		case m := <-heard:
			if got, err := commands.ReadRevocation(m); err != nil || got != want {
				t.Errorf("%+v %v, want %+v", got, err, want)
			}
		case <-time.After(patience):
			t.Fatalf("%+v was not told", want)
		}
	}
}

func emptied(t *testing.T, c Common) {
	account, session := id(), id()
	mark(t, c, "", "m")
	must(t, c.Store.Revoke(t.Context(), commands.Revocation{Account: account, Session: session}, time.Minute))
	c.Empty()
	stands(t, c, account, session, commands.Standing{})
	mark(t, c, "", "m2")
	if got := drawOne(t, c.Store, "r", "k", tenIn20); got.Remaining != 9 {
		t.Errorf("%+v", got)
	}
}
