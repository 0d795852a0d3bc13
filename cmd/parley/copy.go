package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/cmd/settings"
	"github.com/parleyhq/parley/cmd/transfer"
	"github.com/parleyhq/parley/infra/keyring"
	"github.com/parleyhq/parley/infra/stack"
	"github.com/parleyhq/parley/infra/telemetry"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/projections/process"
)

type copyCommand struct {
	settings.Settings
	SourceMasterKeyFile string `placeholder:"FILE" help:"Master key of the data folder, if that is not in there."`
	LeaveUntold         bool   `help:"Copy although the notifications of the newest events were not told yet; they never will be."`
}

// Help is the long help of the command.
func (*copyCommand) Help() string {
	return `Moves a community from the data folder to the distributed stack: all events, those of other programs too, all keys and all pictures.
The settings are those with which "parley serve" will run there. No server may be running on either side. It may be
cut off and run again; the target must be empty, or what an earlier run left. The data folder stays as it is.

Example:

    parley copy --data ./data --eventstore esdb://log:2113 --postgres postgres://parley@db/parley \
        --kafka kafka://broker:9092 --elasticsearch http://search:9200 --redis redis://cache:6379 \
        --master-key-file /etc/parley/master.key --jwt-key-file /etc/parley/jwt.key`
}

// Validate refuses a copy to nowhere.
func (c *copyCommand) Validate() error {
	if !c.Distributed() {
		return errors.New("copy needs the servers of the distributed stack, --eventstore and --postgres among them")
	}
	return nil
}

// Run copies, and says what is left to do.
func (c *copyCommand) Run(ctx context.Context, std streams) (err error) {
	if err := c.Available(); err != nil {
		return err
	}
	log := telemetry.NewLog(std.err, "warn", c.LogFormat)
	source, err := c.source(ctx, stackConfig(c.Settings, log))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	target, err := stack.Open(ctx, stackConfig(c.Settings, log))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()

	var result transfer.Result
	began := time.Now()
	err = c.lead(ctx, target.Leases, func(ctx context.Context, fence projections.Fence) error {
		cfg, err := c.transfer(ctx, source, target, fence)
		if err != nil {
			return err
		}
		cfg.Progress = transfer.Progress(newProgress(std.err))
		result, err = transfer.Run(ctx, cfg)
		return err
	})
	if err != nil {
		return advised(err)
	}
	_, err = fmt.Fprintf(std.out, "copied %d events (%d were there already) and %d keys in %s; the log's epoch is now %s\n%s",
		result.Events, result.Resumed, result.Keys, time.Since(began).Round(100*time.Millisecond), result.Epoch, c.next())
	return err
}

// source opens the data folder, which must hold a community.
func (c *copyCommand) source(ctx context.Context, cfg stack.Config) (*stack.Stack, error) {
	if _, err := os.Stat(filepath.Join(c.Data, "log")); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("--data: %s holds no community", c.Data)
	}
	cfg.MasterKeyFile, cfg.SigningKeyFile = c.SourceMasterKeyFile, ""
	cfg.EventStore, cfg.Postgres, cfg.Elasticsearch, cfg.Redis, cfg.Kafka, cfg.S3, cfg.SMTP = "", "", "", "", "", "", ""
	return stack.Open(ctx, cfg)
}

// errBusy says that somebody else works on the target.
var errBusy = errors.New("a server, or another copy, is running on the target; stop it")

// lead does f as the only one on the target: neither does a server tell people
// of what is being copied, nor do two copies run.
func (c *copyCommand) lead(ctx context.Context, leases projections.Leases, f func(context.Context, projections.Fence) error) error {
	waiting, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	late := time.AfterFunc(2*c.LeaseTTL, func() { stop(errBusy) })
	err := leases.Lead(waiting, process.Name, func(ctx context.Context, fence projections.Fence) error {
		if !late.Stop() {
			return errBusy
		}
		return f(ctx, fence)
	})
	if errors.Is(context.Cause(waiting), errBusy) {
		return errBusy
	}
	return err
}

// transfer is what is copied from and to.
func (c *copyCommand) transfer(ctx context.Context, source, target *stack.Stack, fence projections.Fence) (transfer.Config, error) {
	sourceTold, err := process.NewStateCheckpoint(ctx, source.State, process.Name)
	if err != nil {
		return transfer.Config{}, err
	}
	targetTold, err := process.NewStateCheckpoint(ctx, target.State, process.Name)
	if err != nil {
		return transfer.Config{}, err
	}
	return transfer.Config{
		Source: source.Store, Target: target.Store, Keys: rings{source.Keyring, target.Keyring}, Codec: target.Codec,
		SourceFiles: source.Blobs, TargetFiles: target.Blobs,
		SourceTold: notified{sourceTold, projections.Alone{}}, TargetTold: notified{targetTold, fence},
		LeaveUntold: c.LeaveUntold, NewID: uuid.New, Now: time.Now,
	}, nil
}

// rings are two keyrings, the first of which is copied to the second.
type rings struct{ from, to *keyring.Ring }

func (r rings) Copy(ctx context.Context) (int, error) { return r.from.CopyTo(ctx, r.to) }

// notified is how far the notifications of a stack were told.
type notified struct {
	*process.StateCheckpoint
	fence projections.Fence
}

func (n notified) Save(ctx context.Context, epoch uuid.UUID, position uint64) error {
	return n.StateCheckpoint.Save(ctx, n.fence, epoch, position)
}

// advised adds to what went wrong what can be done about it.
func advised(err error) error {
	switch {
	case errors.Is(err, transfer.ErrUntold):
		return fmt.Errorf("%w: start the old server once more until its notifications are told and stop it, or give --leave-untold", err)
	case errors.Is(err, transfer.ErrForeign):
		return fmt.Errorf("%w; nothing was overwritten: give servers or databases that are empty", err)
	case errors.Is(err, transfer.ErrWentOn):
		return fmt.Errorf("%w; a copy cannot be brought up to date once people use it", err)
	}
	return err
}

// next is what the operator does now.
func (c *copyCommand) next() string {
	var b strings.Builder
	b.WriteString("What is left to do:\n")
	fmt.Fprintf(&b, "  - start \"parley serve\" with the same settings and --master-key-file %s on every node; tables and search build themselves\n", c.MasterKeyFile)
	key := filepath.Join(c.Data, "jwt-"+strings.ToLower(c.JWTAlg)+".key")
	if _, err := os.Stat(key); err == nil {
		fmt.Fprintf(&b, "  - people stay signed in if --jwt-key-file is a copy of %s; with another key they sign in again\n", key)
	}
	b.WriteString("  - uploaded files are in neither log nor keyring: put them where the new servers keep theirs\n")
	fmt.Fprintf(&b, "  - do not start a server on %s again; keep the folder, with its keys, until you trust the new one\n", c.Data)
	return b.String()
}
