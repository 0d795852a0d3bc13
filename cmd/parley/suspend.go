package main

import (
	"context"
	"errors"
	"time"

	"github.com/parleyhq/parley/commands"
)

type adminSuspendCommand struct {
	whom
	Until  time.Time `placeholder:"TIME" help:"When it ends (RFC 3339); for ever where this is left out."`
	Reason string    `required:"" placeholder:"TEXT" help:"Why; it is written down."`
}

// Help is the long help of the command.
func (*adminSuspendCommand) Help() string {
	return `Keeps an account from writing, refreshing and signing in, at once or within 2 s on running servers. It may still read with
the token that it has, and its sockets close. This takes the place of every suspension that it has.

Example:

    parley admin suspend --data ./data mallory --until 2030-01-31T12:00:00Z --reason "spam"`
}

// Run suspends the account.
func (c *adminSuspendCommand) Run(ctx context.Context, std streams) (err error) {
	all, id, done, err := c.open(ctx, std)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	out, err := all.Suspend(ctx, commands.Actor{}, id, c.Until.UTC(), c.Reason)
	if err != nil {
		return plainly(err)
	}
	return c.tell(std, out, "is suspended", "is suspended already")
}

type adminLiftCommand struct {
	whom
	Reason string `placeholder:"TEXT" help:"Why; it is written down."`
}

// Help is the long help of the command.
func (*adminLiftCommand) Help() string {
	return `Takes every suspension of an account back before its time.

Example:

    parley admin lift --data ./data mallory --reason "it was a mistake"`
}

// Run lifts the suspension.
func (c *adminLiftCommand) Run(ctx context.Context, std streams) (err error) {
	all, id, done, err := c.open(ctx, std)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	out, err := all.Lift(ctx, commands.Actor{}, id, c.Reason)
	if err != nil {
		return plainly(err)
	}
	return c.tell(std, out, "is not suspended any more", "is not suspended")
}
