package pebble_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/pebble"
)

// attempt is an append of the model: what was asked, and what was answered
// before the power went.
type attempt struct {
	stream       string
	ids          []uuid.UUID
	acknowledged bool
	result       event.Result
}

// Invariants 1 and 2: power goes at a random moment of many concurrent appends,
// any unsynced byte may be lost; again and again on what the time before left,
// a thousand times in all. Nothing acknowledged is lost, every append is wholly
// there or not at all, and no position or revision ever holds two events.
func TestPowerLossAtRandomPoints(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 7))
			for range rounds(16) {
				m := &crashModel{T: t, random: random, known: map[uint64]uuid.UUID{}}
				filesystem := vfs.NewCrashableMem()
				for range 8 {
					if filesystem = m.round(filesystem); t.Failed() {
						return
					}
				}
			}
		})
	}
}

// crashModel is what the world outside knows of the log.
type crashModel struct {
	*testing.T
	random *rand.Rand
	mu     sync.Mutex
	tries  []*attempt           // all that may be in the log
	known  map[uint64]uuid.UUID // positions that anybody has ever seen
	ended  bool                 // the power is gone: answers do not count
}

// round opens the log, checks it, appends from several sides, and cuts the
// power somewhere in between. It returns what the disk then holds.
func (m *crashModel) round(filesystem *vfs.MemFS) *vfs.MemFS {
	m.Helper()
	l, err := pebble.Open("log", pebble.Options{FS: filesystem, Memtable: 32 << 10, Ballast: 1})
	if err != nil {
		m.Fatalf("open after a crash: %v", err)
	}
	m.check(l)
	m.mu.Lock()
	m.ended = false
	m.mu.Unlock()
	ctx, cancel := context.WithCancel(m.Context())
	var writers sync.WaitGroup
	after := m.random.IntN(60)
	cut := make(chan struct{})
	var once sync.Once
	var count int
	for w := range 4 {
		random := rand.New(rand.NewPCG(m.random.Uint64(), 1))
		writers.Go(func() {
			for ctx.Err() == nil {
				m.append(ctx, l, random, w)
				m.mu.Lock()
				if count++; count > after {
					once.Do(func() { close(cut) })
				}
				m.mu.Unlock()
			}
		})
	}
	writers.Go(func() { m.watch(ctx, l) })
	<-cut
	m.mu.Lock() // answers from here on are from a machine that has no power
	m.ended = true
	crashed := filesystem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: m.random.IntN(101), RNG: rand.New(rand.NewPCG(m.random.Uint64(), 2))})
	m.mu.Unlock()
	cancel()
	writers.Wait()
	if err := l.Close(); err != nil {
		m.Errorf("close: %v", err)
	}
	return crashed
}

// append makes one attempt. Large ones make tables and rotate the write-ahead
// log.
func (m *crashModel) append(ctx context.Context, l *pebble.Log, random *rand.Rand, writer int) {
	a := &attempt{stream: fmt.Sprint("s-", random.IntN(5))}
	es := make([]event.Event, 1+random.IntN(4))
	for i := range es {
		size := random.IntN(200)
		if random.IntN(20) == 0 {
			size = random.IntN(30_000)
		}
		es[i] = event.Event{ID: uuid.New(), Type: "t.v1", ContentType: event.ContentBinary, Data: make([]byte, size)}
		a.ids = append(a.ids, es[i].ID)
	}
	m.mu.Lock()
	if !m.ended {
		m.tries = append(m.tries, a)
	}
	m.mu.Unlock()
	r, err := l.Append(ctx, a.stream, event.Any, es)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil && !m.ended {
		a.acknowledged, a.result = true, r
	}
}

// watch is a reader: what it saw before the power went stays true.
func (m *crashModel) watch(ctx context.Context, l *pebble.Log) {
	for msg, err := range l.Tail(ctx, 0, event.Filter{}) {
		if err != nil {
			return
		}
		m.mu.Lock()
		if !msg.CaughtUp && !m.ended {
			m.see(msg.Record)
		}
		m.mu.Unlock()
	}
}

// see notes what stands at a position, for ever.
func (m *crashModel) see(r event.Record) {
	if before, ok := m.known[r.Position]; ok && before != r.ID {
		m.Errorf("position %d held %s and now %s", r.Position, before, r.ID)
	}
	m.known[r.Position] = r.ID
}

// check compares a log that was just opened with the model.
func (m *crashModel) check(l *pebble.Log) {
	m.Helper()
	var log []event.Record
	place := map[uuid.UUID]int{}
	next := map[string]uint64{}
	for r, err := range l.All(m.Context(), 0, event.Filter{}) {
		if err != nil {
			m.Fatalf("read after a crash: %v", err)
		}
		if r.Revision != next[r.Stream] {
			m.Fatalf("%s has revision %d where %d belongs", r.Stream, r.Revision, next[r.Stream])
		}
		next[r.Stream]++
		m.see(r)
		place[r.ID] = len(log)
		log = append(log, r)
	}
	for position := range m.known {
		if position > uint64(len(log)) {
			m.Fatalf("position %d was seen, but the log ends at %d", position, len(log))
		}
	}
	m.tries = slices.DeleteFunc(m.tries, func(a *attempt) bool { return !m.whole(a, log, place) })
	for stream, n := range next {
		m.checkStream(l, stream, n)
	}
}

// whole says whether the attempt is in the log, and fails if it is there in
// part, or elsewhere than was said, or missing though it was acknowledged.
func (m *crashModel) whole(a *attempt, log []event.Record, place map[uuid.UUID]int) bool {
	m.Helper()
	first, ok := place[a.ids[0]]
	for i, id := range a.ids {
		at, there := place[id]
		if there != ok || ok && at != first+i {
			m.Fatalf("an append of %d events is there in part", len(a.ids))
		}
	}
	if !ok && a.acknowledged {
		m.Fatalf("an acknowledged append at %d is lost; the log ends at %d", a.result.First, len(log))
	}
	if ok && a.acknowledged {
		last := log[first+len(a.ids)-1]
		if got := (event.Result{First: log[first].Position, Position: last.Position, Revision: last.Revision}); got != a.result {
			m.Fatalf("an append was acknowledged as %+v and is at %+v", a.result, got)
		}
	}
	return ok
}

func (m *crashModel) checkStream(l *pebble.Log, stream string, n uint64) {
	m.Helper()
	count := uint64(0)
	for r, err := range l.Stream(m.Context(), stream, event.End, event.Backward) {
		if err != nil {
			m.Fatal(err)
		}
		if count++; r.Revision != n-count {
			m.Fatalf("%s backward has revision %d where %d belongs", stream, r.Revision, n-count)
		}
	}
	if count != n {
		m.Fatalf("%s has %d events, the log %d of it", stream, count, n)
	}
}
