package app

import (
	"context"
	"slices"
	"sync"

	"github.com/parleyhq/parley/infra/relay"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/transport/rest"
)

// readiness is what /readyz answers.
func (a *App) readiness(ctx context.Context) rest.Readiness {
	r := a.dependencies(ctx)
	r.Ready = r.Ready && (a.tables == nil || a.tables.Ready()) && (a.push == nil || a.push.Ready())
	r.Projections = a.projections(ctx)
	return r
}

// dependencies asks all of them at once. Without one that is not required this
// process still serves, and says so, soon: whoever asks may not wait for long.
func (a *App) dependencies(ctx context.Context) rest.Readiness {
	r := rest.Readiness{Ready: true, Dependencies: make([]rest.Dependency, len(a.stack.Checks))}
	var asked sync.WaitGroup
	for i, check := range a.stack.Checks {
		asked.Go(func() {
			r.Dependencies[i] = rest.Dependency{Name: check.Name, State: rest.Up}
			wait := a.cfg.ConnectTimeout
			if !check.Required {
				wait = min(wait, a.cfg.BreakerSlow)
			}
			ctx, cancel := context.WithTimeout(ctx, wait)
			defer cancel()
			if err := check.Ping(ctx); err != nil {
				r.Dependencies[i].State = rest.Down
			}
		})
	}
	asked.Wait()
	for i, check := range a.stack.Checks {
		r.Ready = r.Ready && (!check.Required || r.Dependencies[i].State == rest.Up)
	}
	return r
}

// administration is what operators see and ask of the projections.
func (a *App) administration() *projections.Administration {
	tables := projections.Administered{Standing: a.tables, Rebuildable: true}
	tables.Parked = func(ctx context.Context) ([]projections.Parked, error) {
		return projections.ParkedIn(ctx, a.generations)
	}
	return projections.NewAdministration(a.requests, a.cfg.RequestTimeout/2, tables,
		projections.Administered{Standing: a.search, Rebuildable: true}, projections.Administered{Standing: a.told})
}

// standings are what follows the log here, and what this process hears of.
func (a *App) standings() []projections.Standing {
	all := []projections.Standing{a.tables, a.search, a.told}
	if a.relay != nil {
		all = append(all, relayed{a.relay})
	}
	return slices.DeleteFunc(all, func(s projections.Standing) bool { return s == nil })
}

// relayed is the relay among projections.
type relayed struct{ *relay.Relay }

// Name implements projections.Standing.
func (relayed) Name() string { return "relay" }

func (a *App) projections(ctx context.Context) []rest.Projection {
	all := []rest.Projection{}
	for _, p := range a.standings() {
		shown := rest.Projection{Name: p.Name(), Rebuildable: p == a.tables || p == a.search}
		if lag, err := p.Lag(ctx); err == nil {
			shown.Lag = lag
		}
		if builder, ok := p.(projections.Rebuilder); ok {
			if done, head, building := builder.Rebuilding(); building && head > 0 {
				shown.Rebuild = &rest.Rebuild{Progress: float64(done) / float64(head)}
			}
		}
		all = append(all, shown)
	}
	return all
}
