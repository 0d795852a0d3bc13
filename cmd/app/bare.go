package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"

	"github.com/parleyhq/parley/cmd/settings"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/stack"
	"github.com/parleyhq/parley/infra/telemetry"
	"github.com/parleyhq/parley/transport/eventgrpc"
	"github.com/parleyhq/parley/transport/rest"
)

// serveBareLog is the role log: the log of a folder in the EventStoreDB
// protocol, open to whoever reaches it, and the health of that. Parley's own
// streams may be written: processes of the other roles do.
func serveBareLog(ctx context.Context, cfg settings.Settings, listener net.Listener, events *logService, stdout io.Writer, log *slog.Logger) (err error) {
	store, err := stack.BareLog(cfg.Data, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	api, err := rest.New(rest.Config{
		NoAPI: true, Log: log, Now: now, Version: Version(), Metrics: telemetry.NewMetrics(Version()),
		Ready: func(ctx context.Context) rest.Readiness { return rest.ReadinessOf(logState(ctx, store)) },
	})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(stdout, "parley listening on http://%s\n", listener.Addr()); err != nil {
		return err
	}
	if err := events.greet(stdout); err != nil {
		return err
	}
	events.serve(ctx, eventgrpc.Config{Store: store, AppendTimeout: cfg.AppendTimeout, Now: now, NewID: newID, Log: log}, cfg.ShutdownTimeout)
	server := httpServer(api, cfg)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	var cause error
	select {
	case <-ctx.Done():
	case err := <-served:
		cause = fmt.Errorf("HTTP: %w", err)
	case cause = <-events.failed():
		events.ended <- nil // for wait
	}
	log.Info("stopping")
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.ShutdownTimeout)
	defer cancel()
	return errors.Join(cause, late(server.Shutdown(grace)), events.wait())
}

func logState(ctx context.Context, store event.Store) rest.Dependency {
	if _, err := store.Head(ctx); err != nil {
		return rest.Dependency{Name: "log", State: rest.Down}
	}
	return rest.Dependency{Name: "log", State: rest.Up}
}
