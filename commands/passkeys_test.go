package commands_test

import (
	"encoding/json"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/commands/passkeys"
	"github.com/parleyhq/parley/domain/account"
)

// phone is an authenticator with one key.
type phone struct {
	t *testing.T
	virtualwebauthn.Authenticator
	key virtualwebauthn.Credential
}

var site = virtualwebauthn.RelyingParty{ID: "localhost", Origin: "http://127.0.0.1:8080"}

func newPhone(t *testing.T, in commands.SignedIn) *phone {
	p := &phone{t: t, key: virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)}
	for len(p.key.Key.AttestationData()) != 77 { // it leaves zeros of coordinates out
		p.key = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	}
	p.Authenticator = virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: in.Account[:]})
	return p
}

// create answers n's challenge for a new passkey.
func (p *phone) create(n *commands.Commands, in commands.SignedIn) commands.PasskeyAnswer {
	p.t.Helper()
	made, err := n.ChallengePasskey(p.t.Context(), actorOf(in))
	if err != nil {
		p.t.Fatal(err)
	}
	options, err := virtualwebauthn.ParseAttestationOptions(string(made.Options))
	if err != nil {
		p.t.Fatal(err)
	}
	return commands.PasskeyAnswer{ID: made.ID, Response: json.RawMessage(virtualwebauthn.CreateAttestationResponse(site, p.Authenticator, p.key, *options))}
}

// get answers n's challenge to sign in.
func (p *phone) get(n *commands.Commands) commands.PasskeyAnswer {
	p.t.Helper()
	made, err := n.AskPasskey(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	options, err := virtualwebauthn.ParseAssertionOptions(string(made.Options))
	if err != nil {
		p.t.Fatal(err)
	}
	return commands.PasskeyAnswer{ID: made.ID, Response: json.RawMessage(virtualwebauthn.CreateAssertionResponse(site, p.Authenticator, p.key, *options))}
}

// A10: challenges are good for one answer, on any node, and for their time.
func TestPasskeyChallenges(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	here, there := c.node(asIs), c.node(asIs)
	in := c.member(here, "ada")
	p := newPhone(t, in)
	late := p.create(here, in)
	c.pass(5 * time.Minute)
	_, _, err := here.AddPasskey(t.Context(), actorOf(in), "late", late)
	want(t, "a late one", err, passkeys.ErrInvalid)
	_, _, err = there.AddPasskey(t.Context(), actorOf(in), "phone", p.create(here, in))
	want(t, "made here, answered there", err, nil)
	late = p.get(there)
	c.pass(5 * time.Minute)
	_, err = here.SignInByPasskey(t.Context(), late)
	want(t, "a late sign-in", err, commands.ErrBadCredentials)

	answer := p.get(there)
	var won atomic.Int64
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			if _, err := []*commands.Commands{here, there}[i%2].SignInByPasskey(t.Context(), answer); err == nil {
				won.Add(1)
			} else {
				want(t, "a repeat", err, commands.ErrBadCredentials)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d came in with one answer", won.Load())
	}
	_, err = here.ChallengePasskey(t.Context(), actorOf(in))
	want(t, "after ten minutes", err, commands.ErrNotRecent)
}

// A10: a copied authenticator is found out on whichever node it shows itself,
// and a credential has one account however many claim it at once.
func TestPasskeysOnNodes(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	nodes := []*commands.Commands{c.node(asIs), c.node(asIs)}
	ada, bob := c.member(nodes[0], "ada"), c.member(nodes[0], "bob")
	p := newPhone(t, ada)
	var won atomic.Int64
	var all sync.WaitGroup
	answers := []commands.PasskeyAnswer{p.create(nodes[0], ada), p.create(nodes[1], bob)}
	for i, in := range []commands.SignedIn{ada, bob} {
		all.Go(func() {
			if _, _, err := nodes[i].AddPasskey(t.Context(), actorOf(in), "", answers[i]); err == nil {
				won.Add(1)
			} else {
				want(t, "the other", err, account.ErrPasskeyTaken)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Fatalf("%d accounts have one credential", won.Load())
	}
	// Two credentials of one account at once: neither is in the other's way.
	for i := range nodes {
		mine := newPhone(t, ada)
		answers[i] = mine.create(nodes[i], ada)
	}
	for i, n := range nodes {
		all.Go(func() {
			_, _, err := n.AddPasskey(t.Context(), actorOf(ada), "", answers[i])
			want(t, "beside another", err, nil)
		})
	}
	all.Wait()
	q := newPhone(t, ada)
	q.key.Counter = 3
	if _, _, err := nodes[0].AddPasskey(t.Context(), actorOf(ada), "counts", q.create(nodes[0], ada)); err != nil {
		t.Fatal(err)
	}
	mails := c.mails.Load()
	for i, step := range []struct {
		counter uint32
		ok      bool
	}{{4, true}, {4, false}, {2, false}, {5, true}} {
		q.key.Counter = step.counter
		_, err := nodes[i%2].SignInByPasskey(t.Context(), q.get(nodes[0]))
		if step.ok {
			want(t, "a count that rises", err, nil)
		} else {
			want(t, "a count that does not", err, commands.ErrBadCredentials)
		}
	}
	if got := c.mails.Load() - mails; got != 2 {
		t.Errorf("%d mails tell of a copy", got)
	}
}
