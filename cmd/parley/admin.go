package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/cmd/settings"
	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/fault"
)

type adminCommand struct {
	Create adminCreateCommand `cmd:"" help:"Make the first administrator."`
	Grant  adminGrantCommand  `cmd:"" help:"Make an account an administrator."`
	Revoke adminRevokeCommand `cmd:"" help:"Take that back, and with it what the account's API keys may do."`

	Suspend adminSuspendCommand `cmd:"" help:"Keep an account from writing and signing in."`
	Lift    adminLiftCommand    `cmd:"" help:"Take a suspension back."`
}

// Help is the long help of the command.
func (*adminCommand) Help() string {
	return `Administrators at the operator's word. The settings are those of "parley serve": on a data folder no server may be
running, on the distributed stack any number may.

Example:

    parley admin create --data ./data --email ada@example.org --handle ada`
}

type adminCreateCommand struct {
	settings.Settings
	Email        string `required:"" placeholder:"ADDRESS" help:"Mail address; a link that verifies it is mailed."`
	Handle       string `required:"" placeholder:"HANDLE" help:"Handle to sign in with."`
	DisplayName  string `placeholder:"NAME" help:"Name that is shown; the handle where it is left out."`
	PasswordFile string `placeholder:"FILE" help:"File that holds the password; - is standard input. It is asked for on a terminal where this is left out."`
}

// Help is the long help of the command.
func (*adminCreateCommand) Help() string {
	return `Makes the first administrator, once; later ones sign up like everybody and are granted the role. The password is never
taken from the command line or the environment, which others can read: it comes from a file, or is asked for.

Example:

    parley admin create --data ./data --email ada@example.org --handle ada --password-file /run/secrets/ada`
}

var errHasAdministrator = errors.New("there is an administrator already, or one is being made; `parley admin grant` makes others")

// Run makes the account.
func (c *adminCreateCommand) Run(ctx context.Context, std streams) (err error) {
	if err := c.Available(); err != nil {
		return err
	}
	secret, err := readPassword(ctx, std, c.PasswordFile, c.Handle)
	if err != nil {
		return err
	}
	all, done, err := openCommands(ctx, c.Settings, std, nil)
	if err != nil {
		return plainly(err)
	}
	defer func() { err = errors.Join(err, done()) }()
	needed, err := all.NeedsSetup(ctx)
	switch {
	case err != nil:
		return plainly(err)
	case !needed:
		return errHasAdministrator
	}
	made, err := all.CreateAdministrator(ctx, commands.SignUp{Email: c.Email, Handle: c.Handle, DisplayName: c.DisplayName, Password: secret})
	switch {
	case errors.Is(err, fault.ErrNotFound):
		return errHasAdministrator // somebody else was faster
	case err != nil:
		return plainly(err)
	}
	if _, err := all.PrepareSetup(ctx); err != nil { // takes the set-up link away
		return plainly(err)
	}
	_, err = fmt.Fprintf(std.out, "made the administrator %s (%s)\n", c.Handle, made.Account)
	return err
}

// whom is the account that a command is about.
type whom struct {
	settings.Settings
	Account string `arg:"" placeholder:"ACCOUNT" help:"Handle, mail address or id."`
}

// open opens the commands and finds the account.
func (w *whom) open(ctx context.Context, std streams) (all *commands.Commands, id uuid.UUID, done func() error, err error) {
	if err := w.Available(); err != nil {
		return nil, id, nil, err
	}
	if !w.Distributed() {
		if _, err := os.Stat(w.Data); errors.Is(err, fs.ErrNotExist) { // a new one would have nobody in it
			return nil, id, nil, fmt.Errorf("there is no data folder %s", w.Data)
		}
	}
	if all, done, err = openCommands(ctx, w.Settings, std, nil); err != nil {
		return nil, id, nil, plainly(err)
	}
	if id, err = all.FindAccount(ctx, w.Account); err == nil {
		return all, id, done, nil
	}
	if errors.Is(err, fault.ErrNotFound) {
		err = fmt.Errorf("there is no account %q", w.Account)
	}
	return nil, id, nil, errors.Join(plainly(err), done())
}

type adminGrantCommand struct {
	whom
}

// Help is the long help of the command.
func (*adminGrantCommand) Help() string {
	return `Makes an account an administrator. It counts at once, without signing in anew.

Example:

    parley admin grant --data ./data ada`
}

// Run gives the role.
func (c *adminGrantCommand) Run(ctx context.Context, std streams) (err error) {
	all, id, done, err := c.open(ctx, std)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	out, err := all.GrantAdministrator(ctx, id)
	if err != nil {
		return plainly(err)
	}
	return c.tell(std, out, "is an administrator now", "is an administrator already")
}

type adminRevokeCommand struct {
	whom
	Reason string `required:"" placeholder:"TEXT" help:"Why; it is written down."`
}

// Help is the long help of the command.
func (*adminRevokeCommand) Help() string {
	return `Takes the role of an administrator back: at once, or within 2 s on running servers. The account stays, and its API keys
open nothing as long as it is no administrator.

Example:

    parley admin revoke --data ./data ada --reason "left the team"`
}

// Run takes the role back.
func (c *adminRevokeCommand) Run(ctx context.Context, std streams) (err error) {
	all, id, done, err := c.open(ctx, std)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	out, err := all.RevokeAdministrator(ctx, id, c.Reason)
	if err != nil {
		return plainly(err)
	}
	return c.tell(std, out, "is no administrator any more", "is no administrator")
}

// tell says what came of it.
func (w *whom) tell(std streams, out commands.Outcome, changed, same string) error {
	if !out.Changed {
		changed = same
	}
	_, err := fmt.Fprintf(std.out, "%s %s\n", w.Account, changed)
	return err
}
