//go:build stack

package process

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/postgres"
	"github.com/parleyhq/parley/infra/postgres/postgrestest"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/projections/projectiontest"
	"github.com/parleyhq/parley/readmodels"
)

// opened is a process's view of a database.
func opened(t *testing.T, url string) (*postgres.Postgres, *projections.Hub) {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Options{URL: url, LeaseTTL: 2 * time.Second, RetryFirst: time.Millisecond})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	h := projections.NewHub(projections.HubConfig{Announcements: db.Announcements(), RetryMin: time.Millisecond})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = h.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return db, h
}

// N7, invariant 8: on a database that cuts all connections again and again,
// two processes tell everybody once, and a third one hears of it.
func TestN7_ProcessesOnOneDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	busy(t, w, 6)
	head, err := w.log.Head(t.Context())
	must(t, err)
	reference, store := w.copied(), w.copied()
	w.finish(w.notify(reference, there{}, &memory{}), head)

	url := postgrestest.Database(t)
	slow := &slowly{Store: store, next: make(chan struct{})}
	_, hub := opened(t, url)
	follower := NewFollower(store, hub)
	for range 2 {
		db, hub := opened(t, url)
		checkpoint, err := NewStateCheckpoint(t.Context(), db.State(), Name)
		must(t, err)
		n := NewNotify(NotifyConfig{
			Store: slow, Codec: w.codec, Commands: w.commands(slow), Tables: there{}, Reads: readmodels.NewTables(w.tables),
			Checkpoint: checkpoint, Now: time.Now, Log: slog.New(slog.DiscardHandler), RetryMin: time.Millisecond, RetryMax: time.Millisecond,
			Leases: db.Leases(), Hub: hub, State: db.State(), SaveEvery: time.Nanosecond,
		})
		t.Cleanup(w.run(n))
	}
	for i := range 12 {
		select {
		case slow.next <- struct{}{}:
		case <-time.After(projectiontest.Patience):
			t.Fatal("nobody tells any more")
		}
		if i%4 == 3 {
			postgrestest.Exec(t, url, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		}
	}
	close(slow.next)
	ctx, cancel := context.WithTimeout(t.Context(), projectiontest.Patience)
	defer cancel()
	shown, err := follower.Wait(ctx, head)
	must(t, err)
	for rec, err := range store.All(t.Context(), 0, event.Filter{Categories: []string{"inbox"}}) {
		must(t, err)
		if rec.Position > shown {
			t.Errorf("everybody was told, but the entry at %d is not shown yet: %d", rec.Position, shown)
		}
	}
	if d := cmp.Diff(w.inboxes(reference), w.inboxes(store)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// slowly is a log that appends each time it is let.
type slowly struct {
	event.Store
	next chan struct{}
}

func (s *slowly) Append(ctx context.Context, stream string, at event.Expected, events []event.Event) (event.Result, error) {
	select {
	case <-s.next:
	case <-ctx.Done():
		return event.Result{}, ctx.Err()
	}
	return s.Store.Append(ctx, stream, at, events)
}
