package commands

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/session"
)

// What the tokens of a session are good with: anywhere, with the User-Agent or
// from the network that they were issued to, or both.
const (
	BindNone    = "none"
	BindAgent   = "ua"
	BindNetwork = "ip"
	BindBoth    = "both"
)

// ErrBinding is a token that came from where it was not issued to.
var ErrBinding = fault.New(fault.Unauthorized, "auth.binding", "This session was begun in another browser or network, so it was ended; please sign in again.")

// bindingSize is how much of an HMAC is kept: what is guarded is a guess
// that can be tried once.
const bindingSize = 16 // bytes

// origin is where ctx's caller is, in the form in which account's tokens say
// it; empty where nothing is bound.
func (c *Commands) origin(ctx context.Context, account uuid.UUID) (session.Binding, error) {
	var b session.Binding
	if c.cfg.Binding == BindNone || c.cfg.Binding == "" {
		return b, nil
	}
	key, err := c.deps.Keyring.System(ctx, "binding")
	if err != nil {
		return b, fmt.Errorf("key of bindings: %w", err)
	}
	sum := func(what, value string) []byte {
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s\x00%s\x00%s", what, account, value)
		return mac.Sum(nil)[:bindingSize]
	}
	client := ClientFrom(ctx)
	if c.cfg.Binding != BindNetwork {
		b.Agent = sum("agent", client.Agent)
	}
	if c.cfg.Binding != BindAgent {
		b.Network = sum("network", client.Network)
	}
	return b, nil
}

// bound says whether an access token came from where it was issued to. A
// session whose token did not is over, and its account's history says so.
// Errors: ErrBinding.
func (c *Commands) bound(ctx context.Context, by Actor) error {
	from, err := c.origin(ctx, by.Account)
	if err != nil || from.Fits(by.origin) {
		return err
	}
	return c.mismatch(ctx, by.Account, by.Session)
}

// mismatch ends a session of which a token came from elsewhere. Its error is
// never nil: ErrBinding, or what kept the session from being ended.
func (c *Commands) mismatch(ctx context.Context, account, id uuid.UUID) error {
	client := ClientFrom(ctx)
	out, err := change(WithActor(ctx, account.String()), c.core, session.Stream(id), session.New, func(s *session.Session) ([]event.Data, error) {
		return s.Mismatch(deviceName(client.Agent), client.Network), nil
	})
	if err != nil {
		return err
	}
	c.revoke(ctx, Revocation{Account: account, Session: id, Position: out.Position})
	return ErrBinding
}
