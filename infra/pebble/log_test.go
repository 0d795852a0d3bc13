package pebble_test

import (
	"testing"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/event/eventtest"
	"github.com/parleyhq/parley/infra/pebble"
)

// Invariants 2, 3 and 12: the embedded log is an event.Store.
func TestStore(t *testing.T) {
	t.Parallel()
	eventtest.Run(t, func(t testing.TB) event.Store { return open(t, t.TempDir(), pebble.Options{}) })
}

// open opens a log that is closed at the end of the test.
func open(t testing.TB, dir string, opts pebble.Options) *pebble.Log {
	t.Helper()
	l, err := pebble.Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return l
}
