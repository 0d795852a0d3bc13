package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/parleyhq/parley/cmd/settings"
	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/relay"
	"github.com/parleyhq/parley/infra/stack"
	"github.com/parleyhq/parley/infra/telemetry"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/projections/process"
	"github.com/parleyhq/parley/readmodels"
	"github.com/parleyhq/parley/transport/eventgrpc"
	"github.com/parleyhq/parley/transport/push"
	"github.com/parleyhq/parley/transport/rest"
)

// App is the services of one process on one stack.
type App struct {
	cfg     settings.Settings
	stack   *stack.Stack
	log     *slog.Logger
	metrics *prometheus.Registry
	baseURL string // own origin as others see it

	commands  *commands.Commands
	epoch     uuid.UUID
	positions event.Positions
	hub       *projections.Hub // nil: all who wait are in this process
	requests  *projections.Requests
	tables    projections.Projection
	search    projections.Projection
	reads     *readmodels.Tables

	generations readmodels.Generations // of the tables
	relay       *relay.Relay           // nil: nothing is relayed here
	notify      process.Teller         // nil in roles that nobody asks of it
	told        projections.Standing   // likewise
	push        *push.Server
	tickets     *push.Tickets
	node        string
	rest        *rest.Server
	events      *logService
	front       *front
	services    []func(context.Context) error // each ends with its context
}

// Run serves until ctx ends, then stops gracefully: what was read is answered,
// sockets are told to come back. The address listened on is the first line on
// stdout; on the distributed stack it is answered there before the servers
// are. Errors are one sentence each.
func Run(ctx context.Context, cfg settings.Settings, stdout, stderr io.Writer) (err error) {
	log := telemetry.NewLog(stderr, cfg.LogLevel, cfg.LogFormat)
	listener, err := listen("http", cfg.HTTP)
	if err != nil {
		return err
	}
	defer listener.Close()
	events, err := listenLog(cfg)
	if err != nil {
		return err
	}
	defer events.close()
	if cfg.Has("log") {
		return serveBareLog(ctx, cfg, listener, events, stdout, log)
	}
	front, err := newFront(cfg, log)
	if err != nil {
		return err
	}
	front.serve(listener)
	defer func() { err = errors.Join(err, front.server.Close()) }()
	hello := func() error {
		_, err := fmt.Fprintf(stdout, "parley listening on %s://%s\n", front.scheme, listener.Addr())
		return err
	}
	if cfg.Distributed() {
		if err := hello(); err != nil {
			return err
		}
		hello = func() error { return nil }
	}
	engines, err := stack.Open(ctx, StackConfig(cfg, log, front.report))
	if err != nil {
		if ctx.Err() != nil {
			return nil // told to stop before it began
		}
		return err
	}
	defer func() { err = errors.Join(err, engines.Close()) }()
	a, err := New(ctx, cfg, engines, front.scheme+"://"+listener.Addr().String(), log)
	if err != nil {
		return err
	}
	a.events, a.front = events, front
	a.run(a.settle)
	if err := hello(); err != nil {
		return err
	}
	return a.serve(ctx, stdout)
}

// Commands are what the services change things with.
func (a *App) Commands() *commands.Commands { return a.commands }

// REST is the HTTP API.
func (a *App) REST() *rest.Server { return a.rest }

// Serve is Run for engines that are open: it answers at listener until ctx
// ends. The engines stay open. It is called once.
func (a *App) Serve(ctx context.Context, listener net.Listener, stdout io.Writer) (err error) {
	if a.front, err = newFront(a.cfg, a.log); err != nil {
		return err
	}
	a.front.serve(listener)
	return a.serve(ctx, stdout)
}

// serve runs the services until ctx ends: what others stand on starts first
// and stops last.
func (a *App) serve(ctx context.Context, stdout io.Writer) error {
	if err := a.greet(ctx, stdout); err != nil && ctx.Err() == nil {
		return err
	}
	base, stopBase := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBase()
	services, failed := errgroup.WithContext(base)
	for _, run := range a.services {
		services.Go(func() error { return run(base) })
	}
	sockets, stopSockets := context.WithCancel(base)
	defer stopSockets()
	pushed := a.runPush(sockets)
	served := eventgrpc.Config{
		Store: a.stack.Store, Owns: a.stack.Codec.Catalogue().Owns,
		AppendTimeout: a.cfg.AppendTimeout, Now: now, NewID: newID, Log: a.log,
	}
	if err := a.events.guard(&served, a.cfg, a.commands, a.log); err != nil {
		return err
	}
	a.events.serve(sockets, served, a.cfg.ShutdownTimeout)
	a.front.swap(a.rest.Handler())

	var cause error
	select {
	case <-ctx.Done():
	case <-failed.Done():
	case err := <-a.front.failed():
		cause = fmt.Errorf("HTTP: %w", err)
	case err := <-pushed:
		cause = fmt.Errorf("sockets: %w", err)
		pushed <- nil
	case cause = <-a.events.failed():
		a.events.ended <- nil // for wait
	}
	a.log.Info("stopping")
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.cfg.ShutdownTimeout)
	defer cancel()
	stopSockets() // a server's Shutdown knows nothing of them
	cause = errors.Join(cause, a.front.close(grace), <-pushed, a.events.wait())
	a.commands.Close(grace)
	stopBase()
	return errors.Join(cause, services.Wait())
}

// runPush runs the sockets, and tells when they have ended; where this process
// has none it ends with ctx.
func (a *App) runPush(ctx context.Context) chan error {
	ended := make(chan error, 1)
	go func() {
		if a.push == nil {
			<-ctx.Done()
			ended <- nil
			return
		}
		ended <- a.push.Run(ctx)
	}()
	return ended
}

func httpServer(api *rest.Server, cfg settings.Settings) *http.Server {
	server := api.HTTPServer()
	server.ReadHeaderTimeout, server.IdleTimeout = cfg.HeaderTimeout, cfg.IdleTimeout
	return server
}

// late says what a stop that ran out of time means: requests were cut off.
func late(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("some requests were still at work when --shutdown-timeout was over")
	}
	return err
}

// greet says where the log is served, and how the first administrator is made
// where there is none.
func (a *App) greet(ctx context.Context, stdout io.Writer) error {
	token, err := a.commands.PrepareSetup(ctx)
	if err != nil {
		return fmt.Errorf("set-up link: %w", err)
	}
	if err := a.events.greet(stdout); err != nil {
		return err
	}
	if token != "" {
		_, err = fmt.Fprintf(stdout, "no administrator yet; make one at %s/setup?token=%s\n", a.baseURL, token)
	}
	return err
}
