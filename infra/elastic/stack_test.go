//go:build stack

package elastic

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/readmodels"
	"github.com/parleyhq/parley/readmodels/searchtest"
)

var prefixes atomic.Int64

// place is an engine with indexes of its own, which are dropped at the end.
func place(t testing.TB) Config {
	t.Helper()
	address := os.Getenv("PARLEY_TEST_ELASTICSEARCH")
	if address == "" {
		t.Fatal("PARLEY_TEST_ELASTICSEARCH is not set")
	}
	cfg := Config{URLs: []string{address}, Prefix: fmt.Sprintf("parleytest-%s-%d", uuid.NewString()[:8], prefixes.Add(1))}
	t.Cleanup(func() { empty(t, opened(t, cfg)) })
	return cfg
}

func opened(t testing.TB, cfg Config) *Engine {
	t.Helper()
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// empty deletes every index of a prefix, as somebody might by mistake.
func empty(t testing.TB, e *Engine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var found map[string]any
	err := e.call(ctx, "list", e.cfg.Timeout, esapi.IndicesGetAliasRequest{Index: []string{e.cfg.Prefix + "-*"}, AllowNoIndices: yes()}, &found)
	for _, index := range keys(found) {
		if err == nil {
			err = e.call(ctx, "empty", e.cfg.Timeout, esapi.IndicesDeleteRequest{Index: []string{index}}, nil)
		}
	}
	if err != nil {
		t.Error(err)
	}
	e.transport.CloseIdleConnections()
}

// F10: the engine is what the port says.
func TestF10_Conformance(t *testing.T) {
	t.Parallel()
	searchtest.Run(t, func(t *testing.T) searchtest.Place {
		cfg := place(t)
		return searchtest.Place{Shared: true, Open: func(t *testing.T) (readmodels.SearchEngine, func()) {
			e := opened(t, cfg)
			return e, func() { _ = e.Close() }
		}}
	})
}
