package commands

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

// ChangeHandle is the handle to be had.
type ChangeHandle struct {
	Handle string
	Match  Match
}

// ChangeHandle claims another handle, names it, and frees the old one. A crash
// in between leaves a claim that may be taken over.
// Errors: fault.ErrInvalid, account.ErrHandleTaken, Match's.
func (c *Commands) ChangeHandle(ctx context.Context, by Actor, in ChangeHandle) (Outcome, error) {
	handle, problem := account.FoldHandle(in.Handle, c.cfg.Accounts)
	if problem != "" {
		return Outcome{}, fault.ErrInvalid.With(fault.Field("handle", problem))
	}
	wanted, err := c.handleReservation(ctx, handle)
	if err != nil {
		return Outcome{}, err
	}
	return c.again(func() (Outcome, error) { return c.rename(ctx, by.Account, handle, wanted, in.Match) })
}

func (c *Commands) rename(ctx context.Context, id uuid.UUID, handle string, wanted reservation, match Match) (Outcome, error) {
	fresh, err := c.upToDate(ctx)
	if err != nil {
		return Outcome{}, err
	}
	var begun account.Naming
	var old string
	err = c.account(fresh, id, func(a *account.Account) error {
		begun, old = a.Naming(), a.HandleClaim
		return match.check(a.Version)
	})
	if err != nil {
		return Outcome{}, err
	}
	var given uuid.UUID // the claim that the account gives up
	if old != wanted.stream {
		if given, err = c.claimOf(fresh, old, id); err != nil {
			return Outcome{}, err
		}
		if _, err = c.claim(fresh, wanted, id); err != nil {
			return Outcome{}, err
		}
	}
	out, err := change(ctx, c.core, account.Stream(id), account.New, func(a *account.Account) ([]event.Data, error) {
		if err := match.check(a.Version); err != nil {
			return nil, err
		}
		return a.ChangeHandle(handle, wanted.stream, begun)
	})
	if err == nil {
		wanted.stream = old
		c.letGo(ctx, wanted, id, given)
	}
	return out, err
}

// again tries a change of a name until none of the account's other changes
// comes between.
func (c *Commands) again(try func() (Outcome, error)) (out Outcome, err error) {
	for range maxConflict {
		if out, err = try(); !errors.Is(err, account.ErrSuperseded) {
			break
		}
	}
	return out, err
}
