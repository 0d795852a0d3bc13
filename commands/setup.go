package commands

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

// SetupToken keeps the one-time token with which the first administrator is
// made.
type SetupToken interface {
	// Load is the token, or "".
	Load(ctx context.Context) (string, error)
	// Save keeps a token, readable by the operator alone.
	Save(ctx context.Context, token string) error
	// Remove forgets the token, if there is one.
	Remove(ctx context.Context) error
}

// ErrSetup is a wrong set-up token.
var ErrSetup = fault.New(fault.Forbidden, "setup.invalid", "This set-up link is not valid.", fault.Field("token", "invalid"))

var errSetupTaken = fault.New(fault.NotFound, "not_found", "There is nothing here, or not for you.")

func setupReservation() reservation {
	return reservation{
		stream:   account.SetupStream,
		claimed:  func(id uuid.UUID) event.Data { return account.SetupCompleted{Account: id} },
		released: func(id uuid.UUID) event.Data { return account.SetupReleased{Account: id} },
		taken:    errSetupTaken,
	}
}

// NeedsSetup says whether the first administrator was not made yet.
func (c *Commands) NeedsSetup(ctx context.Context) (bool, error) {
	h, err := c.look(ctx, setupReservation())
	if err != nil || h.owner == uuid.Nil {
		return err == nil, err
	}
	made, err := c.member(ctx, h.owner)
	return !made, err
}

// PrepareSetup is called when a server starts: it makes the token of the
// set-up link where one is needed, and removes it where it is not. The token
// is "" when the first administrator exists.
func (c *Commands) PrepareSetup(ctx context.Context) (token string, err error) {
	if c.deps.SetupToken == nil {
		return "", nil
	}
	needed, err := c.NeedsSetup(ctx)
	if err != nil {
		return "", err
	}
	if !needed {
		return "", c.deps.SetupToken.Remove(ctx)
	}
	if token, err = c.deps.SetupToken.Load(ctx); err != nil || token != "" {
		return token, err
	}
	var secret [24]byte
	_, _ = rand.Read(secret[:]) // never fails
	token = hex.EncodeToString(secret[:])
	return token, c.deps.SetupToken.Save(ctx, token)
}

// Setup makes the first administrator for whoever has the token, which is
// gone after that.
// Errors: fault.ErrNotFound once there is one, ErrSetup, SignUp's.
func (c *Commands) Setup(ctx context.Context, token string, in SignUp) (SignedUp, error) {
	needed, err := c.NeedsSetup(ctx)
	switch {
	case err != nil:
		return SignedUp{}, err
	case !needed || c.deps.SetupToken == nil:
		return SignedUp{}, fault.ErrNotFound
	}
	kept, err := c.deps.SetupToken.Load(ctx)
	if err != nil {
		return SignedUp{}, err
	}
	if kept == "" || subtle.ConstantTimeCompare([]byte(kept), []byte(token)) != 1 {
		return SignedUp{}, ErrSetup
	}
	done, err := c.CreateAdministrator(ctx, in)
	if err != nil {
		return SignedUp{}, err
	}
	if err := c.deps.SetupToken.Remove(ctx); err != nil { // it opens nothing any more
		c.log.WarnContext(ctx, "the used set-up token was not removed", "error", err)
	}
	return done, nil
}

// CreateAdministrator makes the first administrator at the operator's word.
// Errors: fault.ErrNotFound where there is one, SignUp's.
func (c *Commands) CreateAdministrator(ctx context.Context, in SignUp) (SignedUp, error) {
	a, err := c.checkSignUp(in)
	if err != nil {
		return SignedUp{}, err
	}
	return c.signUp(ctx, a, account.Member, account.Administrator)
}
