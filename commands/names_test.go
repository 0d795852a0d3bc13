package commands

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
)

// oneOwner holds invariant 3 at every position of the log: of all accounts
// that exist at most one names a claim, and it is the one that claimed it.
func (c *community) oneOwner() (owners map[string]uuid.UUID) {
	c.t.Helper()
	accounts, claims := map[uuid.UUID]*account.Account{}, map[string]*account.Claim{}
	for rec, err := range c.store.All(context.Background(), 0, event.Filter{}) {
		if err != nil {
			c.t.Fatal(err)
		}
		d, err := c.codec.Decode(context.Background(), rec)
		if err != nil {
			c.t.Fatal(err)
		}
		switch {
		case isClaim(rec.Stream):
			if claims[rec.Stream] == nil {
				claims[rec.Stream] = account.NewClaim()
			}
			claims[rec.Stream].Apply(d)
		case rec.Category() == "account":
			id := uuid.MustParse(event.StreamID(rec.Stream))
			if accounts[id] == nil {
				accounts[id] = account.New()
			}
			accounts[id].Apply(d)
		}
		owners = map[string]uuid.UUID{}
		for id, a := range accounts {
			names := []string{a.EmailClaim, a.HandleClaim}
			for _, i := range a.Identities() {
				names = append(names, i.Claim)
			}
			for _, k := range a.Passkeys() {
				names = append(names, k.Claim)
			}
			for _, name := range names {
				if name == "" || !a.Names(name) {
					continue
				}
				if other, taken := owners[name]; taken {
					c.t.Fatalf("at %d both %s and %s name %s", rec.Position, other, id, name)
				}
				owners[name] = id
				if claims[name] == nil || claims[name].Owner != id {
					c.t.Fatalf("at %d %s names %s, which is not its own", rec.Position, id, name)
				}
			}
		}
	}
	return owners
}

// stalling is a store whose Append number n waits before it acts; the process
// on it may be killed there.
type stalling struct {
	event.Store
	mu     sync.Mutex
	n      int           // the append that stalls, from 1
	after  bool          // it stalls after it acted, not before
	killed bool          // every append fails from here on
	stalls chan struct{} // closed when it stalls
	resume chan struct{}
}

func stallAt(store event.Store, n int, after bool) *stalling {
	return &stalling{Store: store, n: n, after: after, stalls: make(chan struct{}), resume: make(chan struct{})}
}

var errKilled = errors.New("the process was killed")

func (s *stalling) Append(ctx context.Context, stream string, expected event.Expected, events []event.Event) (event.Result, error) {
	s.mu.Lock()
	s.n--
	mine := s.n == 0
	s.mu.Unlock()
	if mine && !s.after {
		s.wait()
	}
	if s.dead() {
		return event.Result{}, errKilled
	}
	res, err := s.Store.Append(ctx, stream, expected, events)
	if mine && s.after {
		s.wait()
		if s.dead() {
			return event.Result{}, errKilled
		}
	}
	return res, err
}

func (s *stalling) wait() {
	close(s.stalls)
	<-s.resume
}

func (s *stalling) dead() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.killed
}

func (s *stalling) goOn(kill bool) {
	s.mu.Lock()
	s.killed = kill
	s.mu.Unlock()
	close(s.resume)
}

// eachStall runs a test for every append of so many that stalls, before or after
// it acted, and whose process goes on or is killed then.
func eachStall(t *testing.T, appends int, test func(t *testing.T, n int, after, kill bool)) {
	for n := 1; n <= appends; n++ {
		for _, after := range []bool{false, true} {
			for _, kill := range []bool{false, true} {
				t.Run(fmt.Sprintf("append %d, after=%v, killed=%v", n, after, kill), func(t *testing.T) {
					t.Parallel()
					test(t, n, after, kill)
				})
			}
		}
	}
}

// A1, invariant 3: a claimant stalls, or dies, between every two steps of its
// sign-up. Ten minutes later the names are somebody else's, or still its own
// where the sign-up had come through: never both.
func TestStalledClaimants(t *testing.T) {
	t.Parallel()
	const steps = 3 // claim the address, claim the handle, make the account
	eachStall(t, steps, stalledClaimant)
}

func stalledClaimant(t *testing.T, n int, after, kill bool) {
	c := newCommunity(t)
	store := stallAt(c.store, n, after)
	slow := c.node(store, func(cfg *Config) { cfg.AppendTimeout = time.Hour })
	other := c.node(c.store)
	in := SignUp{Email: "ada@example.org", Handle: "ada_lovelace", Password: goodPassword}
	ended := make(chan error, 1)
	go func() {
		_, err := slow.SignUp(context.Background(), in)
		ended <- err
	}()
	<-store.stalls
	early := n == 1 && !after // nothing was claimed yet
	in.Handle = "ada_love1ace"
	if !early {
		if _, err := other.SignUp(t.Context(), in); err == nil {
			t.Error("a claim that is seconds old was taken over")
		}
	}
	c.pass(Defaults().ClaimTakeover)
	up, err := other.SignUp(t.Context(), in)
	through := n == 3 && after // the slow one's account was made
	if (err == nil) == through {
		t.Errorf("the second sign-up: %v", err)
	}
	if kill {
		store.goOn(true)
		<-ended
	} else {
		store.goOn(false)
		if err := <-ended; (err == nil) != through {
			t.Errorf("the slow sign-up: %v", err)
		}
	}
	owners := c.oneOwner()
	if len(owners) != 2 {
		t.Fatalf("names are owned by %v", owners)
	}
	for name, owner := range owners {
		if !through && owner != up.Account {
			t.Errorf("%s is owned by %s", name, owner)
		}
	}
	if _, err := other.SignIn(t.Context(), SignIn{Login: "ada@example.org", Password: goodPassword}); err != nil {
		t.Error(err)
	}
}

// A1: a refused sign-up leaves no claim, whichever name was refused.
func TestRefusedSignUpLeavesNoClaim(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	store := stallAt(c.store, 1, true) // between the address and the handle
	slow, other := c.node(store), c.node(c.store)
	ended := make(chan error, 1)
	go func() {
		_, err := slow.SignUp(context.Background(), SignUp{Email: "ada@example.org", Handle: "ada", Password: goodPassword})
		ended <- err
	}()
	<-store.stalls
	if _, err := other.SignUp(t.Context(), SignUp{Email: "bob@example.org", Handle: "ada", Password: goodPassword}); err != nil {
		t.Fatal(err)
	}
	store.goOn(false)
	want(t, <-ended, account.ErrHandleTaken)
	if _, err := other.SignUp(t.Context(), SignUp{Email: "ada@example.org", Handle: "ada_2", Password: goodPassword}); err != nil {
		t.Errorf("the address stayed claimed: %v", err)
	}
	c.oneOwner()
}

// A1, invariant 3: many sign-ups for the same names at once, on two nodes,
// some of which take claims over as soon as they see them.
func TestRacingSignUps(t *testing.T) {
	t.Parallel()
	for _, takeover := range []time.Duration{10 * time.Minute, time.Millisecond} {
		t.Run(takeover.String(), func(t *testing.T) {
			t.Parallel()
			c := newCommunity(t)
			hasty := func(cfg *Config) { cfg.ClaimTakeover = takeover }
			nodes := []*Commands{c.node(c.store, hasty), c.node(c.store, hasty)}
			var wg sync.WaitGroup
			var mu sync.Mutex
			won := map[string]int{}
			for i := range 24 {
				in := SignUp{
					Email:  []string{"ada@example.org", "ADA@Example.org", "bob@example.org"}[i%3],
					Handle: []string{"mona", "rnona"}[i%2], Password: goodPassword,
				}
				wg.Go(func() {
					if _, err := nodes[i%2].SignUp(context.Background(), in); err == nil {
						mu.Lock()
						won[in.Email]++
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			owners := c.oneOwner()
			sum := 0
			for _, n := range won {
				sum += n
			}
			if sum > 1 || len(owners) != 2*sum {
				t.Errorf("won: %v, owners: %v", won, owners)
			}
			if takeover > time.Second && sum != 1 {
				t.Errorf("nobody won: %v", won)
			}
		})
	}
}

// A1: an address that was never verified holds its claim for 7 days only; its
// account keeps the handle.
func TestUnverifiedAddressLapses(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	n := c.node(c.store)
	first, err := n.SignUp(t.Context(), SignUp{Email: "ada@example.org", Handle: "ada", Password: goodPassword})
	if err != nil {
		t.Fatal(err)
	}
	c.pass(7*24*time.Hour - time.Minute)
	again := SignUp{Email: "Ada@example.org", Handle: "ada_two", Password: goodPassword}
	_, err = n.SignUp(t.Context(), again)
	want(t, err, account.ErrEmailTaken)
	if _, err := n.RequestVerification(t.Context(), Actor{Account: first.Account}); err != nil {
		t.Fatal(err)
	}
	c.pass(2 * time.Minute)
	second, err := n.SignUp(t.Context(), again)
	if err != nil {
		t.Fatal(err)
	}
	tokens, _ := c.mail.to("ada@example.org")
	_, err = n.Verify(t.Context(), Verify{Token: tokens[1]})
	want(t, err, account.ErrVerification) // it was in time, but the address is another's
	in, err := n.SignIn(t.Context(), SignIn{Login: "ada@example.org", Password: goodPassword})
	if err != nil || in.Account != second.Account {
		t.Errorf("the address signs in %s, %v", in.Account, err)
	}
	in, err = n.SignIn(t.Context(), SignIn{Login: "@Ada", Password: goodPassword})
	if err != nil || in.Account != first.Account {
		t.Errorf("the handle signs in %s, %v", in.Account, err)
	}
	c.oneOwner()
}

// A1: a verified one never does; a verification and a takeover at the same
// moment have one winner.
func TestVerificationAgainstTakeover(t *testing.T) {
	t.Parallel()
	for range 10 {
		c := newCommunity(t)
		nodes := []*Commands{c.node(c.store), c.node(c.store)}
		up, err := nodes[0].SignUp(t.Context(), SignUp{Email: "ada@example.org", Handle: "ada", Password: goodPassword})
		if err != nil {
			t.Fatal(err)
		}
		c.pass(7 * 24 * time.Hour)
		if _, err := nodes[0].RequestVerification(t.Context(), Actor{Account: up.Account}); err != nil {
			t.Fatal(err)
		}
		tokens, _ := c.mail.to("ada@example.org")
		var wg sync.WaitGroup
		var verified, taken error
		wg.Go(func() { _, verified = nodes[0].Verify(context.Background(), Verify{Token: tokens[1]}) })
		wg.Go(func() {
			_, taken = nodes[1].SignUp(context.Background(), SignUp{Email: "ada@example.org", Handle: "bob", Password: goodPassword})
		})
		wg.Wait()
		if (verified == nil) == (taken == nil) {
			t.Errorf("verified: %v, taken over: %v", verified, taken)
		}
		c.oneOwner()
	}
}
