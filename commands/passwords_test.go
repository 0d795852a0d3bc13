package commands

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/fault"
)

// resets waits for so many links that set a password, and gives the newest.
func (c *community) resets(address string, n int) string {
	c.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if tokens, _ := c.mail.to(address); len(tokens) == n {
			return tokens[n-1]
		}
	}
	c.t.Fatalf("no %d mails to %s", n, address)
	return ""
}

func newest(tokens, _ []string) string { return tokens[len(tokens)-1] }

// A5, invariant 3: a reset used at many places at once is used once.
func TestResetAtOnce(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	nodes := []*Commands{c.node(c.store), c.node(c.store)}
	ada, in := c.member(nodes[0], "ada")
	if err := nodes[0].RequestReset(t.Context(), RequestReset{Email: "Ada@example.org"}); err != nil {
		t.Fatal(err)
	}
	token := c.resets("ada@example.org", 2)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var set []string
	for i := range 8 {
		password := fmt.Sprintf("%s %d", goodPassword, i)
		wg.Go(func() {
			_, err := nodes[i%2].ResetPassword(context.Background(), ResetPassword{Token: token, Password: password})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				set = append(set, password)
			} else {
				want(t, err, account.ErrReset)
			}
		})
	}
	wg.Wait()
	if len(set) != 1 {
		t.Fatalf("set: %q", set)
	}
	if _, err := nodes[1].SignIn(t.Context(), SignIn{Login: "ada", Password: set[0]}); err != nil {
		t.Error(err)
	}
	for _, n := range nodes {
		at := WithPosition(t.Context(), c.head())
		_, err := n.Authenticate(at, in.AccessToken)
		want(t, err, ErrTokenRevoked)
		if _, err := n.Refresh(at, in.RefreshToken); err == nil {
			t.Error("an old session goes on")
		}
	}
	if got := c.owned(ada.Account); got != 2 {
		t.Errorf("%d names", got)
	}
}

// A5: for an address that nobody has nothing happens, and the answer is the
// same; so many at once are refused for all alike.
func TestRequestReset(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	n := c.node(c.store)
	if err := n.RequestReset(t.Context(), RequestReset{Email: "nobody@example.org"}); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "x", "a@example.org, b@example.org"} {
		want(t, n.RequestReset(t.Context(), RequestReset{Email: bad}), fault.ErrInvalid)
	}
	n.Close(t.Context()) // waits
	want(t, n.RequestReset(t.Context(), RequestReset{Email: "nobody@example.org"}), fault.ErrUnavailable)
	if len(c.mail.all) != 0 {
		t.Errorf("mails: %v", c.mail.all)
	}
	for _, in := range []ResetPassword{{}, {Token: "x"}, {Password: goodPassword}} {
		_, err := n.ResetPassword(t.Context(), in)
		want(t, err, fault.ErrInvalid)
	}
}

// A6: a new address is claimed from the start, and the old one is free once
// the new one was proven.
func TestChangeEmail(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	n := c.node(c.store)
	ada, _ := c.member(n, "ada")
	to := func(address string) error {
		_, err := n.ChangeEmail(t.Context(), ada, ChangeEmail{Current: goodPassword, Email: address})
		return err
	}
	taken := func(address string, yes bool) {
		t.Helper()
		r, err := n.emailReservation(t.Context(), email{folded: address})
		if err != nil {
			t.Fatal(err)
		}
		if h, err := n.look(t.Context(), r); err != nil || h.yields == yes {
			t.Errorf("%s yields: %v %v", address, h.yields, err)
		}
	}
	if _, err := n.Verify(t.Context(), Verify{Token: newest(c.mail.to("ada@example.org"))}); err != nil {
		t.Fatal(err)
	}
	want(t, to("x"), fault.ErrInvalid)
	_, err := n.ChangeEmail(t.Context(), ada, ChangeEmail{Current: "wrong", Email: "x"})
	want(t, err, account.ErrWrongPassword)
	for _, address := range []string{"one@example.org", "two@example.org"} {
		if err := to(address); err != nil {
			t.Fatal(err)
		}
		taken(address, true)
	}
	taken("one@example.org", false)
	_, err = n.Verify(t.Context(), Verify{Token: newest(c.mail.to("one@example.org"))})
	want(t, err, account.ErrVerification)
	if _, err := n.Verify(t.Context(), Verify{Token: newest(c.mail.to("two@example.org"))}); err != nil {
		t.Fatal(err)
	}
	taken("two@example.org", true)
	taken("ada@example.org", false)

	// One that is not proven in time is anybody's; its mail proves nothing then.
	if err := to("three@example.org"); err != nil {
		t.Fatal(err)
	}
	c.pass(15 * time.Minute)
	bob, _ := c.member(n, "three")
	if _, err := n.RequestVerification(t.Context(), ada); err != nil {
		t.Fatal(err)
	}
	_, err = n.Verify(t.Context(), Verify{Token: newest(c.mail.to("two@example.org"))})
	want(t, err, account.ErrVerification)
	if c.owned(ada.Account) != 2 || c.owned(bob.Account) != 2 {
		t.Error("somebody lacks a name")
	}

	// One that another has ends what is under way, as one that nobody has would.
	if err := to("four@example.org"); err != nil {
		t.Fatal(err)
	}
	before := c.head()
	if err := to("THREE@example.org"); err != nil || c.head() == before {
		t.Errorf("%v, and the log ends at %d", err, c.head())
	}
	taken("four@example.org", false)
	_, err = n.Verify(t.Context(), Verify{Token: newest(c.mail.to("four@example.org"))})
	want(t, err, account.ErrVerification)

	// A new password ends it too.
	if err := to("five@example.org"); err != nil {
		t.Fatal(err)
	}
	if _, err := n.ChangePassword(t.Context(), ada, ChangePassword{Current: goodPassword, Password: goodPassword + "!"}); err != nil {
		t.Fatal(err)
	}
	taken("five@example.org", false)
	c.oneOwner()
}

// head is where the log ends.
func (c *community) head() uint64 {
	head, err := c.store.Head(context.Background())
	if err != nil {
		c.t.Fatal(err)
	}
	return head
}

// owned counts the names of an account.
func (c *community) owned(id uuid.UUID) (n int) {
	for _, owner := range c.oneOwner() {
		if owner == id {
			n++
		}
	}
	return n
}

// A6, invariant 3: many changes of names to and fro, on two nodes, beside
// sign-ups for the same ones, while claims are taken over as soon as they are
// seen: nobody ever shares a name, and nobody is left without one.
func TestRacingNames(t *testing.T) {
	t.Parallel()
	for _, takeover := range []time.Duration{10 * time.Minute, time.Millisecond} {
		t.Run(takeover.String(), func(t *testing.T) {
			t.Parallel()
			c := newCommunity(t)
			hasty := func(cfg *Config) {
				cfg.ClaimTakeover, cfg.VerificationTTL = takeover, max(takeover, 5*time.Millisecond)
			}
			nodes := []*Commands{c.node(c.store, hasty), c.node(c.store, hasty)}
			var people []Actor
			for _, handle := range []string{"ada", "bob", "eve"} {
				who, _ := c.member(nodes[0], handle)
				people = append(people, who)
			}
			handles := []string{"ada", "bob", "mona", "rnona", "eve", "ad4"}
			var wg sync.WaitGroup
			for i := range 6 {
				who, n := people[i%3], nodes[i%2]
				wg.Go(func() {
					for j := range 6 {
						handle := handles[(i+j)%len(handles)]
						_, err := n.ChangeHandle(context.Background(), who, ChangeHandle{Handle: handle})
						fine(t, err)
						_, err = n.ChangeEmail(context.Background(), who, ChangeEmail{Current: goodPassword, Email: handle + "@example.net"})
						fine(t, err)
						if tokens, _ := c.mail.to(handle + "@example.net"); len(tokens) > 0 {
							_, err = n.Verify(context.Background(), Verify{Token: tokens[len(tokens)-1]})
							fine(t, err)
						}
					}
				})
			}
			wg.Go(func() {
				for _, handle := range handles {
					_, err := nodes[0].SignUp(context.Background(), SignUp{Email: handle + "@example.net", Handle: handle, Password: goodPassword})
					fine(t, err)
				}
			})
			wg.Wait()
			for _, who := range people {
				if n := c.owned(who.Account); n != 2 {
					t.Errorf("%s has %d names", who.Account, n)
				}
			}
		})
	}
}

// fine fails the test at what is no fault of the caller's.
func fine(t *testing.T, err error) {
	if f := fault.As(err); err != nil && (f == nil || f.Kind != fault.Conflict && f.Kind != fault.Invalid) {
		t.Error(err)
	}
}

// A6, invariant 3: a change of handle stalls, or dies, between every two
// steps; ten minutes later the name is somebody else's, or its own: never both.
func TestStalledRenaming(t *testing.T) {
	t.Parallel()
	const steps = 3 // claim the new handle, name it, free the old one
	eachStall(t, steps, func(t *testing.T, n int, after, kill bool) {
		c := newCommunity(t)
		other := c.node(c.store)
		ada, _ := c.member(other, "ada")
		store := stallAt(c.store, n, after)
		slow := c.node(store, func(cfg *Config) { cfg.AppendTimeout = time.Hour })
		ended := make(chan error, 1)
		go func() {
			_, err := slow.ChangeHandle(context.Background(), ada, ChangeHandle{Handle: "mona"})
			ended <- err
		}()
		<-store.stalls
		c.pass(Defaults().ClaimTakeover)
		_, err := other.SignUp(t.Context(), SignUp{Email: "eve@example.org", Handle: "rnona", Password: goodPassword})
		if named := n == 3 || n == 2 && after; (err == nil) == named {
			t.Errorf("the second one: %v", err)
		}
		store.goOn(kill)
		<-ended
		had, err := other.accountByHandle(WithPosition(t.Context(), c.head()), "ada")
		if err != nil {
			t.Fatal(err)
		}
		_, err = other.SignUp(t.Context(), SignUp{Email: "bob@example.org", Handle: "ada", Password: goodPassword})
		if had == uuid.Nil && err != nil {
			t.Errorf("the old name: %v", err)
		} else if had != uuid.Nil {
			want(t, err, account.ErrHandleTaken)
		}
		if got := c.owned(ada.Account); got != 2 {
			t.Errorf("%d names", got)
		}
	})
}
