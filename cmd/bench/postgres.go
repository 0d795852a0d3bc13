package bench

import (
	"context"
	"errors"

	"github.com/parleyhq/parley/infra/postgres"
	"github.com/parleyhq/parley/infra/postgres/postgresbench"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/projections/projectionbench"
)

// onPostgres folds the whole log into tables of a server, with the lease and
// the announcements that a cluster needs.
func (p Plan) onPostgres() Pair {
	return p.Servers.on(Pair{
		What: "projector, Postgres", Unit: "events/s", Floor: "bare pgx, batched upserts of the same rows", Aim: "≥ 0.7",
		Open: p.projecting(p.projectOnPostgres, p.barePostgres(1, projectionbench.BatchSize)),
	}, "postgres")
}

// onPostgresSingly is the same beside one durable transaction an event.
func (p Plan) onPostgresSingly() Pair {
	return p.Servers.on(Pair{
		What: "projector, Postgres (batching)", Unit: "events/s", Floor: "bare pgx, one transaction an event", Aim: "≥ 15",
		Open: p.projecting(p.projectOnPostgres, p.barePostgres(25, 1)),
	}, "postgres")
}

func (p Plan) projectOnPostgres(ctx context.Context, l *pile, _ string) (perSecond float64, err error) {
	prefix := namespace()
	db, err := postgres.Open(ctx, postgres.Options{URL: p.Servers.Postgres, Prefix: prefix})
	if err != nil {
		return 0, err
	}
	defer func() {
		err = errors.Join(err, db.Close(), postgresbench.Drop(context.WithoutCancel(ctx), p.Servers.Postgres, prefix))
	}()
	hub := projections.NewHub(projections.HubConfig{Announcements: db.Announcements()})
	return projectionbench.Project(ctx, l.store, l.codec, db.Generations("bench"), l.events, func(c *projections.Config) {
		c.Leases, c.Hub = db.Leases(), hub
	})
}

// barePostgres upserts a share of the rows, size of them a transaction.
func (p Plan) barePostgres(share, size int) func(ctx context.Context, l *pile, dir string) (float64, error) {
	return func(ctx context.Context, l *pile, _ string) (perSecond float64, err error) {
		prefix := namespace()
		db, err := postgresbench.Open(ctx, p.Servers.Postgres, prefix+"_floor")
		if err != nil {
			return 0, err
		}
		defer func() {
			ctx := context.WithoutCancel(ctx)
			err = errors.Join(err, db.Close(ctx), postgresbench.Drop(ctx, p.Servers.Postgres, prefix))
		}()
		return projectionbench.Floor(ctx, db, l.authors, max(1, l.events/share), size)
	}
}
