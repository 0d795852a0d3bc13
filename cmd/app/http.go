package app

import (
	"context"
	"fmt"

	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/projections/process"
	"github.com/parleyhq/parley/readmodels"
	"github.com/parleyhq/parley/transport/console"
	"github.com/parleyhq/parley/transport/rest"
)

// makeREST makes what answers over HTTP: the whole API in the role api, the
// sockets in the role push, health and metrics in every one.
func (a *App) makeREST(ctx context.Context) error {
	c := restConfig(a.cfg)
	c.Ready, c.Log, c.Metrics, c.Version = a.readiness, a.log, a.metrics, Version()
	c.BaseURL, c.ImageURL, c.NoAPI = a.baseURL, imageURL(a.cfg, a.baseURL), !a.serves("api")
	if a.push != nil {
		c.Mounts = append(c.Mounts, rest.Mount{Pattern: "/v1/push", Handler: a.push})
	}
	if a.serves("api") {
		if err := a.addAPI(ctx, &c); err != nil {
			return err
		}
	}
	var err error
	a.rest, err = rest.New(c)
	return err
}

// addAPI is what the API needs, and its pages.
func (a *App) addAPI(ctx context.Context, c *rest.Config) error {
	seen, err := readmodels.NewLastSeen(ctx, lastSeenConfig(a.cfg, a.stack.State, a.log))
	if err != nil {
		return err
	}
	a.run(seen.Run)
	cursors, err := a.stack.Keyring.System(ctx, "cursors")
	if err != nil {
		return fmt.Errorf("the key of cursors: %w", err)
	}
	c.CursorKey, c.Tickets, c.Seen = cursors, a.tickets, seen
	c.Commands, c.Tables, c.Auth, c.Positions = a.commands, a.reads, a.commands, a.positions
	c.Search = &readmodels.Finder{Tables: a.reads, Engine: a.stack.Search, Family: projections.SearchFamily(a.epoch)}
	c.Gate, c.Projections = a.commands, a.administration()
	guard(a.cfg, c, a.commands)
	c.Waiters = map[string]rest.Waiter{rest.Tables: a.tables, rest.Search: a.search, rest.Notify: process.Shown{Notify: a.notify, Tables: a.tables}}
	pages, err := console.New(console.Config{NeedsSetup: a.commands.NeedsSetup, Log: a.log})
	if err != nil {
		return err
	}
	c.Lost = pages.Lost
	for _, path := range pages.Paths() {
		c.Mounts = append(c.Mounts, rest.Mount{Pattern: path, Handler: pages})
	}
	return nil
}
