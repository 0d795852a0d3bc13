package projectiontest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/readmodels"
)

// Epoch is the epoch of every log here.
var Epoch = uuid.MustParse("00000000-0000-4000-8000-000000000001")

// Patience bounds every wait for what must happen.
const Patience = time.Minute

// Config is a runner's configuration for tests: short pauses, a fixed clock.
func Config(p projections.Projector, store event.Store, codec *event.Codec, g readmodels.Generations) projections.Config {
	return projections.Config{
		Projector: p, Store: store, Codec: codec, Generations: g,
		Epoch:    func(context.Context) (uuid.UUID, error) { return Epoch, nil },
		RetryMin: time.Microsecond, RetryMax: time.Millisecond,
		Now: func() time.Time { return time.UnixMilli(1_700_000_000_000) },
	}
}

// Start runs a runner until the test ends, or stop is called, which returns
// the error of Run.
func Start(t *testing.T, cfg projections.Config) (r *projections.Runner, stop func() error) {
	t.Helper()
	r, err := projections.NewRunner(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	var result error
	stopped := false
	stop = func() error {
		if !stopped {
			cancel()
			result, stopped = <-ended, true
		}
		return result
	}
	t.Cleanup(func() { _ = stop() })
	return r, stop
}

// Fold runs the projector until the tables hold what the log holds, and stops.
func Fold(t *testing.T, cfg projections.Config) {
	t.Helper()
	r, stop := Start(t, cfg)
	CatchUp(t, r, cfg.Store)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

// CatchUp waits until the tables hold what the log holds now.
func CatchUp(t *testing.T, r *projections.Runner, store event.Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	head, err := store.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(ctx, head); err != nil {
		t.Fatalf("waiting for %d, at %d: %v", head, r.Position(), err)
	}
}

var created = regexp.MustCompile(`(?i)CREATE TABLE IF NOT EXISTS (\w+)`)

// Dump prints every row of the live tables that schema makes, and what is
// parked, in a fixed order.
func Dump(t *testing.T, g readmodels.Generations, schema []string) []string {
	t.Helper()
	db, _, release, err := g.Live(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	columns := map[string]int{"parked": 9}
	for _, statement := range schema {
		if m := created.FindStringSubmatch(statement); m != nil {
			columns[m[1]] = 0
		}
	}
	var all []string
	for table := range columns {
		lines, err := rows(t.Context(), db, table)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, lines...)
	}
	slices.Sort(all)
	return all
}

// rows prints the rows of a table. The port does not tell how many columns
// there are, so Scan is asked until it agrees.
func rows(ctx context.Context, db readmodels.DB, table string) ([]string, error) {
	r, err := db.Query(ctx, `SELECT * FROM `+table)
	if err != nil {
		return nil, err
	}
	var all []string
	for width := 1; r.Next(); {
		var values, into []any
		for ; ; width++ {
			values, into = make([]any, width), make([]any, width)
			for i := range values {
				into[i] = &values[i]
			}
			if err := r.Scan(into...); err == nil {
				break
			} else if width == 64 {
				return nil, errors.Join(err, r.Close())
			}
		}
		words := []string{table}
		for _, v := range values {
			words = append(words, fmt.Sprintf("%v", v))
		}
		all = append(all, strings.Join(words, "|"))
	}
	return all, errors.Join(r.Err(), r.Close())
}

// Check folds log once cleanly and then again and again into other places,
// with small batches, crashes before and after commits, tails that fail and
// deliver twice, and restarts; the tables must be the same each time.
// place opens an empty place for generations. log is read alone.
func Check(t *testing.T, p projections.Projector, codec *event.Codec, log *Log, place func(t *testing.T) readmodels.Generations, seed uint64) {
	t.Helper()
	clean := place(t)
	Fold(t, Config(p, log, codec, clean))
	want := Dump(t, clean, p.Schema)

	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a repeatable test
	g := place(t)
	const restarts = 4
	head, _ := log.Head(t.Context())
	for i := range uint64(restarts) {
		// each run sees a longer log, and each crash has its own odds
		seen := log.until(head * (i + 1) / restarts)
		again, fail, crash := rand.New(rand.NewPCG(seed, i)), rand.New(rand.NewPCG(seed+1, i)), rand.New(rand.NewPCG(seed+2, i)) //nolint:gosec // a repeatable test
		seen.Again = func(uint64) bool { return again.IntN(5) == 0 }
		failures := 5
		seen.Fail = func(position uint64) error {
			if failures > 0 && fail.IntN(10) == 0 {
				failures--
				return fmt.Errorf("the tail fails before %d", position)
			}
			return nil
		}
		cfg := Config(p, seen, codec, Faults{g, func() Moment {
			if crash.IntN(3) > 0 {
				return Never
			}
			return Moment(1 + crash.IntN(2))
		}})
		cfg.BatchSize = 1 + random.IntN(40)
		Fold(t, cfg)
	}
	if d := cmp.Diff(want, Dump(t, g, p.Schema)); d != "" {
		t.Errorf("seed %d: the tables differ from a clean pass: (-clean +got)\n%s", seed, d)
	}
}

// until is a log of the events up to position.
func (l *Log) until(position uint64) *Log {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &Log{records: slices.Clone(l.records[:position]), streams: map[string][]int{}, grown: make(chan struct{})}
}
