package projections_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/keyring"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/projections/projectiontest"
	"github.com/parleyhq/parley/readmodels"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A thing is the root of everything that is added to it; what is added stands
// in streams of its own, as comments stand beside their post.
type added struct {
	Thing string    `json:"thing"`
	N     int       `json:"n"`
	By    uuid.UUID `json:"by"`
	Note  string    `json:"note" seal:"personal,By"`
}

type addedOnce struct { // the version before
	Thing string `json:"thing"`
	N     int    `json:"n"`
}

type looked struct { // handled by nobody
	Thing string `json:"thing"`
}

// world is a log of things, and what reads it.
type world struct {
	t       *testing.T
	log     *projectiontest.Log
	codec   *event.Codec
	ring    *keyring.Ring
	account uuid.UUID
	poison  atomic.Int64 // handlers refuse events of this number; 0: none
	version int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ring, err := keyring.Open(filepath.Join(t.TempDir(), "keys.db"), make([]byte, keyring.KeySize))
	must(t, err)
	t.Cleanup(func() { _ = ring.Close() })
	root := func(d added) string { return d.Thing }
	c, err := event.NewCatalogue([]event.Definition{
		event.Was("added.done.v1", func(o addedOnce) added { return added{Thing: o.Thing, N: o.N} }),
		event.Of("added.done.v2", event.Forum, root),
		event.Of("added.looked.v1", event.Forum, func(d looked) string { return d.Thing }),
	})
	must(t, err)
	w := &world{t: t, log: projectiontest.NewLog(), codec: event.NewCodec(c, ring), ring: ring, account: uuid.New(), version: 1}
	must(t, ring.EnsureAccount(t.Context(), w.account))
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var thingSchema = []string{
	`CREATE TABLE IF NOT EXISTS thing (id text PRIMARY KEY, history text NOT NULL, note text NOT NULL)`,
	`CREATE TABLE IF NOT EXISTS total (id text PRIMARY KEY, n bigint NOT NULL)`,
}

func (w *world) projector() projections.Projector {
	return projections.Projector{
		Name: "things", Version: w.version, Schema: thingSchema,
		Routes: []projections.Route{projections.On(w.onAdded), projections.On(onAddedCount)},
	}
}

// onAdded keeps the order of what it saw, so that nothing goes unnoticed.
func (w *world) onAdded(ctx context.Context, b readmodels.Batch, e event.Decoded, d added) error {
	if err := b.Exec(ctx, `INSERT INTO thing (id, history, note) VALUES (?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET history = thing.history || ' ' || excluded.history, note = excluded.note`,
		d.Thing, fmt.Sprint(d.N), d.Note); err != nil {
		return err
	}
	switch poison := w.poison.Load(); {
	case poison != 0 && int64(d.N) == poison:
		return errors.New("this one is refused")
	case d.N < -1000:
		var none *world
		return none.fail()
	case d.N < 0: // the engine refuses it
		return b.Exec(ctx, `INSERT INTO total (id, n) VALUES (?, ?)`, d.Thing, nil)
	}
	return nil
}

func (w *world) fail() error { return errors.New(w.t.Name()) } // panics without a world

func onAddedCount(ctx context.Context, b readmodels.Batch, _ event.Decoded, d added) error {
	return b.Exec(ctx, `INSERT INTO total (id, n) VALUES (?, 1) ON CONFLICT (id) DO UPDATE SET n = total.n + 1`, d.Thing)
}

// add appends one event about a thing and gives its position.
func (w *world) add(thing string, n int) uint64 {
	w.t.Helper()
	id := uuid.New()
	stream := "added-" + id.String()
	typ, data, err := w.codec.Encode(w.t.Context(), stream, id, added{thing, n, w.account, fmt.Sprintf("note %d", n)})
	must(w.t, err)
	return w.append(stream, event.Event{ID: id, Type: typ, Data: data})
}

func (w *world) append(stream string, e event.Event) uint64 {
	w.t.Helper()
	r, err := w.log.Append(w.t.Context(), stream, event.Any, []event.Event{e})
	must(w.t, err)
	return r.Position
}

func (w *world) addRaw(stream, typ string, data any) uint64 {
	w.t.Helper()
	stored, err := json.Marshal(data)
	must(w.t, err)
	return w.append(stream, event.Event{ID: uuid.New(), Type: typ, Data: stored})
}

// addRandom appends whatever may stand in a log.
func (w *world) addRandom(random *rand.Rand, n int) {
	w.t.Helper()
	for range n {
		thing := fmt.Sprintf("t%d", random.IntN(8))
		number := 1 + random.IntN(1_000_000)
		switch random.IntN(40) {
		case 0:
			w.add(thing, -number%1000-1)
		case 1:
			w.add(thing, -number-1001)
		case 2:
			w.addRaw(fmt.Sprintf("added-s%d", random.IntN(4)), "added.done.v2", "no object")
		case 3, 4:
			w.addRaw("added-"+uuid.NewString(), "added.looked.v1", looked{thing})
		case 5, 6:
			w.addRaw("elsewhere-1", "added.done.v2", "not ours")
		case 7, 8:
			w.addRaw(fmt.Sprintf("added-s%d", random.IntN(4)), "added.done.v1", addedOnce{thing, number})
		default:
			w.add(thing, number)
		}
	}
}

func (w *world) config(g readmodels.Generations) projections.Config {
	return projectiontest.Config(w.projector(), w.log, w.codec, g)
}

// history is what the live tables say of a thing.
func history(t *testing.T, g readmodels.Generations, thing string) string {
	t.Helper()
	db, _, release, err := g.Live(t.Context())
	must(t, err)
	defer release()
	rows, err := db.Query(t.Context(), `SELECT history FROM thing WHERE id = ?`, thing)
	must(t, err)
	var s string
	for rows.Next() {
		must(t, rows.Scan(&s))
	}
	must(t, errors.Join(rows.Err(), rows.Close()))
	return s
}
