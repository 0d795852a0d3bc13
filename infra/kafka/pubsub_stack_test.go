//go:build stack

package kafka

import (
	"os"
	"testing"
)

// realURL is the broker of the tests that need one.
func realURL(t testing.TB) string {
	t.Helper()
	url := os.Getenv("PARLEY_TEST_KAFKA")
	if url == "" {
		t.Fatal("PARLEY_TEST_KAFKA names no broker: kafka://host:port")
	}
	return url
}

// Q2: Watermill's own suite against a real broker.
func TestPubSubReal(t *testing.T) {
	t.Parallel()
	pubsub(t, realURL(t), testing.Short())
}
