//go:build stack

package elastic

import (
	"context"
	"errors"
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
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// empty deletes every index of a prefix, as somebody might by mistake.
func empty(t testing.TB, e *Engine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
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
}

// merge makes one segment of all.
func merge(t *testing.T, e readmodels.SearchEngine, name string) {
	t.Helper()
	one, engine := 1, e.(*Engine)
	err := engine.call(t.Context(), "merge", engine.cfg.Writing, esapi.IndicesForcemergeRequest{Index: []string{engine.index(name)}, MaxNumSegments: &one}, nil)
	if err != nil {
		t.Error(err)
	}
}

// F10: the engine is what the port says.
func TestF10_Conformance(t *testing.T) {
	t.Parallel()
	searchtest.Run(t, func(t *testing.T) searchtest.Place {
		cfg := place(t)
		return searchtest.Place{Shared: true, Merge: merge, Open: func(t *testing.T) (readmodels.SearchEngine, func()) {
			e := opened(t, cfg)
			return e, func() { _ = e.Close() }
		}}
	})
}

// O5: somebody deletes every index. It is told, nothing that is written makes
// one by accident, and all can be built again.
func TestO5_EmptiedCluster(t *testing.T) {
	t.Parallel()
	ctx, e := t.Context(), opened(t, place(t))
	query := readmodels.SearchQuery{Kind: readmodels.SearchPosts, Words: readmodels.Words("word"), Limit: 10}
	fill := func() readmodels.SearchIndex {
		t.Helper()
		i, err := e.Create(ctx, "search_f")
		if err == nil {
			err = errors.Join(i.Apply(ctx, titled("word"), 1), i.SetPosition(ctx, 1), i.Refresh(ctx), e.Swap(ctx, "search_f", "search_f"))
		}
		if err != nil {
			t.Fatal(err)
		}
		if hits, err := e.Search(ctx, "search_f", query); err != nil || len(hits) != 1 {
			t.Fatalf("%d hits, %v", len(hits), err)
		}
		return i
	}
	i := fill()
	empty(t, e)
	gone := titled("word")
	gone[0].Gone = true
	_, searched := e.Search(ctx, "search_f", query)
	_, lived := e.Live(ctx, "search_f")
	_, at := i.Position(ctx)
	for what, err := range map[string]error{
		"search": searched, "live": lived, "position": at, "write": i.Apply(ctx, titled("word"), 2), "delete": i.Apply(ctx, gone, 2),
		"set position": i.SetPosition(ctx, 2), "refresh": i.Refresh(ctx), "swap": e.Swap(ctx, "search_f", "search_f"),
	} {
		if !errors.Is(err, readmodels.ErrNoGeneration) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if left, err := e.family(ctx, "search_f"); err != nil || len(left) > 0 {
		t.Errorf("indexes were made: %v, %v", left, err)
	}
	fill()
}

func titled(title string) []readmodels.Change {
	return []readmodels.Change{{Document: readmodels.Document{Thing: readmodels.Thing{Kind: readmodels.SearchPosts, ID: uuid.UUID{1}}, Title: title, Names: []string{"named"}, Body: "body"}}}
}

// Invariant 9: the cluster gives no text back.
func TestF10_TextsCannotBeReadBack(t *testing.T) {
	t.Parallel()
	ctx, e := t.Context(), opened(t, place(t))
	i, err := e.Create(ctx, "search_f")
	if err == nil {
		err = i.Apply(ctx, titled("secret words"), 1)
	}
	if err != nil {
		t.Fatal(err)
	}
	var stored struct {
		Source map[string]any `json:"_source"`
	}
	err = e.call(ctx, "get", e.cfg.Timeout, esapi.GetRequest{Index: e.alias("search_f"), DocumentID: titled("")[0].Key()}, &stored)
	if err != nil || stored.Source["key"] == nil || stored.Source["title"] != nil || stored.Source["body"] != nil || stored.Source["names"] != nil {
		t.Errorf("stored: %v, %v", stored.Source, err)
	}
}
