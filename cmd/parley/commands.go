package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/parleyhq/parley/cmd/app"
	"github.com/parleyhq/parley/cmd/settings"
	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/infra/stack"
	"github.com/parleyhq/parley/infra/telemetry"
	"github.com/parleyhq/parley/projections/process"
)

// openCommands opens the engines that the settings name, and the commands on
// them, for one command of the command line. mail takes the letters; nil is
// the stack's own. done ends all that and is called once.
func openCommands(ctx context.Context, cfg settings.Settings, std streams, mail commands.Mailer) (_ *commands.Commands, done func() error, err error) {
	log := telemetry.NewLog(std.err, "warn", cfg.LogFormat)
	engines, err := stack.Open(ctx, stackConfig(cfg, log))
	if err != nil {
		return nil, nil, err
	}
	if mail != nil {
		engines.Mail = mail
	}
	baseURL := cfg.BaseURL
	if baseURL == "" {
		baseURL = "http://" + cfg.HTTP // where serve listens, unless it is to pick a port
	}
	c, err := app.NewCommands(cfg, engines, baseURL, log)
	if err != nil {
		return nil, nil, errors.Join(err, engines.Close())
	}
	following, stop := context.WithCancel(ctx)
	services, following := errgroup.WithContext(following)
	services.Go(func() error { return c.Run(following) })
	done = func() error {
		c.Close(ctx)
		stop()
		return errors.Join(services.Wait(), engines.Close())
	}
	if _, err := c.Epoch(ctx); err != nil {
		return nil, nil, errors.Join(err, done())
	}
	// Servers of another release may run beside us.
	releases, err := process.NewReleases(ctx, process.ReleasesConfig{
		DB: engines.State, Commands: c, Catalogue: engines.Codec.Catalogue(), Node: uuid.NewString(), Roles: []string{"command"},
		Version: app.Version(), TTL: cfg.NodeTTL, Every: cfg.DueEvery, Now: time.Now, Log: log,
	})
	if err == nil {
		err = releases.Begin(ctx)
	}
	if err != nil {
		return nil, nil, errors.Join(err, done())
	}
	services.Go(func() error { return releases.Run(following) })
	return c, done, nil
}

// stackConfig is what the engines of one command are told: whoever waits for
// it is told when a server does not answer.
func stackConfig(cfg settings.Settings, log *slog.Logger) stack.Config {
	c := app.StackConfig(cfg, log, nil)
	c.OpenTimeout = cfg.OpenTimeout
	return c
}

// problems are the words of faults, for people on a terminal.
var problems = map[string]string{
	"required": "is missing", "too_short": "is too short", "too_long": "is too long", "taken": "is taken",
	"characters": "has characters that it cannot have", "email": "is no mail address", "common": "is one that many people try first",
	"past": "is over already",
}

// plainly says a fault as a sentence without slugs: wrong values are wrong use
// of the program, everything else is a failure.
func plainly(err error) error {
	f := fault.As(err)
	if f == nil {
		return err
	}
	var wrong []string
	for _, d := range f.Details {
		words, known := problems[d.Problem]
		if !known {
			words = "is not good: " + d.Problem
		}
		wrong = append(wrong, "the "+d.Field+" "+words)
	}
	sentence := strings.Join(wrong, ", ")
	if len(wrong) == 0 {
		sentence = strings.TrimSuffix(f.Message, ".")
	}
	if f.Kind == fault.Invalid {
		return &settings.UsageError{Sentence: sentence}
	}
	if cause := f.Unwrap(); cause != nil {
		sentence += ": " + cause.Error()
	}
	return errors.New(sentence)
}
