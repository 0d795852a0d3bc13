package bleve

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/infra/sqlite"
	"github.com/parleyhq/parley/readmodels"
	"github.com/parleyhq/parley/readmodels/searchtest"
)

// benchPosts is how many posts are searched, benchBatch how many are indexed
// together.
const (
	benchPosts = 20_000
	benchBatch = 500
)

// BenchmarkIndex indexes posts: bleve alone with the same mapping and batches,
// and through the port.
func BenchmarkIndex(b *testing.B) {
	docs := searchtest.Documents(benchBatch * 8)
	b.Run("bleve alone", func(b *testing.B) {
		m, err := newMapping()
		if err != nil {
			b.Fatal(err)
		}
		index, err := bleve.NewUsing(filepath.Join(b.TempDir(), "index"), m, scorch.Name, scorch.Name, nil)
		if err != nil {
			b.Fatal(err)
		}
		defer index.Close()
		for n := 0; b.Loop(); n++ {
			batch := index.NewBatch()
			for i := range benchBatch {
				d := docs[(n*benchBatch+i)%len(docs)]
				if err := batch.Index(d.Key(), documentOf(d)); err != nil {
					b.Fatal(err)
				}
			}
			if err := index.Batch(batch); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N*benchBatch)/b.Elapsed().Seconds(), "documents/s")
	})
	b.Run("port", func(b *testing.B) {
		e := benched(b, b.TempDir())
		index, err := e.Create(b.Context(), "search_f")
		if err != nil {
			b.Fatal(err)
		}
		changes := make([]readmodels.Change, benchBatch)
		for n := 0; b.Loop(); n++ {
			for i := range benchBatch {
				changes[i].Document = docs[(n*benchBatch+i)%len(docs)]
			}
			if err := index.Apply(b.Context(), changes, uint64(n)); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N*benchBatch)/b.Elapsed().Seconds(), "documents/s")
	})
}

func benched(b *testing.B, dir string) *Engine {
	e, err := Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = e.Close() })
	return e
}

// BenchmarkSearch asks for pages of 20: bleve alone with the same requests, the
// port, and the whole answer: hits checked against the tables, read and marked.
func BenchmarkSearch(b *testing.B) {
	e := benched(b, b.TempDir())
	reads := fillBoth(b, e)
	var queries []readmodels.SearchQuery
	for _, q := range searchtest.Queries() {
		queries = append(queries, readmodels.SearchQuery{Kind: readmodels.SearchPosts, Words: readmodels.Words(q), Limit: 20})
	}
	index := e.open["search_f"]
	finder := &readmodels.Finder{Tables: reads, Engine: e, Family: "search_f"}
	for name, ask := range map[string]func(readmodels.SearchQuery) error{
		"bleve alone": func(q readmodels.SearchQuery) error {
			_, err := index.index.SearchInContext(b.Context(), index.request(q))
			return err
		},
		"port": func(q readmodels.SearchQuery) error { _, err := e.Search(b.Context(), "search_f", q); return err },
		"answer": func(q readmodels.SearchQuery) error {
			_, _, err := finder.Find(b.Context(), uuid.Nil, readmodels.BoardTags{}, q, nil)
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			for n := 0; b.Loop(); n++ {
				if err := ask(queries[n%len(queries)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// fillBoth puts the same posts into tables and index.
func fillBoth(b *testing.B, e *Engine) *readmodels.Tables {
	ctx := b.Context()
	generations, err := sqlite.OpenGenerations(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = generations.Close() })
	db, err := generations.Create(ctx, "tables_f", readmodels.Schema())
	if err != nil {
		b.Fatal(err)
	}
	docs := searchtest.Documents(benchPosts)
	titles, bodies := searchtest.Texts(benchPosts)
	err = db.Batch(ctx, func(batch readmodels.Batch) error {
		for i, d := range docs {
			text := readmodels.PostText{Board: d.Board, Author: uuid.UUID{9}, Type: post.Article, Title: titles[i], Body: bodies[i]}
			if err := readmodels.PutPost(ctx, batch, d.ID, text, post.Live, d.At, readmodels.When{Version: d.ID, At: d.At}, readmodels.Feeds{}); err != nil {
				return err
			}
		}
		return nil
	})
	index, err2 := e.Create(ctx, "search_f")
	for i := 0; i < len(docs) && err == nil && err2 == nil; i += benchBatch {
		changes := make([]readmodels.Change, 0, benchBatch)
		for _, d := range docs[i:min(i+benchBatch, len(docs))] {
			changes = append(changes, readmodels.Change{Document: d})
		}
		err = index.Apply(context.WithoutCancel(ctx), changes, uint64(i))
	}
	for _, err := range []error{err, err2, generations.Swap(ctx, "tables_f", nil), e.Swap(ctx, "search_f", "search_f")} {
		if err != nil {
			b.Fatal(err)
		}
	}
	return readmodels.NewTables(generations)
}
