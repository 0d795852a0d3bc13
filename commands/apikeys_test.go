package commands

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/apikey"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/text"
)

// administrator is the first administrator, signed in on node n.
func (c *community) administrator(n *Commands, handle string) Actor {
	c.t.Helper()
	if _, err := n.CreateAdministrator(c.t.Context(), SignUp{Email: handle + "@example.org", Handle: handle, Password: goodPassword}); err != nil {
		c.t.Fatal(err)
	}
	in, err := n.SignIn(c.t.Context(), SignIn{Login: handle, Password: goodPassword})
	if err != nil {
		c.t.Fatal(err)
	}
	return Actor{Account: in.Account, Session: in.Session}
}

// soon waits until a node has heard of what another did.
func soon(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after %s: not %s", patience, what)
		}
	}
}

// Q4: a key acts for its maker within its scopes, on every node; revoked, it
// is over at once here and soon elsewhere.
func TestAPIKeys(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	n, other := c.node(c.store), c.node(c.store)
	ada := c.administrator(n, "ada")
	made, key, out, err := n.CreateAPIKey(t.Context(), ada, " reader ", []string{apikey.EventsPersonal, apikey.EventsRead})
	if err != nil || made.Name != "reader" || made.CreatedAt.IsZero() || out.Position == 0 {
		t.Fatalf("%+v %+v %v", made, out, err)
	}
	for _, node := range []*Commands{n, other} {
		for _, ask := range []func() (Actor, error){
			func() (Actor, error) { return node.AuthenticateKey(t.Context(), key) },
			func() (Actor, error) { return node.AuthenticateUser(t.Context(), made.ID.String(), key) },
		} {
			got, err := ask()
			if err != nil || got.Account != ada.Account || got.Key != made.ID || !slices.Equal(got.Scopes, []string{apikey.EventsRead, apikey.EventsPersonal}) {
				t.Fatalf("%+v %v", got, err)
			}
			if !got.Within(apikey.EventsRead) || got.Within(apikey.Admin) || !ada.Within(apikey.Admin) {
				t.Error("scopes narrow keys, and those who are signed in not at all")
			}
			want(t, node.MayManageAPIKeys(t.Context(), got), ErrScope)
		}
	}
	if _, err := n.Authenticate(t.Context(), key); !errors.Is(err, ErrTokenInvalid) {
		t.Errorf("a key is no access token: %v", err)
	}
	if _, err := n.RevokeAPIKey(t.Context(), ada, made.ID); err != nil {
		t.Fatal(err)
	}
	_, err = n.AuthenticateKey(t.Context(), key)
	want(t, err, ErrKeyRevoked)
	soon(t, "revoked elsewhere", func() bool {
		_, err := other.AuthenticateKey(t.Context(), key)
		return errors.Is(err, ErrKeyRevoked)
	})
	if again, err := n.RevokeAPIKey(t.Context(), ada, made.ID); err != nil || again.Changed {
		t.Errorf("revoked again: %+v %v", again, err)
	}
	_, err = n.RevokeAPIKey(t.Context(), ada, uuid.New())
	want(t, err, fault.ErrNotFound)
}

// Q4: what is no key, and what is one in everything but a letter, opens
// nothing and is told no more than that.
func TestWrongAPIKeys(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	n := c.node(c.store)
	ada := c.administrator(n, "ada")
	made, key, _, err := n.CreateAPIKey(t.Context(), ada, "reader", []string{apikey.EventsRead})
	if err != nil {
		t.Fatal(err)
	}
	letter := "0"
	if strings.HasSuffix(key, letter) {
		letter = "1"
	}
	forged := key[:len(key)-1] + letter
	if _, err := n.RevokeAPIKey(t.Context(), ada, made.ID); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{"", "parley_", forged, apikey.Text(uuid.New(), strings.Repeat("0", 52)), key + "0"} {
		_, err := n.AuthenticateKey(t.Context(), wrong)
		want(t, err, ErrKeyInvalid)
	}
	for _, user := range []string{"", "ada", uuid.NewString(), "reader"} {
		_, err := n.AuthenticateUser(t.Context(), user, key)
		want(t, err, ErrKeyInvalid)
	}
}

// Q4: administrators alone make and end keys.
func TestWhoMakesAPIKeys(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	n := c.node(c.store)
	ada := c.administrator(n, "ada")
	bob, _ := c.member(n, "bob")
	made, _, _, err := n.CreateAPIKey(t.Context(), ada, "reader", []string{apikey.Admin})
	if err != nil {
		t.Fatal(err)
	}
	for _, by := range []Actor{bob, {}, {Account: uuid.New()}} {
		_, _, _, err := n.CreateAPIKey(t.Context(), by, "", nil)
		want(t, err, fault.ErrForbidden)
		_, err = n.RevokeAPIKey(t.Context(), by, made.ID)
		want(t, err, fault.ErrForbidden)
	}
	for _, test := range []struct {
		name   string
		scopes []string
		want   *fault.Fault
	}{
		{"", []string{apikey.Admin}, fault.ErrInvalid},
		{"x", nil, fault.ErrInvalid},
		{"x", []string{"everything"}, fault.ErrInvalid},
		{"x\x00", []string{apikey.Admin}, text.ErrInvalid},
	} {
		_, _, _, err := n.CreateAPIKey(t.Context(), ada, test.name, test.scopes)
		want(t, err, test.want)
	}
}

// Q4, A12: a key has no more power than its maker: it is over while they are
// no administrator.
func TestAPIKeyEndsWithItsMakersOffice(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	n := c.node(c.store)
	ada := c.administrator(n, "ada")
	_, key, _, err := n.CreateAPIKey(t.Context(), ada, "reader", []string{apikey.EventsRead})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.RevokeAdministrator(t.Context(), ada.Account, "left the team"); err != nil {
		t.Fatal(err)
	}
	_, err = n.AuthenticateKey(t.Context(), key)
	want(t, err, ErrKeyRevoked)
	want(t, n.MayManageAPIKeys(t.Context(), ada), fault.ErrForbidden)
	if _, err := n.GrantAdministrator(t.Context(), ada.Account); err != nil {
		t.Fatal(err)
	}
	if _, err := n.AuthenticateKey(t.Context(), key); err != nil {
		t.Error(err)
	}
}

// Q4, Q9: the log holds neither the key nor its name in the clear.
func TestAPIKeyIsNotInTheLog(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	n := c.node(c.store)
	ada := c.administrator(n, "ada")
	made, key, _, err := n.CreateAPIKey(t.Context(), ada, "bergamot", []string{apikey.EventsRead})
	if err != nil {
		t.Fatal(err)
	}
	_, secret, _ := apikey.Parse(key)
	found := false
	for r, err := range c.store.Stream(t.Context(), apikey.Stream(made.ID), 0, event.Forward) {
		if err != nil {
			t.Fatal(err)
		}
		found = true
		for _, word := range []string{secret, "bergamot", string(apikey.Hash(secret))} {
			if strings.Contains(string(r.Data), word) {
				t.Errorf("the log holds %q: %s", word, r.Data)
			}
		}
	}
	if !found {
		t.Error("there is no event")
	}
}
