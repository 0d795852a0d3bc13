package app

import (
	"context"

	"github.com/parleyhq/parley/infra/relay"
)

// makeRelay makes what brings the log to Kafka, where there is one.
func (a *App) makeRelay(context.Context) error {
	if !a.serves("relay") || a.stack.Broker == nil {
		return nil
	}
	cfg := relayConfig(a.cfg)
	cfg.Store, cfg.Catalogue = a.stack.Store, a.stack.Codec.Catalogue()
	cfg.Publisher, cfg.Ensure, cfg.Prefix = a.stack.Broker.Publisher, a.stack.Broker.Ensure, a.stack.Broker.Prefix
	cfg.State, cfg.Leases, cfg.Log = a.stack.State, a.stack.Leases, a.log
	a.relay = relay.New(cfg)
	a.run(a.relay.Run)
	return nil
}
