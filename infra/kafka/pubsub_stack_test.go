//go:build stack

package kafka

import (
	"os"
	"testing"
	"time"
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

// N8: members of a group come and go on a real broker while messages flow.
func TestRebalanceReal(t *testing.T) {
	t.Parallel()
	c := open(t, realURL(t), func(cfg *Config) { cfg.Timeout, cfg.MetadataAge = patience, 2*time.Second }) // it is shared
	rebalance(t, c, func() {})
}
