package main

import (
	"context"

	"github.com/parleyhq/parley/cmd/app"
	"github.com/parleyhq/parley/cmd/settings"
	"github.com/parleyhq/parley/infra/telemetry"
)

type serveCommand struct {
	settings.Settings
}

// Help is the long help of the command.
func (*serveCommand) Help() string {
	return `Without any argument everything runs in this one process, its data in ./data. The chosen address is the first
line on standard output. SIGTERM stops gracefully: what was read is answered, sockets are told to come back.

Example:

    parley serve --data ./data --http :8080 --base-url https://forum.example.org`
}

// Run leaves behind what serves until ctx ends.
func (c *serveCommand) Run(ctx context.Context, std streams, rest *afterwards) error {
	if err := c.Available(); err != nil {
		return err
	}
	log := telemetry.NewLog(std.err, c.LogLevel, c.LogFormat)
	for _, warning := range c.Warnings() {
		log.WarnContext(ctx, warning)
	}
	cfg := c.Settings
	*rest = func() error { return app.Run(ctx, cfg, std.out, std.err) }
	return nil
}
