package commands

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/fault"
)

// doorman is a provider that vouches for the subject that the code names.
type doorman struct{}

// Has implements Providers.
func (*doorman) Has(name string) bool { return name == "door" }

// Begin implements Providers: the address is the state.
func (*doorman) Begin(_ context.Context, _ string, a Authorization) (string, error) {
	return a.State, nil
}

// Finish implements Providers.
func (*doorman) Finish(_ context.Context, _ string, _ Authorization, back Authorized) (Identity, error) {
	if back.Error != "" {
		return Identity{}, ErrDenied
	}
	return visitor(back.Code), nil
}

// visitor is somebody with a verified address.
func visitor(subject string) Identity {
	return Identity{Issuer: "https://door.example", Subject: subject, Email: subject + "@door.example", EmailVerified: true}
}

// vouched is an identity with its claim.
func (c *community) vouched(n *Commands, subject string) voucher {
	c.t.Helper()
	v, err := n.vouch(c.t.Context(), "door", visitor(subject))
	if err != nil {
		c.t.Fatal(err)
	}
	return v
}

const ownPage = "http://127.0.0.1:8080/in"

// A9: states and codes end in time; what a page cannot use stays as it is.
func TestA9_Times(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	n := c.node(c.store)
	begin := func() OAuthBegun {
		t.Helper()
		begun, err := n.BeginOAuth(t.Context(), BeginOAuth{Provider: "door", Redirect: ownPage})
		if err != nil || begun.TTL != 11*time.Minute {
			t.Fatal(begun, err)
		}
		return begun
	}
	back := func(b OAuthBegun) (string, error) {
		page, err := n.ReturnOAuth(t.Context(), OAuthReturn{Provider: "door", State: b.URL, Browser: b.Browser, Answer: Authorized{Code: "ada"}})
		return strings.TrimPrefix(page, ownPage+"#code="), err
	}
	b := begin()
	c.pass(10*time.Minute + time.Second)
	_, err := back(b)
	want(t, err, ErrOAuthState)

	b = begin()
	c.pass(9 * time.Minute)
	code, err := back(b)
	if err != nil || !isOAuthText(code) {
		t.Fatal(code, err)
	}
	c.pass(time.Minute + time.Second)
	_, err = n.ExchangeOAuth(t.Context(), ExchangeOAuth{Code: code, Browser: b.Browser})
	want(t, err, ErrOAuthCode)

	b = begin()
	if code, err = back(b); err != nil {
		t.Fatal(err)
	}
	c.pass(50 * time.Second)
	in, err := n.ExchangeOAuth(t.Context(), ExchangeOAuth{Code: code, Browser: b.Browser})
	if err != nil || in.Account == uuid.Nil {
		t.Fatal(in, err)
	}
	again, err := n.BeginOAuth(t.Context(), BeginOAuth{Provider: "door", Redirect: ownPage, Browser: "planted"})
	if err != nil || again.Browser == "planted" || !isOAuthText(again.Browser) {
		t.Errorf("a cookie that is none of ours was taken: %+v %v", again, err)
	}
	kept, err := n.BeginOAuth(t.Context(), BeginOAuth{Provider: "door", Redirect: ownPage, Browser: again.Browser})
	if err != nil || kept.Browser != again.Browser || kept.URL == again.URL {
		t.Errorf("two windows: %+v %+v %v", again, kept, err)
	}
}

// A9: a stolen token makes no way in that stays: linking and unlinking need a
// sign-in that is new.
func TestA9_RecentSignIn(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	n := c.node(c.store)
	ada, _ := c.member(n, "ada")
	start := BeginOAuth{Provider: "door", Redirect: ownPage, Link: &ada}
	if _, err := n.BeginOAuth(t.Context(), start); err != nil {
		t.Fatal(err)
	}
	if err := n.linkIdentity(t.Context(), ada, c.vouched(n, "ada")); err != nil {
		t.Fatal(err)
	}
	c.pass(11 * time.Minute)
	_, err := n.BeginOAuth(t.Context(), start)
	want(t, err, ErrNotRecent)
	_, err = n.UnlinkIdentity(t.Context(), ada, "door")
	want(t, err, ErrNotRecent)
}

// A9: where there is no provider there is nothing.
func TestA9_NoProvider(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	n := c.node(c.store)
	_, err := n.BeginOAuth(t.Context(), BeginOAuth{Provider: "window", Redirect: ownPage})
	want(t, err, fault.ErrNotFound)
	n.deps.Providers = nil
	_, err = n.BeginOAuth(t.Context(), BeginOAuth{Provider: "door", Redirect: ownPage})
	want(t, err, fault.ErrNotFound)
}

// A9: an address that was never verified is taken neither over nor into, until
// it lapses; then its account keeps the rest.
func TestA9_UnverifiedAddress(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	n := c.node(c.store)
	first, err := n.SignUp(t.Context(), SignUp{Email: "ada@door.example", Handle: "squatter", Password: goodPassword})
	if err != nil {
		t.Fatal(err)
	}
	v := c.vouched(n, "ada")
	_, err = n.accountOf(t.Context(), v)
	want(t, err, ErrEmailKnown)
	c.pass(7 * 24 * time.Hour)
	id, err := n.accountOf(t.Context(), v)
	if err != nil || id == first.Account {
		t.Fatal(id, err)
	}
	if in, err := n.SignIn(t.Context(), SignIn{Login: "squatter", Password: goodPassword}); err != nil || in.Account != first.Account {
		t.Errorf("%+v %v", in, err)
	}
	_, err = n.SignIn(t.Context(), SignIn{Login: "ada@door.example", Password: goodPassword})
	want(t, err, ErrBadCredentials)
	c.oneOwner()
}

// A9, invariant 3: a linking stalls, or dies, between every two steps. Ten
// minutes later somebody else links the identity, or cannot: never both have
// it.
func TestA9_StalledLinkings(t *testing.T) {
	t.Parallel()
	const steps = 2 // claim, link
	eachStall(t, steps, func(t *testing.T, n int, after, kill bool) {
		c := newCommunity(t)
		other := c.node(c.store)
		ada, _ := c.member(other, "ada")
		bob, _ := c.member(other, "bob")
		store := stallAt(c.store, n, after)
		slow := c.node(store, func(cfg *Config) { cfg.AppendTimeout = time.Hour })
		v := c.vouched(other, "x")
		ended := make(chan error, 1)
		go func() { ended <- slow.linkIdentity(context.Background(), ada, v) }()
		<-store.stalls
		claimed, through := n > 1 || after, n == 2 && after
		if err := other.linkIdentity(t.Context(), bob, v); (err == nil) == claimed {
			t.Errorf("at once: %v", err)
		}
		c.pass(Defaults().ClaimTakeover)
		if err := other.linkIdentity(t.Context(), bob, v); (err == nil) == through {
			t.Errorf("later: %v", err)
		}
		store.goOn(kill)
		err := <-ended
		if !kill && (err == nil) != through {
			t.Errorf("the slow one: %v", err)
		}
		owner := bob.Account
		if through {
			owner = ada.Account
		}
		if got := c.oneOwner()[v.claim.stream]; got != owner {
			t.Errorf("it is %s's", got)
		}
	})
}

// A9, invariant 3: linked, unlinked and signed up with at once, on two nodes,
// an identity never is two accounts'.
func TestA9_RacingLinkings(t *testing.T) {
	t.Parallel()
	for _, takeover := range []time.Duration{10 * time.Minute, time.Millisecond} {
		t.Run(takeover.String(), func(t *testing.T) {
			t.Parallel()
			c := newCommunity(t)
			hasty := func(cfg *Config) { cfg.ClaimTakeover = takeover }
			nodes := []*Commands{c.node(c.store, hasty), c.node(c.store, hasty)}
			ada, _ := c.member(nodes[0], "ada")
			bob, _ := c.member(nodes[1], "bob")
			v := c.vouched(nodes[0], "x")
			var all sync.WaitGroup
			for i := range 6 {
				dice := rand.New(rand.NewPCG(uint64(i), 7))
				all.Go(func() {
					for range 15 {
						n, by := nodes[dice.IntN(2)], []Actor{ada, bob}[dice.IntN(2)]
						var err error
						if dice.IntN(2) == 0 {
							err = n.linkIdentity(context.Background(), by, v)
						} else {
							_, err = n.UnlinkIdentity(context.Background(), by, "door")
						}
						// Where a claim may be taken over after a millisecond, the one it was taken from is told so.
						superseded := takeover == time.Millisecond && errors.Is(err, account.ErrSuperseded)
						if err != nil && !superseded && !errors.Is(err, account.ErrIdentityTaken) && !errors.Is(err, fault.ErrNotFound) && !errors.Is(err, fault.ErrConflict) {
							t.Errorf("%v", err)
						}
					}
				})
			}
			all.Wait()
			c.oneOwner()
		})
	}
}

// A9: one person in many windows becomes one account.
func TestA9_RacingSignUps(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	nodes := []*Commands{c.node(c.store), c.node(c.store)}
	v := c.vouched(nodes[0], "ada")
	var mu sync.Mutex
	made := map[uuid.UUID]int{}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			id, err := nodes[i%2].accountOf(context.Background(), v)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				made[id]++
			} else if fault.As(err) == nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if owners := c.oneOwner(); len(made) != 1 || len(owners) != 3 {
		t.Errorf("%v, names %v", made, owners)
	}
}

// A9: pages to which a sign-in returns: what the list may hold.
func TestA9_RedirectList(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "app.example", "ftp://app.example/", "https://a@b/", "https://b/#", "https://b/a?", "https://b/*", "https://b/./", "https://b//c", "https://b/%2f"} {
		if _, err := newRedirects("http://own", []string{bad}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	r, err := newRedirects("https://[::1]:443/under", []string{"https://B.example:8443"})
	if err != nil {
		t.Fatal(err)
	}
	for address, ok := range map[string]bool{
		"https://[::1]/x": true, "https://[::1]:443": true, "https://[::2]/": false, "https://b.example:8443/any/page": true, "https://b.example/": false,
	} {
		if err := r.check(address); (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// A9: handles of names, as they come.
func TestA9_FreshHandles(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	for _, limits := range []account.Limits{account.DefaultLimits(), {HandleMin: 1, HandleMax: 3}, {HandleMin: 20, HandleMax: 20}, {HandleMin: 30, HandleMax: 30}} {
		n := c.node(c.store, func(cfg *Config) { cfg.Accounts = limits })
		for _, name := range []string{"", "Ada Lovelace", "日本", strings.Repeat("ab ", 40), "_", "Ø"} {
			for try := range handleTries {
				handle := n.freshHandle(try, name, "")
				if folded, problem := account.FoldHandle(handle, limits); problem != "" || folded != handle {
					t.Errorf("%q, try %d of %q in %+v: %s", handle, try, name, limits, problem)
				}
			}
		}
	}
}
