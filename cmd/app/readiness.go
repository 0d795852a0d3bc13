package app

import (
	"context"

	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/transport/rest"
)

// readiness is what /readyz answers.
func (a *App) readiness(ctx context.Context) rest.Readiness {
	r := rest.ReadinessOf(logState(ctx, a.stack.Store))
	r.Ready = r.Ready && (a.tables == nil || a.tables.Ready()) && (a.push == nil || a.push.Ready())
	r.Projections = a.projections(ctx)
	return r
}

func (a *App) projections(ctx context.Context) []rest.Projection {
	all := []rest.Projection{}
	for _, p := range []projections.Standing{a.tables, a.search, a.told} {
		if p == nil {
			continue
		}
		shown := rest.Projection{Name: p.Name()}
		if lag, err := p.Lag(ctx); err == nil {
			shown.Lag = lag
		}
		if builder, ok := p.(projections.Rebuilder); ok {
			shown.Rebuildable = true
			if done, head, building := builder.Rebuilding(); building && head > 0 {
				shown.Rebuild = &rest.Rebuild{Progress: float64(done) / float64(head)}
			}
		}
		all = append(all, shown)
	}
	return all
}
