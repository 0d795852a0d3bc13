//go:build stack

package eventstore_test

import (
	"os"
	"testing"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/event/eventtest"
	"github.com/parleyhq/parley/infra/eventstore"
)

// O2, Q1: over a real server the adapter is a store like any other.
func TestConformanceOfRealServer(t *testing.T) {
	url := os.Getenv("PARLEY_TEST_EVENTSTORE")
	if url == "" {
		t.Skip("PARLEY_TEST_EVENTSTORE names no server: EventStoreDB has no package that can be fetched here, and the same suite runs against the program's own endpoint")
	}
	t.Parallel()
	eventtest.Run(t, func(t testing.TB) event.Store { return open(t, url, eventstore.Options{}) })
}
