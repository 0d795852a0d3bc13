package app

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/cmd/settings"
	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/stack"
	"github.com/parleyhq/parley/infra/telemetry"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/projections/process"
	"github.com/parleyhq/parley/readmodels"
	"github.com/parleyhq/parley/transport/console"
	"github.com/parleyhq/parley/transport/rest"
)

// New puts the services together; nothing runs yet. address is what the
// process listens on.
func New(ctx context.Context, cfg settings.Settings, engines *stack.Stack, address string, log *slog.Logger) (*App, error) {
	a := &App{cfg: cfg, stack: engines, log: log, node: newID().String(), metrics: telemetry.NewMetrics(Version()), baseURL: cfg.BaseURL}
	if a.baseURL == "" {
		a.baseURL = "http://" + address
	}
	for _, part := range []func(context.Context) error{a.makeCommands, a.makeTables, a.makeNotify, a.makePush, a.makeREST} {
		if err := part(ctx); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *App) makeCommands(ctx context.Context) error {
	var err error
	if a.commands, err = NewCommands(a.cfg, a.stack, a.baseURL, a.log); err != nil {
		return err
	}
	if a.epoch, err = a.commands.Epoch(ctx); err != nil {
		return fmt.Errorf("the log's epoch: %w", err)
	}
	a.positions = event.NewPositions(a.epoch)
	a.run(a.commands.Run)
	return nil
}

// NewCommands makes the commands on a stack, for this process or for one
// command of the command line.
func NewCommands(cfg settings.Settings, engines *stack.Stack, baseURL string, log *slog.Logger) (*commands.Commands, error) {
	tokens, err := commands.NewTokens(tokensConfig(cfg, engines.SigningKeys))
	if err != nil {
		return nil, err
	}
	return commands.New(commandsConfig(cfg, baseURL), commands.Deps{
		Store: engines.Store, Codec: engines.Codec, Keyring: engines.Keyring, Mail: engines.Mail,
		Tokens: tokens, Log: log, SetupToken: engines.SetupToken,
	})
}

// run adds services: they run until the process stops.
func (a *App) run(services ...func(context.Context) error) {
	a.services = append(a.services, services...)
}

func (a *App) makeTables(context.Context) error {
	projector := projections.Tables()
	generations := a.stack.Generations(projector.Family(a.stack.Codec.Catalogue(), a.epoch))
	var err error
	a.tables, err = projections.NewRunner(projections.Config{
		Projector: projector, Store: a.stack.Store, Codec: a.stack.Codec, Generations: generations,
		Epoch:     func(context.Context) (uuid.UUID, error) { return a.epoch, nil },
		BatchSize: a.cfg.ProjectionBatch, BatchWait: a.cfg.ProjectionDelay,
		RetryMin: a.cfg.RetryFirst, RetryMax: a.cfg.RetryLongest, Now: now, Log: a.log,
	})
	a.reads = readmodels.NewTables(generations)
	a.run(a.tables.Run)
	return err
}

func (a *App) makeNotify(ctx context.Context) error {
	checkpoint, err := process.NewStateCheckpoint(ctx, a.stack.State, rest.Notify)
	if err != nil {
		return err
	}
	a.notify = process.NewNotify(process.NotifyConfig{
		Store: a.stack.Store, Codec: a.stack.Codec, Commands: a.commands, Tables: a.tables, Reads: a.reads,
		Checkpoint: checkpoint, Now: now, Log: a.log, RetryMin: a.cfg.RetryFirst, RetryMax: a.cfg.RetryLongest,
	})
	a.run(a.notify.Run)
	return nil
}

func (a *App) makeREST(ctx context.Context) error {
	cursors, err := a.stack.Keyring.System(ctx, "cursors")
	if err != nil {
		return fmt.Errorf("the key of cursors: %w", err)
	}
	c := restConfig(a.cfg)
	c.Commands, c.Tables, c.Auth, c.Positions = a.commands, a.reads, a.commands, a.positions
	c.Waiters = map[string]rest.Waiter{rest.Tables: a.tables, rest.Notify: process.Shown{Notify: a.notify, Tables: a.tables}}
	c.Ready, c.Log, c.Metrics, c.Version = a.readiness, a.log, a.metrics, Version()
	c.BaseURL, c.CursorKey, c.Tickets = a.baseURL, cursors, a.tickets
	pages, err := console.New(console.Config{NeedsSetup: a.commands.NeedsSetup, Log: a.log})
	if err != nil {
		return err
	}
	c.Mounts = []rest.Mount{{Pattern: "/v1/push", Handler: a.push}}
	for _, path := range pages.Paths() {
		c.Mounts = append(c.Mounts, rest.Mount{Pattern: path, Handler: pages})
	}
	a.rest, err = rest.New(c)
	return err
}

// Version is the release of this binary, as its build says.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "devel"
	}
	return info.Main.Version
}
