package projectionbench_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/keyring"
	"github.com/parleyhq/parley/infra/pebble"
	"github.com/parleyhq/parley/infra/sqlite"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/projections/projectionbench"
	"github.com/parleyhq/parley/projections/projectiontest"
)

const authorCount = 1000

type setup struct {
	store   event.Store
	codec   *event.Codec
	authors []uuid.UUID
}

func newSetup(tb testing.TB, events int) setup {
	tb.Helper()
	must := func(err error) {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
	}
	ring, err := keyring.Open(filepath.Join(tb.TempDir(), "keys.db"), make([]byte, keyring.KeySize))
	must(err)
	tb.Cleanup(func() { _ = ring.Close() })
	catalogue, err := event.NewCatalogue(projectionbench.Definitions())
	must(err)
	log, err := pebble.Open(tb.TempDir(), pebble.Options{})
	must(err)
	tb.Cleanup(func() { _ = log.Close() })
	s := setup{store: log, codec: event.NewCodec(catalogue, ring)}
	for range authorCount {
		s.authors = append(s.authors, uuid.New())
		must(ring.EnsureAccount(tb.Context(), s.authors[len(s.authors)-1]))
	}
	must(projectionbench.Fill(tb.Context(), s.store, s.codec, s.authors, events))
	return s
}

func (s setup) project(tb testing.TB, events int, edit ...func(*projections.Config)) float64 {
	tb.Helper()
	g, err := sqlite.OpenGenerations(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	perSecond, err := projectionbench.Project(tb.Context(), s.store, s.codec, g, events, edit...)
	if err != nil {
		tb.Fatal(err)
	}
	if err := g.Close(); err != nil {
		tb.Fatal(err)
	}
	return perSecond
}

func (s setup) floor(tb testing.TB, rows, size int, durable bool) float64 {
	tb.Helper()
	var perSecond float64
	if durable {
		db, err := sqlite.OpenState(tb.Context(), filepath.Join(tb.TempDir(), "floor.db"))
		if err != nil {
			tb.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		if perSecond, err = projectionbench.Floor(tb.Context(), db, s.authors, rows, size); err != nil {
			tb.Fatal(err)
		}
		return perSecond
	}
	g, err := sqlite.OpenGenerations(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = g.Close() }()
	db, err := g.Create(tb.Context(), "floor", nil)
	if err != nil {
		tb.Fatal(err)
	}
	if perSecond, err = projectionbench.Floor(tb.Context(), db, s.authors, rows, size); err != nil {
		tb.Fatal(err)
	}
	return perSecond
}

// BenchmarkProjector runs projector and floor in turn, A B A B, and reports
// both and their ratio, and the ratio to one durable transaction an event.
func BenchmarkProjector(b *testing.B) {
	const events = 50_000
	s := newSetup(b, events)
	var projector, floor, single, relaxed float64
	b.ResetTimer()
	for range b.N {
		for range 3 {
			projector += s.project(b, events)
			floor += s.floor(b, events, projectionbench.BatchSize, false)
			single += s.floor(b, events/10, 1, true)
			relaxed += s.floor(b, events/10, 1, false)
		}
	}
	n := float64(3 * b.N)
	b.ReportMetric(projector/n, "events/s")
	b.ReportMetric(floor/n, "floor/s")
	b.ReportMetric(projector/floor, "ratio")
	b.ReportMetric(single/n, "single/s")
	b.ReportMetric(projector/single, "single-ratio")
	b.ReportMetric(relaxed/n, "single-unsynced/s")
}

// BenchmarkProjectorAlone is for profiles.
func BenchmarkProjectorAlone(b *testing.B) {
	const events = 50_000
	s := newSetup(b, events)
	b.ResetTimer()
	sum := 0.0
	for range b.N {
		sum += s.project(b, events)
	}
	b.ReportMetric(sum/float64(b.N), "events/s")
}

// led makes a runner lead through leases and announce each transaction, and
// hear of itself.
func led(tb testing.TB) func(*projections.Config) {
	cluster := projectiontest.NewCluster()
	hub := projections.NewHub(projections.HubConfig{Announcements: cluster})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = hub.Run(ctx)
	}()
	tb.Cleanup(func() { cancel(); <-ended })
	return func(cfg *projections.Config) {
		cfg.Leases, cfg.Hub, cfg.Generations = cluster, hub, cluster.Tables(cfg.Generations)
	}
}

// BenchmarkProjectorLed reports what leading costs: the same projector alone
// and as one of several processes, in turn, and their ratio.
func BenchmarkProjectorLed(b *testing.B) {
	const events = 50_000
	s := newSetup(b, events)
	var alone, leading float64
	b.ResetTimer()
	for range b.N {
		for range 3 {
			alone += s.project(b, events)
			leading += s.project(b, events, led(b))
		}
	}
	b.ReportMetric(alone/float64(3*b.N), "alone/s")
	b.ReportMetric(leading/float64(3*b.N), "led/s")
	b.ReportMetric(leading/alone, "ratio")
}

// BenchmarkVisible reports how long a lone write takes to be in the tables.
func BenchmarkVisible(b *testing.B) {
	s := newSetup(b, 1000)
	var took []time.Duration
	b.ResetTimer()
	for n := range b.N {
		g, err := sqlite.OpenGenerations(b.TempDir())
		if err != nil {
			b.Fatal(err)
		}
		if took, err = projectionbench.Visible(b.Context(), s.store, s.codec, g, s.authors, 1000+n*2001, 2000); err != nil {
			b.Fatal(err)
		}
		if err := g.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(took[len(took)-1].Microseconds()), "max-µs")
}
