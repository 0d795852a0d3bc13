package pushtest

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/transport/push"
)

const ttl = 3 * time.Second

// Routes runs the suite. open gives an empty table to each test, what lets so
// much time pass for it, and what empties it.
func Routes(t *testing.T, open func(testing.TB) (table push.Routes, advance func(time.Duration), empty func())) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, push.Routes, func(time.Duration), func()){
		"enter and leave":  enterAndLeave,
		"no more than":     noMoreThan,
		"entered at once":  enteredAtOnce,
		"a node that died": nodeDied,
		"heartbeats":       heartbeats,
		"emptied":          emptied,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			table, advance, empty := open(t)
			test(t, table, advance, empty)
		})
	}
}

func enter(t *testing.T, r push.Routes, account uuid.UUID, node string, socket uuid.UUID, most int) bool {
	t.Helper()
	ok, err := r.Enter(t.Context(), account, node, socket, most, ttl)
	must(t, err)
	return ok
}

// has fails the test unless the table has those sockets of an account.
func has(t *testing.T, r push.Routes, account uuid.UUID, want ...string) {
	t.Helper()
	got := []string{}
	must(t, r.Of(t.Context(), account, ttl, func(node string, socket uuid.UUID, active time.Time) {
		got = append(got, node+" "+socket.String())
		if active.IsZero() {
			t.Errorf("%s was never active", socket)
		}
	}))
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("sockets %q, want %q", got, want)
	}
}

func at(node string, socket uuid.UUID) string { return node + " " + socket.String() }

func enterAndLeave(t *testing.T, r push.Routes, _ func(time.Duration), _ func()) {
	ada, bob, one, two := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	has(t, r, ada)
	enter(t, r, ada, "n1", one, 20)
	enter(t, r, ada, "n2", two, 20)
	enter(t, r, bob, "n1", two, 20)
	has(t, r, ada, at("n1", one), at("n2", two))
	must(t, r.Leave(t.Context(), ada, "n1", two)) // is not there
	must(t, r.Leave(t.Context(), ada, "n1", one))
	has(t, r, ada, at("n2", two))
	has(t, r, bob, at("n1", two))
}

func noMoreThan(t *testing.T, r push.Routes, _ func(time.Duration), _ func()) {
	ada, first := uuid.New(), uuid.New()
	for i, want := range []bool{true, true, true, false, false} {
		socket := uuid.New()
		if i == 0 {
			socket = first
		}
		if got := enter(t, r, ada, fmt.Sprint("n", i), socket, 3); got != want {
			t.Errorf("socket %d: %v", i, got)
		}
	}
	must(t, r.Leave(t.Context(), ada, "n0", first))
	if !enter(t, r, ada, "n9", uuid.New(), 3) || enter(t, r, ada, "n9", uuid.New(), 3) {
		t.Error("one left, so one may enter")
	}
}

func enteredAtOnce(t *testing.T, r push.Routes, _ func(time.Duration), _ func()) {
	ada := uuid.New()
	var in atomic.Int64
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if ok, err := r.Enter(t.Context(), ada, fmt.Sprint("n", i%3), uuid.New(), 7, ttl); err != nil {
				t.Error(err)
			} else if ok {
				in.Add(1)
			}
		})
	}
	all.Wait()
	if in.Load() != 7 {
		t.Errorf("%d entered, want 7", in.Load())
	}
}

func nodeDied(t *testing.T, r push.Routes, advance func(time.Duration), _ func()) {
	ada, alive := uuid.New(), uuid.New()
	enter(t, r, ada, "dead", uuid.New(), 2)
	enter(t, r, ada, "alive", alive, 2)
	advance(2 * ttl / 3)
	must(t, r.Touch(t.Context(), "alive", map[uuid.UUID]uuid.UUID{alive: ada}, ttl))
	advance(ttl/3 + time.Millisecond)
	has(t, r, ada, at("alive", alive))
	third := uuid.New()
	if !enter(t, r, ada, "new", third, 2) {
		t.Error("sockets of a dead node count")
	}
	has(t, r, ada, at("alive", alive), at("new", third))
}

func heartbeats(t *testing.T, r push.Routes, advance func(time.Duration), _ func()) {
	const many = 2500 // more than one pipeline
	sockets := map[uuid.UUID]uuid.UUID{}
	ada := uuid.New()
	for range many {
		sockets[uuid.New()] = uuid.New()
	}
	mine := uuid.New()
	sockets[mine] = ada
	enter(t, r, ada, "n", mine, 1)
	for range 3 {
		advance(2 * ttl / 3)
		must(t, r.Touch(t.Context(), "n", sockets, ttl))
	}
	has(t, r, ada, at("n", mine))
	for socket, account := range sockets {
		has(t, r, account, at("n", socket))
		break
	}
	must(t, r.Touch(t.Context(), "n", nil, ttl))
}

func emptied(t *testing.T, r push.Routes, _ func(time.Duration), empty func()) {
	ada, socket := uuid.New(), uuid.New()
	enter(t, r, ada, "n", socket, 1)
	empty()
	has(t, r, ada)
	must(t, r.Touch(t.Context(), "n", map[uuid.UUID]uuid.UUID{socket: ada}, ttl))
	has(t, r, ada, at("n", socket))
	if enter(t, r, ada, "n", uuid.New(), 1) {
		t.Error("what was touched does not count")
	}
}
