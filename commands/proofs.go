package commands

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/text"
)

// named is what an account is known by to whoever signs in, and the hash of
// its password.
type named struct{ email, handle, hash string }

func namedBy(a *account.Account) named { return named{a.Email, a.Handle, a.PasswordHash} }

// prove asks a signed-in account for its password before it changes how one
// gets in, and one that has none for a recent sign-in. Wrong ones count as
// failed sign-ins do: a stolen session is no way to guess more. check holds
// what else is wrong with the request, and hears where there is no password.
// Errors: check's, account.ErrWrongPassword, ErrNotRecent, ErrLocked,
// passwords.ErrBusy.
func (c *Commands) prove(ctx context.Context, by Actor, password string, check *text.Check) (named, error) {
	ctx, err := c.upToDate(ctx)
	if err != nil {
		return named{}, err
	}
	var owner named
	err = c.account(ctx, by.Account, func(a *account.Account) error {
		owner = namedBy(a)
		return nil
	})
	if err != nil {
		return named{}, err
	}
	switch {
	case owner.hash == "":
		return owner, c.recentSignIn(ctx, by)
	case password == "":
		check.Add("current", text.Required)
		return named{}, check.Err()
	}
	locks, err := c.accountLocks(ctx, by.Account)
	if err != nil {
		return named{}, err
	}
	if err := c.locked(ctx, locks); err != nil {
		return named{}, err
	}
	ok, err := c.hasher.Check(ctx, owner.hash, password)
	if err != nil {
		return named{}, err
	}
	if err := c.settle(ctx, locks, !ok); err != nil {
		return named{}, err
	}
	if !ok {
		return named{}, account.ErrWrongPassword
	}
	return owner, nil
}

// forgive forgets the failed sign-ins of an account, and opens its locks.
// What its network did stays.
func (c *Commands) forgive(ctx context.Context, id uuid.UUID) error {
	failed, err := c.accountLocks(ctx, id)
	if err != nil {
		return err
	}
	err = c.askLocks(ctx, failed.locks, func(ctx context.Context, l Limits) (time.Duration, error) { return 0, l.Forgive(ctx, failed.locks) })
	if err != nil {
		return err
	}
	return c.tally(ctx, failed.tallies, false)
}

// maxBehind bounds what goes on after its request was answered.
const maxBehind = 64

// errBehind refuses work while that much is going on.
var errBehind = fault.ErrUnavailable

// later does work after the answer, with the time of some appends; Close waits
// for it. Errors: errBehind, storage.unavailable.
func (c *Commands) later(ctx context.Context, work func(context.Context)) error {
	select {
	case c.behind <- struct{}{}:
	default:
		return errBehind
	}
	if !c.core.begin() { // being closed
		<-c.behind
		return errBehind
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), signUpAppends*c.cfg.AppendTimeout)
	go func() {
		defer c.running.Done()
		defer func() { <-c.behind }()
		defer cancel()
		work(ctx)
	}()
	return nil
}
