package projections_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/keyring"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/projections/foldtest"
	"github.com/parleyhq/parley/projections/projectiontest"
	"github.com/parleyhq/parley/readmodels"
)

// foldSeeds are the histories that are folded: PARLEY_ROUNDS=50 makes fifty
// times as many.
func foldSeeds() uint64 {
	rounds, _ := strconv.ParseUint(os.Getenv("PARLEY_ROUNDS"), 10, 32)
	return 6 * max(1, rounds)
}

// feeds are kept short, and written to few, so that all their ways are met;
// the sums of hashtags are those of a day, and midnight comes in each history.
var feeds = readmodels.Feeds{FanOut: 2, Length: 5}

const foldEvents = 1000 // of a history

// foldWorld is a history, sealed.
type foldWorld struct {
	t       *testing.T
	history *foldtest.History
	ring    *keyring.Ring
	codec   *event.Codec
	sealed  []event.Event
}

func newFoldWorld(t *testing.T, seed uint64) *foldWorld {
	t.Helper()
	ring, err := keyring.Open(filepath.Join(t.TempDir(), "keys.db"), make([]byte, keyring.KeySize))
	must(t, err)
	t.Cleanup(func() { _ = ring.Close() })
	catalogue, err := domain.Catalogue()
	must(t, err)
	w := &foldWorld{t: t, history: foldtest.NewHistory(seed, foldEvents), ring: ring, codec: event.NewCodec(catalogue, ring)}
	for _, id := range w.history.Accounts {
		must(t, ring.EnsureAccount(t.Context(), id))
	}
	for author, account := range w.history.Authors {
		must(t, ring.EnsurePseudonym(t.Context(), author, account))
	}
	for _, e := range w.history.Events {
		typ, data, err := w.codec.Encode(t.Context(), e.Stream, e.ID, e.Data)
		must(t, err)
		w.sealed = append(w.sealed, event.Event{ID: e.ID, Type: typ, Time: e.Time, Data: data})
	}
	return w
}

// log holds the history up to position.
func (w *foldWorld) log(position uint64) *projectiontest.Log {
	w.t.Helper()
	log := projectiontest.NewLog()
	for i, e := range w.sealed[:position] {
		at := w.history.Events[i]
		_, err := log.Append(w.t.Context(), at.Stream, event.Expected(at.Revision)-1, []event.Event{e})
		must(w.t, err)
	}
	return log
}

// destroy destroys the keys of some accounts, and gives who is gone.
func (w *foldWorld) destroy(random *rand.Rand) func(uuid.UUID) bool {
	w.t.Helper()
	gone := map[uuid.UUID]bool{}
	for len(gone) == 0 {
		for _, id := range w.history.Accounts {
			if random.IntN(3) == 0 {
				gone[id] = true
				must(w.t, w.ring.Destroy(w.t.Context(), id))
			}
		}
	}
	return func(id uuid.UUID) bool {
		if account, pseudonym := w.history.Authors[id]; pseudonym {
			id = account
		}
		return gone[id]
	}
}

// foldPlace is where a process keeps its tables from one life to the next.
type foldPlace interface {
	open(t *testing.T) (g readmodels.Generations, shut func())
	back() error // perhaps to what an image kept
	keep() error // an image, as the process ended
	amid() error // something worse, in a batch: it may end with that
}

// worse is a place for generations where something happens amid transactions.
type worse struct {
	readmodels.Generations
	amid func() error
}

func (w worse) Create(ctx context.Context, name string, schema []string) (readmodels.DB, error) {
	db, err := w.Generations.Create(ctx, name, schema)
	return worseDB{db, w.amid}, err
}

type worseDB struct {
	readmodels.DB
	amid func() error
}

func (w worseDB) Batch(ctx context.Context, write func(readmodels.Batch) error) error {
	return w.DB.Batch(ctx, func(b readmodels.Batch) error { return errors.Join(write(b), w.amid()) })
}

// fold folds the history by the real runner in several lives of a process.
// Each sees a longer log and has batches of another size; it meets crashes
// before and after commits, and tails that fail and deliver twice; and it may
// begin with older tables, as they were closed or as a kill left them. After
// each life the tables must be what the model says.
func (w *foldWorld) fold(gone func(uuid.UUID) bool, random *rand.Rand) {
	w.t.Helper()
	place := newFoldPlace(w.t)
	model, folded := foldtest.NewModel(feeds, gone), 0
	const lives = 4
	for life := 1; life <= lives; life++ {
		until := len(w.sealed) * life / lives
		if random.IntN(3) > 0 {
			must(w.t, place.back())
		}
		got := w.live(place, uint64(until), random)
		for ; folded < until; folded++ {
			model.Fold(w.history.Events[folded])
		}
		w.compare(until, model.Rows(), got)
		if random.IntN(3) == 0 {
			must(w.t, place.keep())
		}
	}
}

// compare fails with the first rows that are in one of two alone.
func (w *foldWorld) compare(until int, want, got []string) {
	w.t.Helper()
	if slices.Equal(want, got) {
		return
	}
	count := map[string]int{}
	for _, row := range want {
		count[row]++
	}
	for _, row := range got {
		count[row]--
	}
	var wrong []string
	for row, n := range count {
		switch {
		case n > 0:
			wrong = append(wrong, row+" (model)")
		case n < 0:
			wrong = append(wrong, row+" (tables)")
		}
	}
	slices.Sort(wrong)
	w.t.Fatalf("after event %d of %d %d rows differ, among them\n%s", until, len(w.sealed), len(wrong), strings.Join(wrong[:min(len(wrong), 12)], "\n"))
}

// live is one life of a process; it gives what its tables hold at its end.
func (w *foldWorld) live(place foldPlace, until uint64, random *rand.Rand) []string {
	w.t.Helper()
	g, shut := place.open(w.t)
	defer shut()
	log := w.log(until)
	// the runner reads in one goroutine and writes in another
	again, fail, amid := rand.New(rand.NewPCG(random.Uint64(), 0)), rand.New(rand.NewPCG(random.Uint64(), 1)), rand.New(rand.NewPCG(random.Uint64(), 2)) //nolint:gosec // a repeatable test
	log.Again = func(uint64) bool { return again.IntN(10) == 0 }
	failures, worst := 3, 2
	log.Fail = func(position uint64) error {
		if failures == 0 || fail.IntN(100) > 0 {
			return nil
		}
		failures--
		return fmt.Errorf("the tail fails before %d", position)
	}
	cfg := projectiontest.Config(projections.Tables(feeds), log, w.codec, projectiontest.Faults{
		Generations: worse{g, func() error {
			if worst == 0 || amid.IntN(8) > 0 {
				return nil
			}
			worst--
			return place.amid()
		}},
		Batch: func() projectiontest.Moment {
			return []projectiontest.Moment{0, 0, 0, projectiontest.BeforeCommit, projectiontest.AfterCommit}[amid.IntN(5)]
		},
	})
	cfg.BatchSize = []int{1, 3, 20, 100, 1000}[random.IntN(5)]
	projectiontest.Fold(w.t, cfg)

	db, _, release, err := g.Live(w.t.Context())
	must(w.t, err)
	defer release()
	rows, err := foldtest.Read(w.t.Context(), db, append(readmodels.Schema(), parkedSchema))
	must(w.t, err)
	slices.Sort(rows)
	return rows
}

// parkedSchema names what is worth reading of the events that were parked: the
// model knows none.
const parkedSchema = `CREATE TABLE IF NOT EXISTS parked (position bigint, type text, reason text)`

// Invariant 5: the tables equal the fold of the log at their checkpoint,
// whatever crashes and comes twice; and without the keys of some, they equal
// the fold of a log in which those said nothing of themselves.
func TestTablesAreTheFoldOfTheLog(t *testing.T) {
	t.Parallel()
	for seed := range foldSeeds() {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 6)) //nolint:gosec // a repeatable test
			w := newFoldWorld(t, seed)
			w.fold(nil, random)
			w.fold(w.destroy(random), random)
		})
	}
}

// The histories hold every type of event that a table comes from.
func TestHistoriesHoldEveryType(t *testing.T) {
	t.Parallel()
	catalogue, err := domain.Catalogue()
	must(t, err)
	met := map[string]bool{}
	for seed := range foldSeeds() {
		for _, e := range foldtest.NewHistory(seed, foldEvents).Events {
			met[catalogue.NameOf(e.Data)] = true
		}
	}
	for _, name := range projections.Tables(feeds).Types(catalogue) {
		if !met[name] {
			t.Errorf("no history holds %s, which has a route: extend the generator and the model of foldtest", name)
		}
	}
}

// Every table has rows to compare; their columns are compared by name.
func TestHistoriesFillEveryTable(t *testing.T) {
	t.Parallel()
	met := map[string]bool{}
	for seed := range foldSeeds() {
		model := foldtest.NewModel(feeds, nil)
		for _, e := range foldtest.NewHistory(seed, foldEvents).Events {
			model.Fold(e)
		}
		for _, row := range model.Rows() {
			name, _, _ := strings.Cut(row, " ")
			met[name] = true
		}
	}
	for name := range foldtest.Columns(readmodels.Schema()) {
		if !met[name] {
			t.Errorf("no history leaves a row in %s", name)
		}
	}
}
