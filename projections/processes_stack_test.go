//go:build stack

package projections_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/infra/postgres"
	"github.com/parleyhq/parley/infra/postgres/postgrestest"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/projections/projectiontest"
	"github.com/parleyhq/parley/readmodels"
)

// process is one of several on a database.
type process struct {
	tables   readmodels.Generations
	cfg      projections.Config
	hub      *projections.Hub
	requests *projections.Requests
}

func (s *several) process(url string) process {
	s.t.Helper()
	db, err := postgres.Open(s.t.Context(), postgres.Options{URL: url, LeaseTTL: 2 * time.Second, RetryFirst: time.Millisecond})
	must(s.t, err)
	s.t.Cleanup(func() { must(s.t, db.Close()) })
	p := process{tables: db.Generations(s.family())}
	p.hub = projections.NewHub(projections.HubConfig{Announcements: db.Announcements(), RetryMin: time.Millisecond})
	s.background(p.hub.Run)
	p.requests, err = projections.NewRequests(s.t.Context(), projections.RequestsConfig{
		DB: db.State(), NewID: func() uuid.UUID { return uuid.Must(uuid.NewV7()) }, Now: time.Now, Every: 20 * time.Millisecond,
	})
	must(s.t, err)
	p.cfg = s.world.config(p.tables)
	p.cfg.Leases, p.cfg.Hub, p.cfg.Requests, p.cfg.BatchSize = db.Leases(), p.hub, p.requests, 20
	return p
}

// O2, Q7: two processes that may lead and one that only answers, over one
// database that cuts all their connections again and again, and whose leaders
// end: everybody hears of every position, a rebuild that the third one asks for
// is done, and the tables equal the fold of the log.
func TestO2_ProcessesOnOneDatabase(t *testing.T) {
	t.Parallel()
	s := newSeveral(t)
	url := postgrestest.Database(t)
	first, second, api := s.process(url), s.process(url), s.process(url)
	f := projections.NewFollower(projections.FollowerConfig{Projection: "things", Family: s.family(), Store: s.log, Hub: api.hub})
	s.background(f.Run)
	random := rand.New(rand.NewPCG(7, 7))
	wait := func(all ...projections.Projection) {
		t.Helper()
		s.addRandom(random, 60)
		head, err := s.log.Head(t.Context())
		must(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), projectiontest.Patience)
		defer cancel()
		for _, p := range all {
			if err := p.Wait(ctx, head); err != nil {
				t.Fatalf("at %d of %d: %v", p.Position(), head, err)
			}
		}
	}
	r1, stop := projectiontest.Start(t, first.cfg)
	wait(r1, f)
	r2, _ := projectiontest.Start(t, second.cfg)
	for range 4 {
		s.addRandom(random, 60)
		postgrestest.Exec(t, url, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		wait(r1, r2, f)
	}
	asked, err := api.requests.Ask(t.Context(), "things", projections.TaskRebuild, "")
	must(t, err)
	must(t, stop()) // whoever led then, another one may have to begin the rebuild again
	ctx, cancel := context.WithTimeout(t.Context(), projectiontest.Patience)
	defer cancel()
	done, err := api.requests.Await(ctx, asked.ID, nil)
	must(t, err)
	if done.State != readmodels.Done {
		t.Errorf("%s: %s", done.State, done.Reason)
	}
	wait(r2, f)
	if !f.Ready() || !r2.Ready() {
		t.Errorf("ready: %v, %v", f.Ready(), r2.Ready())
	}
	clean := newPlace(t)
	projectiontest.Fold(t, s.world.config(clean))
	if d := cmp.Diff(projectiontest.Dump(t, clean, thingSchema), projectiontest.Dump(t, api.tables, thingSchema)); d != "" {
		t.Errorf("the tables differ from a clean pass: (-clean +got)\n%s", d)
	}
}
