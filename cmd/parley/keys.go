package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/parleyhq/parley/cmd/app"
	"github.com/parleyhq/parley/cmd/settings"
	"github.com/parleyhq/parley/infra/files"
	"github.com/parleyhq/parley/infra/stack"
	"github.com/parleyhq/parley/infra/telemetry"
)

type keysCommand struct {
	Rotate keysRotateCommand `cmd:"" help:"Put a new signing key in the place of the one that is there."`
}

// Help is the long help of the command.
func (*keysCommand) Help() string {
	return `The key that signs access tokens. The settings are those of "parley serve".

Example:

    parley keys rotate --data ./data`
}

type keysRotateCommand struct {
	settings.Settings
	Prepare bool `help:"Only make FILE.next, which is accepted and published, and signs nothing yet."`
}

// Help is the long help of the command.
func (*keysRotateCommand) Help() string {
	return `Makes a new key that signs from the next start on. The key before it stays in FILE.previous: its tokens are accepted, and
it stands in jwks.json, for --jwt-overlap. No server may be running on the data folder.

With --jwt-key-file the files are changed and nothing else is looked at. Where several nodes have that file, no node may
meet a token of a key that it does not know: make FILE.next with --prepare, give it to every node and restart them one
after another; then run this without --prepare, give FILE and FILE.previous to every node, take FILE.next away, and
restart them again.

Example:

    parley keys rotate --data ./data
    parley keys rotate --jwt-key-file /etc/parley/jwt.key --prepare`
}

// Run changes the files.
func (c *keysRotateCommand) Run(ctx context.Context, std streams) (err error) {
	if err := c.Available(); err != nil {
		return err
	}
	cfg := app.StackConfig(c.Settings, telemetry.NewLog(std.err, "warn", c.LogFormat), nil)
	path := cfg.SigningKeyFile
	if path == "" {
		path = filepath.Join(c.Data, cfg.SigningKeyName)
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no signing key %s; `parley serve` makes the first one", path)
		}
		engines, openErr := stack.Open(ctx, cfg) // nobody else has the folder then
		if openErr != nil {
			return openErr
		}
		defer func() { err = errors.Join(err, engines.Close()) }()
	}
	if c.Prepare {
		if err := files.PrepareSigningKey(path, cfg.NewSigningKey); err != nil {
			return err
		}
		_, err = fmt.Fprintf(std.out, "made %s.next: known from the next start on\n", path)
		return err
	}
	if err := files.RotateSigningKey(path, cfg.NewSigningKey); err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "changed %s: it signs from the next start on, and tokens of the one before are good until %s\n",
		path, time.Now().Add(c.JWTOverlap).UTC().Format(time.RFC3339))
	return err
}
