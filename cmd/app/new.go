package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"

	"github.com/parleyhq/parley/cmd/settings"
	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/infra/captcha"
	"github.com/parleyhq/parley/infra/stack"
	"github.com/parleyhq/parley/infra/telemetry"
	"github.com/parleyhq/parley/projections/process"
	"github.com/parleyhq/parley/readmodels"
)

// New puts the services of this process's roles together; nothing runs yet.
// address is what the process listens on, as a URL.
func New(ctx context.Context, cfg settings.Settings, engines *stack.Stack, address string, log *slog.Logger) (*App, error) {
	a := &App{cfg: cfg, stack: engines, log: log, node: cfg.Node, metrics: telemetry.NewMetrics(Version()), baseURL: cfg.BaseURL}
	if a.node == "" {
		a.node = newID().String()
	}
	if a.baseURL == "" {
		a.baseURL = address
	}
	for _, part := range []func(context.Context) error{
		a.makeCommands, a.makeReleases, a.makeProjections, a.makeNotify, a.makeImages, a.makeDue, a.makeRelay, a.makePush, a.makeREST,
	} {
		if err := a.patiently(ctx, part); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// patiently makes a part, again with growing pauses where an engine does not
// answer for a while: many processes may start at once, on engines that do too.
func (a *App) patiently(ctx context.Context, part func(context.Context) error) error {
	for pause, before := a.cfg.RetryFirst, len(a.services); ; pause = min(2*pause, a.cfg.RetryLongest) {
		a.services = a.services[:before]
		err := part(ctx)
		if f := fault.As(err); err == nil || !errors.Is(err, readmodels.ErrUnavailable) && !errors.Is(err, event.ErrUnavailable) &&
			!errors.Is(err, event.ErrKeysUnavailable) && (f == nil || f.Kind != fault.Unavailable) {
			return err
		}
		a.log.WarnContext(ctx, "an engine does not answer; trying again", "pause", pause, "error", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// serves says whether this process has one of the roles.
func (a *App) serves(roles ...string) bool { return slices.ContainsFunc(roles, a.cfg.Has) }

// makeReleases comes before anything else is read or written: a release that
// is too old for the log does not begin.
func (a *App) makeReleases(ctx context.Context) error {
	releases, err := process.NewReleases(ctx, process.ReleasesConfig{
		DB: a.stack.State, Commands: a.commands, Catalogue: a.stack.Codec.Catalogue(), Node: a.node, Roles: a.cfg.Roles,
		Version: Version(), TTL: a.cfg.NodeTTL, Every: a.cfg.DueEvery, Now: now, Log: a.log,
	})
	if err != nil {
		return err
	}
	a.run(releases.Run)
	return releases.Begin(ctx)
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
	if a.stack.Mailing != nil && a.serves("api", "projector") {
		a.run(a.stack.Mailing)
	}
	if a.serves("api", "push", "projector") {
		a.run(a.commands.Run)
	}
	return nil
}

// NewCommands makes the commands on a stack, for this process or for one
// command of the command line.
func NewCommands(cfg settings.Settings, engines *stack.Stack, baseURL string, log *slog.Logger) (*commands.Commands, error) {
	tokens, err := commands.NewTokens(tokensConfig(cfg, engines.SigningKeys))
	if err != nil {
		return nil, err
	}
	deps := commands.Deps{
		Store: engines.Store, Codec: engines.Codec, Keyring: engines.Keyring, Mail: engines.Mail, Blobs: engines.Blobs,
		Tokens: tokens, Log: log, SetupToken: engines.SetupToken, Shared: engines.Shared, Tallies: engines.Limits,
		Ephemeral: engines.Ephemeral, Painter: captcha.New(cfg.CaptchaWidth, cfg.CaptchaHeight), Providers: engines.Providers,
	}
	if cfg.RateLimits.On {
		deps.Limits = engines.Limits
	}
	return commands.New(commandsConfig(cfg, baseURL), deps)
}

// run adds services: they run until the process stops.
func (a *App) run(services ...func(context.Context) error) {
	a.services = append(a.services, services...)
}

// version is set by the linker: make build and the image give it `git describe`.
var version string

// Version is the release of this binary, as the linker or else its build says.
func Version() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "devel"
	}
	return info.Main.Version
}
