package commands

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/text"
)

// maxReason is how long a reason may be, in characters.
const maxReason = 500

// FindAccount is the account of a handle (with or without "@"), an address or
// an id. Errors: fault.ErrNotFound.
func (c *Commands) FindAccount(ctx context.Context, name string) (uuid.UUID, error) {
	ctx, err := c.upToDate(ctx)
	if err != nil {
		return uuid.Nil, err
	}
	name = strings.TrimSpace(name)
	id, err := uuid.Parse(name)
	if err != nil {
		if id, err = c.findLogin(ctx, name); err != nil {
			return uuid.Nil, err
		}
	}
	if id == uuid.Nil {
		return uuid.Nil, fault.ErrNotFound
	}
	exists, err := c.member(ctx, id)
	if err == nil && !exists {
		err = fault.ErrNotFound
	}
	return id, err
}

// GrantAdministrator makes an account an administrator at the operator's word;
// nothing is said where it is one. Errors: not found.
func (c *Commands) GrantAdministrator(ctx context.Context, id uuid.UUID) (Outcome, error) {
	return change(ctx, c.core, account.Stream(id), account.New, func(a *account.Account) ([]event.Data, error) {
		return a.Grant(account.Administrator, uuid.Nil)
	})
}

// RevokeAdministrator takes that back, for a reason, and with it what the
// account's API keys may do. Nothing is said where it is none.
// Errors: not found, fault.ErrInvalid, text.ErrInvalid.
func (c *Commands) RevokeAdministrator(ctx context.Context, id uuid.UUID, reason string) (Outcome, error) {
	var check text.Check
	check.Need("reason", reason)
	check.Block("reason", reason, maxReason)
	if err := check.Err(); err != nil {
		return Outcome{}, err
	}
	return change(ctx, c.core, account.Stream(id), account.New, func(a *account.Account) ([]event.Data, error) {
		return a.Revoke(account.Administrator, uuid.Nil, reason)
	})
}
