package commandstest

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parleyhq/parley/commands"
)

// Advance lets so much time pass for an adapter, or a little more.
type Advance func(time.Duration)

// suite runs each test on a port of its own, all at once.
func suite[P any](t *testing.T, open func(testing.TB) (P, Advance), tests map[string]func(*testing.T, P, Advance)) {
	t.Helper()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port, advance := open(t)
			test(t, port, advance)
		})
	}
}

// Ephemeral runs the suite. open makes an empty store for each test.
func Ephemeral(t *testing.T, open func(testing.TB) (commands.Ephemeral, Advance)) {
	t.Helper()
	suite(t, open, map[string]func(*testing.T, commands.Ephemeral, Advance){
		"put, get, take":      putGetTake,
		"add":                 addIfAbsent,
		"expiry":              expiry,
		"groups":              groups,
		"one taker of many":   oneTaker,
		"values are bytes":    bytesAsTheyAre,
		"values are not kept": notShared,
	})
}

// has fails the test unless the store holds want under key; "" is nothing.
func has(t *testing.T, s commands.Ephemeral, key, want string) {
	t.Helper()
	got, ok, err := s.Get(t.Context(), key)
	if err != nil || ok != (want != "") || string(got) != want {
		t.Errorf("%s: %q %v %v, want %q", key, got, ok, err, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func putGetTake(t *testing.T, s commands.Ephemeral, _ Advance) {
	ctx := t.Context()
	has(t, s, "a", "")
	if _, ok, err := s.Take(ctx, "a"); ok || err != nil {
		t.Errorf("nothing: %v %v", ok, err)
	}
	must(t, s.Put(ctx, "a", []byte("1"), time.Minute))
	must(t, s.Put(ctx, "b", []byte("2"), time.Minute))
	must(t, s.Put(ctx, "a", []byte("3"), time.Minute))
	has(t, s, "a", "3")
	if got, ok, err := s.Take(ctx, "a"); !ok || err != nil || string(got) != "3" {
		t.Errorf("%q %v %v", got, ok, err)
	}
	has(t, s, "a", "")
	has(t, s, "b", "2")
}

func addIfAbsent(t *testing.T, s commands.Ephemeral, advance Advance) {
	ctx := t.Context()
	for i, want := range []bool{true, false, false} {
		if added, err := s.Add(ctx, "nonce", fmt.Append(nil, i), time.Second); added != want || err != nil {
			t.Errorf("%d: %v %v", i, added, err)
		}
	}
	has(t, s, "nonce", "0")
	advance(time.Second)
	if added, err := s.Add(ctx, "nonce", []byte("again"), time.Second); !added || err != nil {
		t.Errorf("after its time: %v %v", added, err)
	}
	var added atomic.Int64
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if ok, err := s.Add(ctx, "race", []byte("x"), time.Minute); err != nil {
				t.Error(err)
			} else if ok {
				added.Add(1)
			}
		})
	}
	all.Wait()
	if added.Load() != 1 {
		t.Errorf("%d of 16 were first", added.Load())
	}
}

func expiry(t *testing.T, s commands.Ephemeral, advance Advance) {
	ctx := t.Context()
	must(t, s.Put(ctx, "long", []byte("1"), time.Hour))
	must(t, s.Put(ctx, "short", []byte("2"), time.Second))
	must(t, s.PutAmong(ctx, "g", 4, "grouped", []byte("3"), time.Second))
	has(t, s, "short", "2")
	advance(time.Second)
	has(t, s, "short", "")
	has(t, s, "grouped", "")
	has(t, s, "long", "1")
	if _, ok, err := s.Take(ctx, "short"); ok || err != nil {
		t.Errorf("too old: %v %v", ok, err)
	}
}

func groups(t *testing.T, s commands.Ephemeral, advance Advance) {
	ctx := t.Context()
	put := func(group, key string, ttl time.Duration) {
		t.Helper()
		must(t, s.PutAmong(ctx, group, 3, key, []byte(key), ttl))
	}
	for i := range 4 {
		put("ada", fmt.Sprint("a", i), time.Minute)
	}
	put("bob", "b0", time.Minute)
	has(t, s, "a0", "") // the oldest gave way
	has(t, s, "a1", "a1")
	has(t, s, "a3", "a3")
	has(t, s, "b0", "b0")
	if _, ok, err := s.Take(ctx, "a2"); !ok || err != nil { // what was used makes room
		t.Error(ok, err)
	}
	put("ada", "a4", time.Second)
	has(t, s, "a1", "a1")
	advance(time.Second)
	put("ada", "a5", time.Minute) // so does what expired
	has(t, s, "a1", "a1")
	has(t, s, "a3", "a3")
	has(t, s, "a5", "a5")
	put("ada", "a6", time.Minute)
	has(t, s, "a1", "")
	has(t, s, "a3", "a3")
}

func oneTaker(t *testing.T, s commands.Ephemeral, _ Advance) {
	ctx := t.Context()
	for round := range 20 {
		key := fmt.Sprint(round)
		must(t, s.Put(ctx, key, []byte("x"), time.Minute))
		var took atomic.Int64
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if _, ok, err := s.Take(ctx, key); err != nil {
					t.Error(err)
				} else if ok {
					took.Add(1)
				}
			})
		}
		all.Wait()
		if took.Load() != 1 {
			t.Fatalf("round %d: %d took it", round, took.Load())
		}
	}
}

func bytesAsTheyAre(t *testing.T, s commands.Ephemeral, _ Advance) {
	value := "\x00\xff\r\n" + strings.Repeat("字", 10_000)
	must(t, s.Put(t.Context(), "k ä:\n", []byte(value), time.Minute))
	has(t, s, "k ä:\n", value)
}

func notShared(t *testing.T, s commands.Ephemeral, _ Advance) {
	ctx := t.Context()
	mine := []byte("abc")
	must(t, s.Put(ctx, "k", mine, time.Minute))
	mine[0] = 'x'
	got, _, err := s.Get(ctx, "k")
	must(t, err)
	got[1] = 'x'
	has(t, s, "k", "abc")
}
