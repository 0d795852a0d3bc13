package pebble_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/pebble"
)

// Invariants 2 and 3: whatever is done in whatever order, also across restarts,
// the log answers as a list in memory does.
func TestLikeTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := &model{fs: vfs.NewMem(), streams: map[string][]event.Record{}}
		m.open(t)
		defer m.close(t)
		t.Repeat(map[string]func(*rapid.T){
			"append": m.append,
			"repeat": m.repeat,
			"stream": m.stream,
			"all":    m.all,
			"tail":   m.tail,
			"reopen": func(t *rapid.T) { m.close(t); m.open(t) },
		})
	})
}

type model struct {
	fs      vfs.FS
	log     *pebble.Log
	records []event.Record
	streams map[string][]event.Record
	tried   []try
}

// try is an append that succeeded at a certain revision.
type try struct {
	stream   string
	expected event.Expected
	events   []event.Event
	result   event.Result
}

func (m *model) open(t *rapid.T) {
	var err error
	if m.log, err = pebble.Open("log", pebble.Options{FS: m.fs, Memtable: 16 << 10, Ballast: 1, Cache: 1 << 16}); err != nil {
		t.Fatal(err)
	}
}

func (m *model) close(t *rapid.T) {
	if err := m.log.Close(); err != nil {
		t.Fatal(err)
	}
}

func (m *model) name(t *rapid.T) string {
	return fmt.Sprintf("%s-%d", rapid.SampledFrom([]string{"a", "b", "ab"}).Draw(t, "category"), rapid.IntRange(0, 2).Draw(t, "id"))
}

func (m *model) append(t *rapid.T) {
	name := m.name(t)
	next := len(m.streams[name])
	expected := event.Expected(rapid.SampledFrom([]int{int(event.Any), int(event.NoStream), int(event.Exists), -3, next - 2, next - 1, next - 1, next - 1, next}).Draw(t, "expected"))
	es := make([]event.Event, rapid.IntRange(1, 4).Draw(t, "events"))
	for i := range es {
		es[i] = event.Event{ID: uuid.New(), Type: rapid.SampledFrom([]string{"x.v1", "y.v1"}).Draw(t, "type"), Data: make([]byte, rapid.IntRange(0, 3000).Draw(t, "size"))}
	}
	met := expected == event.Any || expected == event.Exists && next > 0 || expected >= event.NoStream && int(expected) == next-1
	r, err := m.log.Append(t.Context(), name, expected, es)
	if !met {
		var wrong *event.WrongRevision
		if !errors.As(err, &wrong) || wrong.Actual != event.Expected(next-1) {
			t.Fatalf("append to %s of %d at %s: got %v", name, next, expected, err)
		}
		return
	}
	first := uint64(len(m.records)) + 1
	if want := (event.Result{First: first, Position: first + uint64(len(es)) - 1, Revision: uint64(next + len(es) - 1)}); err != nil || r != want {
		t.Fatalf("append to %s of %d at %s: got %+v, %v; want %+v", name, next, expected, r, err, want)
	}
	for i, e := range es {
		record := event.Record{Position: first + uint64(i), Stream: name, Revision: uint64(next + i), ID: e.ID, Type: e.Type}
		m.records = append(m.records, record)
		m.streams[name] = append(m.streams[name], record)
	}
	m.tried = append(m.tried, try{name, event.Expected(next - 1), es, r})
}

// repeat appends again what succeeded once.
func (m *model) repeat(t *rapid.T) {
	if len(m.tried) == 0 {
		t.Skip("nothing was appended yet")
	}
	again := rapid.SampledFrom(m.tried).Draw(t, "again")
	if r, err := m.log.Append(t.Context(), again.stream, again.expected, again.events); err != nil || r != again.result {
		t.Fatalf("again: got %+v, %v; want %+v", r, err, again.result)
	}
}

func (m *model) stream(t *rapid.T) {
	name := m.name(t)
	all := m.streams[name]
	from := rapid.IntRange(0, len(all)+1).Draw(t, "from")
	var want []event.Record
	dir := event.Direction(rapid.Bool().Draw(t, "backward"))
	if dir == event.Forward {
		want = all[min(from, len(all)):]
	} else {
		for i := min(from, len(all)-1); i >= 0; i-- {
			want = append(want, all[i])
		}
	}
	i := 0
	for r, err := range m.log.Stream(t.Context(), name, uint64(from), dir) {
		m.same(t, want, i, r, err)
		i++
	}
	if i != len(want) {
		t.Fatalf("%s from %d has %d records, want %d", name, from, i, len(want))
	}
}

func (m *model) filter(t *rapid.T) (f event.Filter) {
	f.Categories = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "ab", "c"}), 0, 2, rapid.ID).Draw(t, "categories")
	f.Types = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"x.v1", "y.v1"}), 0, 1, rapid.ID).Draw(t, "types")
	return f
}

func (m *model) after(t *rapid.T, f event.Filter) (after uint64, want []event.Record) {
	after = uint64(rapid.IntRange(0, len(m.records)+1).Draw(t, "after"))
	for _, r := range m.records {
		if r.Position > after && f.Match(r.Stream, r.Type) {
			want = append(want, r)
		}
	}
	return after, want
}

func (m *model) all(t *rapid.T) {
	f := m.filter(t)
	after, want := m.after(t, f)
	i := 0
	for r, err := range m.log.All(t.Context(), after, f) {
		m.same(t, want, i, r, err)
		i++
	}
	if i != len(want) {
		t.Fatalf("all after %d has %d records, want %d", after, i, len(want))
	}
}

func (m *model) tail(t *rapid.T) {
	f := m.filter(t)
	after, want := m.after(t, f)
	i := 0
	for msg, err := range m.log.Tail(t.Context(), after, f) {
		if msg.CaughtUp {
			break
		}
		m.same(t, want, i, msg.Record, err)
		i++
	}
	if i != len(want) {
		t.Fatalf("a tail after %d has %d records, want %d", after, i, len(want))
	}
}

func (m *model) same(t *rapid.T, want []event.Record, i int, got event.Record, err error) {
	if err != nil {
		t.Fatal(err)
	}
	if i >= len(want) {
		t.Fatalf("record %d: got %s@%d, want no more", i, got.Stream, got.Revision)
	}
	w := want[i]
	if got.Position != w.Position || got.Stream != w.Stream || got.Revision != w.Revision || got.ID != w.ID || got.Type != w.Type {
		t.Fatalf("record %d: got %+v, want %+v", i, got, w)
	}
}
