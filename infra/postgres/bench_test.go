//go:build stack

package postgres_test

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/keyring"
	"github.com/parleyhq/parley/infra/pebble"
	"github.com/parleyhq/parley/infra/postgres"
	"github.com/parleyhq/parley/infra/postgres/postgresbench"
	"github.com/parleyhq/parley/infra/postgres/postgrestest"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/projections/projectionbench"
)

type benchWorld struct {
	store   event.Store
	codec   *event.Codec
	authors []uuid.UUID
	events  int
}

func newBenchWorld(b *testing.B, events int) benchWorld {
	b.Helper()
	ring, err := keyring.Open(filepath.Join(b.TempDir(), "keys.db"), make([]byte, keyring.KeySize))
	must(b, err)
	b.Cleanup(func() { _ = ring.Close() })
	catalogue, err := event.NewCatalogue(projectionbench.Definitions())
	must(b, err)
	log, err := pebble.Open(b.TempDir(), pebble.Options{})
	must(b, err)
	b.Cleanup(func() { _ = log.Close() })
	w := benchWorld{store: log, codec: event.NewCodec(catalogue, ring), events: events}
	for range 1000 {
		w.authors = append(w.authors, uuid.New())
		must(b, ring.EnsureAccount(b.Context(), w.authors[len(w.authors)-1]))
	}
	must(b, projectionbench.Fill(b.Context(), w.store, w.codec, w.authors, events))
	return w
}

func (w benchWorld) project(b *testing.B) float64 {
	b.Helper()
	p := postgrestest.Open(b, postgres.Options{})
	hub := projections.NewHub(projections.HubConfig{Announcements: p.Announcements()})
	perSecond, err := projectionbench.Project(b.Context(), w.store, w.codec, p.Generations("bench"), w.events,
		func(c *projections.Config) { c.Leases, c.Hub = p.Leases(), hub })
	must(b, err)
	return perSecond
}

// batches upserts the rows through this package alone.
func (w benchWorld) batches(b *testing.B) float64 {
	b.Helper()
	db, err := postgrestest.Open(b, postgres.Options{}).Generations("bench").Create(b.Context(), "floor", nil)
	must(b, err)
	perSecond, err := projectionbench.Floor(b.Context(), db, w.authors, w.events, projectionbench.BatchSize)
	must(b, err)
	return perSecond
}

func (w benchWorld) floor(b *testing.B, rows, size int) float64 {
	b.Helper()
	c, err := postgresbench.Open(b.Context(), postgrestest.Database(b), "")
	must(b, err)
	defer func() { must(b, c.Close(b.Context())) }()
	perSecond, err := projectionbench.Floor(b.Context(), c, w.authors, rows, size)
	must(b, err)
	return perSecond
}

// BenchmarkProjector runs the projector (with its lease and announcements) and
// the floor, bare pgx, in turn on the same server, and reports both, their
// ratio, that of this package's batches alone, and the ratio to one transaction
// an event.
func BenchmarkProjector(b *testing.B) {
	w := newBenchWorld(b, 50_000)
	var projector, batches, floor, single float64
	rounds := 0.0
	b.ResetTimer()
	for range b.N {
		for range 3 {
			projector += w.project(b)
			batches += w.batches(b)
			floor += w.floor(b, w.events, projectionbench.BatchSize)
			single += w.floor(b, w.events/25, 1)
			rounds++
		}
	}
	b.ReportMetric(projector/rounds, "events/s")
	b.ReportMetric(floor/rounds, "floor/s")
	b.ReportMetric(projector/floor, "ratio")
	b.ReportMetric(batches/floor, "batch-ratio")
	b.ReportMetric(single/rounds, "single/s")
	b.ReportMetric(projector/single, "single-ratio")
}

// BenchmarkVisible reports how long a lone write takes to be in the tables.
func BenchmarkVisible(b *testing.B) {
	w := newBenchWorld(b, 1000)
	var took []time.Duration
	held := w.events
	b.ResetTimer()
	for range b.N {
		p := postgrestest.Open(b, postgres.Options{})
		one, err := projectionbench.Visible(b.Context(), w.store, w.codec, p.Generations("bench"), w.authors, held, 500)
		must(b, err)
		took = append(took, one...)
		held += 501
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}
