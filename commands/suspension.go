package commands

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/text"
)

// ErrSuspended is what a suspended account is told when it signs in, refreshes
// or writes. It carries until when.
var ErrSuspended = fault.New(fault.Forbidden, "account.suspended", "This account is suspended.")

// MaySuspend is nil for administrators, about anybody but themselves, and for
// the operator (the zero Actor). Errors: forbidden, not found, account.ErrSelf.
func (c *Commands) MaySuspend(ctx context.Context, by Actor, id uuid.UUID) error {
	if by.Account != uuid.Nil {
		if err := c.MayAdminister(ctx, by); err != nil {
			return err
		}
		if id == by.Account {
			return account.ErrSelf
		}
	}
	exists, err := c.member(ctx, id)
	if err == nil && !exists {
		err = fault.ErrNotFound
	}
	return err
}

// Suspend keeps an account from writing, refreshing and signing in until a
// time; the zero time is for ever. It takes the place of every suspension, also
// of those that decisions on reports made. Its sockets close at once, and it may
// still read. It counts here at once, and within Freshness on other nodes.
// Errors: MaySuspend's, fault.ErrInvalid, text.ErrInvalid.
func (c *Commands) Suspend(ctx context.Context, by Actor, id uuid.UUID, until time.Time, reason string) (Outcome, error) {
	if err := c.MaySuspend(ctx, by, id); err != nil {
		return Outcome{}, err
	}
	var check text.Check
	check.Need("reason", reason)
	check.Block("reason", reason, maxReason)
	if !until.IsZero() && !c.now().Before(until) {
		check.Add("until", "past")
	}
	if err := check.Err(); err != nil {
		return Outcome{}, err
	}
	return change(ctx, c.core, account.Stream(id), account.New, func(a *account.Account) ([]event.Data, error) {
		return a.Suspend(account.Suspended{Until: until, Reason: reason, By: by.Account}, c.now())
	})
}

// Lift ends every suspension before its time; nothing is said where there is
// none. A reason is optional.
// Errors: MaySuspend's, fault.ErrInvalid, text.ErrInvalid.
func (c *Commands) Lift(ctx context.Context, by Actor, id uuid.UUID, reason string) (Outcome, error) {
	if err := c.MaySuspend(ctx, by, id); err != nil {
		return Outcome{}, err
	}
	var check text.Check
	check.Block("reason", reason, maxReason)
	if err := check.Err(); err != nil {
		return Outcome{}, err
	}
	return change(ctx, c.core, account.Stream(id), account.New, func(a *account.Account) ([]event.Data, error) {
		return a.Lift(account.SuspensionLifted{Reason: reason, By: by.Account}, c.now())
	})
}

// MayWrite is nil for accounts that are not suspended. Errors: ErrSuspended.
func (c *Commands) MayWrite(ctx context.Context, id uuid.UUID) error {
	return c.account(ctx, id, func(a *account.Account) error { return suspended(a, c.now()) })
}

// suspended is ErrSuspended, with its end, while the account is.
func suspended(a *account.Account, now time.Time) error {
	until, is := a.Suspended(now)
	switch {
	case !is:
		return nil
	case until.IsZero():
		return ErrSuspended.With(fault.Field("until", "never"))
	}
	return ErrSuspended.With(fault.Field("until", until.UTC().Format(time.RFC3339)))
}
