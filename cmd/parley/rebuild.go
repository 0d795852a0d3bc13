package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/mattn/go-isatty"
	"golang.org/x/sync/errgroup"

	"github.com/parleyhq/parley/cmd/app"
	"github.com/parleyhq/parley/cmd/settings"
	"github.com/parleyhq/parley/infra/stack"
	"github.com/parleyhq/parley/infra/telemetry"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/readmodels"
)

type rebuildCommand struct {
	settings.Settings
	Name    string `arg:"" placeholder:"NAME" help:"A projection, as \"tables\", or \"all\"."`
	Server  string `placeholder:"URL" help:"The running server that is asked, as https://forum.example.org; empty: the engines that the settings name."`
	Key     string `placeholder:"KEY" help:"API key with the scope admin, for --server."`
	KeyFile string `placeholder:"FILE" help:"File that holds --key."`
}

// Help is the long help of the command.
func (*rebuildCommand) Help() string {
	return `Builds a projection anew from the log, beside the live one, and swaps; people read on meanwhile. It returns after the
swap. A running server is asked with --server, and goes on where this command is interrupted. Without that the
settings are those of "parley serve": on a data folder no server may be running; on the distributed stack a process
in the role projector does the work.

Example:

    parley rebuild tables --server http://127.0.0.1:8080 --key-file ./key`
}

// Validate refuses what cannot be asked.
func (c *rebuildCommand) Validate() error {
	if c.Server == "" {
		if c.Key != "" || c.KeyFile != "" {
			return errors.New("--key and --key-file are for --server")
		}
		return nil
	}
	if u, err := url.Parse(c.Server); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("--server: expected http://host:port or https://host")
	}
	if (c.Key == "") == (c.KeyFile == "") {
		return errors.New("--server needs --key or --key-file, and not both")
	}
	return nil
}

// builder is where projections are rebuilt.
type builder interface {
	// names are those that can be rebuilt.
	names(ctx context.Context) ([]string, error)
	// rebuild returns after the swap; progress is told of percents.
	rebuild(ctx context.Context, name string, progress func(percent int)) error
}

// Run rebuilds one projection, or all that can be.
func (c *rebuildCommand) Run(ctx context.Context, std streams) (err error) {
	var b builder
	if c.Server != "" {
		if b, err = c.ask(); err != nil {
			return err
		}
	} else {
		own, done, err := c.open(ctx, std)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, done()) }()
		b = own
	}
	names := []string{c.Name}
	if c.Name == "all" {
		if names, err = b.names(ctx); err != nil {
			return plainlyFailed(err)
		}
	}
	for _, name := range names {
		began := time.Now()
		if err := b.rebuild(ctx, name, showPercents(std.err, name)); err != nil {
			return fmt.Errorf("%s: %w", name, plainlyFailed(err))
		}
		if _, err := fmt.Fprintf(std.out, "rebuilt %s in %s\n", name, time.Since(began).Round(100*time.Millisecond)); err != nil {
			return err
		}
	}
	return nil
}

// plainlyFailed is plainly, but nothing was wrong with how the program was
// used.
func plainlyFailed(err error) error {
	err = plainly(err)
	if usage := (*settings.UsageError)(nil); errors.As(err, &usage) {
		return errors.New(usage.Sentence)
	}
	return err
}

// showPercents shows a bar on a terminal, and a line for each tenth elsewhere.
func showPercents(out io.Writer, name string) func(percent int) {
	if f, ok := out.(interface{ Fd() uintptr }); ok && isatty.IsTerminal(f.Fd()) {
		bar := newProgress(out)
		return func(percent int) { bar(name, percent, 100) }
	}
	told := -1
	return func(percent int) {
		if tenth := percent / 10; tenth > told {
			told = tenth
			_, _ = fmt.Fprintf(out, "%s: %d %%\n", name, percent)
		}
	}
}

// engines rebuild on what the settings name.
type engines struct {
	requests *projections.Requests
	all      []string
	running  context.Context // of what this process leads
}

// errStopped is told with why: done knows that.
var errStopped = errors.New("it stopped")

// localProjection is a projection that this process may lead.
type localProjection interface {
	projections.Rebuilder
	Run(ctx context.Context) error
}

// open opens the engines. On a data folder this process leads the projections;
// elsewhere whoever has the role does. done ends all that.
func (c *rebuildCommand) open(ctx context.Context, std streams) (_ *engines, done func() error, err error) {
	if err := c.Available(); err != nil {
		return nil, nil, err
	}
	if !c.Distributed() {
		if _, err := os.Stat(c.Data); errors.Is(err, fs.ErrNotExist) { // a new one would have nothing in it
			return nil, nil, fmt.Errorf("there is no data folder %s", c.Data)
		}
	}
	log := telemetry.NewLog(std.err, "warn", c.LogFormat)
	opened, err := stack.Open(ctx, stackConfig(c.Settings, log))
	if err != nil {
		return nil, nil, err
	}
	done = opened.Close
	defer func() {
		if err != nil {
			err = errors.Join(err, done())
		}
	}()
	requests, err := projections.NewRequests(ctx, projections.RequestsConfig{
		DB: opened.State, NewID: func() uuid.UUID { return uuid.Must(uuid.NewV7()) }, Now: time.Now, Every: c.DueEvery,
		RetryMin: c.RetryFirst, RetryMax: c.RetryLongest, Log: log,
	})
	if err != nil {
		return nil, nil, err
	}
	b := &engines{requests: requests}
	local, err := c.projections(ctx, opened, requests)
	if err != nil {
		return nil, nil, err
	}
	leading, stop := context.WithCancel(ctx)
	work, running := errgroup.WithContext(leading)
	b.running = running
	for _, p := range local {
		b.all = append(b.all, p.Name())
		if !c.Distributed() {
			work.Go(func() error { return p.Run(running) })
		}
	}
	return b, func() error {
		stop()
		return errors.Join(work.Wait(), opened.Close())
	}, nil
}

// projections are those that can be rebuilt on a stack.
func (c *rebuildCommand) projections(ctx context.Context, opened *stack.Stack, requests *projections.Requests) ([]localProjection, error) {
	log := telemetry.NewLog(io.Discard, "error", c.LogFormat)
	commands, err := app.NewCommands(c.Settings, opened, "http://localhost", log)
	if err != nil {
		return nil, err
	}
	defer commands.Close(ctx)
	epoch, err := commands.Epoch(ctx)
	if err != nil {
		return nil, fmt.Errorf("the log's epoch: %w", err)
	}
	known := func(context.Context) (uuid.UUID, error) { return epoch, nil }
	projector := projections.Tables(app.Feeds(c.Settings))
	generations := opened.Generations(projector.Family(opened.Codec.Catalogue(), epoch))
	tables, err := projections.NewRunner(projections.Config{
		Projector: projector, Store: opened.Store, Codec: opened.Codec, Generations: generations, Epoch: known,
		Leases: opened.Leases, Requests: requests, BatchSize: c.ProjectionBatch, BatchWait: c.ProjectionDelay,
		RetryMin: c.RetryFirst, RetryMax: c.RetryLongest, Now: time.Now, Log: log,
	})
	if err != nil {
		return nil, err
	}
	search := projections.NewIndexer(projections.IndexerConfig{
		Store: opened.Store, Engine: opened.Search, Tables: tables, Reads: readmodels.NewTables(generations), Epoch: known,
		Leases: opened.Leases, Requests: requests, BatchWait: c.ProjectionDelay, RetryMin: c.RetryFirst, RetryMax: c.RetryLongest, Log: log,
	})
	return []localProjection{tables, search}, nil
}

func (e *engines) names(context.Context) ([]string, error) { return e.all, nil }

func (e *engines) rebuild(ctx context.Context, name string, progress func(percent int)) error {
	if !slices.Contains(e.all, name) {
		return fmt.Errorf("this cannot be rebuilt; there are %s", strings.Join(e.all, " and "))
	}
	r, err := e.requests.Ask(ctx, name, projections.TaskRebuild, "")
	if errors.Is(err, readmodels.ErrRebuilding) { // asked for before; it is begun anew by whoever leads now
		r, err = e.requests.Newest(ctx, name, projections.TaskRebuild)
	}
	if err != nil {
		return err
	}
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.running, cancel)()
	r, err = e.requests.Await(waiting, r.ID, func(r projections.Request) {
		if r.Head > 0 {
			progress(int(100 * min(1, float64(r.Done)/float64(r.Head))))
		}
	})
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return errors.New("interrupted")
	case e.running.Err() != nil:
		return errStopped
	default:
		return err
	}
	if r.State == readmodels.Failed {
		return errors.New(r.Reason)
	}
	progress(100)
	return nil
}
