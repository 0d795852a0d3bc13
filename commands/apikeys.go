package commands

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/apikey"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/text"
)

// Faults of API keys.
var (
	ErrScope      = fault.New(fault.Forbidden, "auth.scope", "This API key was not made for that.")
	ErrKeyInvalid = fault.New(fault.Unauthorized, "auth.invalid", "This API key is not valid.")
	ErrKeyRevoked = fault.New(fault.Unauthorized, "auth.revoked", "This API key was revoked, or its maker is no administrator any more.")
)

// APIKey is what a new key is made of, once it was checked.
type APIKey struct {
	ID        uuid.UUID
	Name      string
	Scopes    []string // in their order, each once
	CreatedAt time.Time
}

// MayManageAPIKeys is nil for administrators who are signed in: no key makes
// or ends keys. Errors: forbidden, ErrScope.
func (c *Commands) MayManageAPIKeys(ctx context.Context, by Actor) error {
	if by.Key != uuid.Nil {
		return ErrScope
	}
	admin, err := c.administrator(ctx, by.Account)
	if err == nil && !admin {
		err = fault.ErrForbidden
	}
	return err
}

// CreateAPIKey makes a key that acts for its maker. key is what programs send;
// it is told here and never again.
// Errors: MayManageAPIKeys', fault.ErrInvalid, text.ErrInvalid.
func (c *Commands) CreateAPIKey(ctx context.Context, by Actor, name string, scopes []string) (made APIKey, key string, out Outcome, err error) {
	if err := c.MayManageAPIKeys(ctx, by); err != nil {
		return APIKey{}, "", Outcome{}, err
	}
	made = APIKey{ID: c.newID(), Name: strings.TrimSpace(name)}
	var check text.Check
	made.Scopes = apikey.Check(&check, made.Name, scopes)
	if err := check.Err(); err != nil {
		return APIKey{}, "", Outcome{}, err
	}
	var random [apikey.SecretBytes]byte
	_, _ = rand.Read(random[:]) // never fails
	secret := apikey.Secret(random)
	out, err = change(ctx, c.core, apikey.Stream(made.ID), apikey.New, func(k *apikey.Key) ([]event.Data, error) {
		return k.Create(apikey.Created{By: by.Account, Name: made.Name, Scopes: made.Scopes, Hash: apikey.Hash(secret)}), nil
	})
	if err != nil {
		return APIKey{}, "", Outcome{}, err
	}
	made.CreatedAt = out.At
	return made, apikey.Text(made.ID, secret), out, nil
}

// RevokeAPIKey ends a key, whoever made it: at once here, and within Freshness
// on other nodes. Errors: MayManageAPIKeys', not found.
func (c *Commands) RevokeAPIKey(ctx context.Context, by Actor, id uuid.UUID) (Outcome, error) {
	if err := c.MayManageAPIKeys(ctx, by); err != nil {
		return Outcome{}, err
	}
	return change(ctx, c.core, apikey.Stream(id), apikey.New, func(k *apikey.Key) ([]event.Data, error) {
		return k.Revoke(by.Account)
	})
}

// AuthenticateKey says for whom an API key acts, and within which scopes. As
// Authenticate does, it reads the log only for what is not in memory.
// Errors: ErrKeyInvalid; ErrKeyRevoked, which only who has the key is told.
func (c *Commands) AuthenticateKey(ctx context.Context, key string) (Actor, error) {
	id, secret, ok := apikey.Parse(key)
	if !ok {
		return Actor{}, ErrKeyInvalid
	}
	actor := Actor{Key: id}
	err := view(ctx, c.core, apikey.Stream(id), apikey.New, func(k *apikey.Key) error {
		switch {
		case !k.Opens(secret):
			return ErrKeyInvalid
		case k.Revoked:
			return ErrKeyRevoked
		}
		actor.Account, actor.Scopes = k.By, slices.Clone(k.Scopes)
		return nil
	})
	if err != nil {
		return Actor{}, err
	}
	admin, err := c.administrator(ctx, actor.Account)
	switch {
	case err != nil:
		return Actor{}, err
	case !admin:
		return Actor{}, ErrKeyRevoked
	}
	return actor, nil
}

// AuthenticateUser is AuthenticateKey for clients that send a name and a
// password: the name is the key's id, as lists show it, and the password the
// key. Errors: as there.
func (c *Commands) AuthenticateUser(ctx context.Context, user, password string) (Actor, error) {
	named, err := uuid.Parse(user)
	if id, _, ok := apikey.Parse(password); err != nil || !ok || id != named {
		return Actor{}, ErrKeyInvalid
	}
	return c.AuthenticateKey(ctx, password)
}
