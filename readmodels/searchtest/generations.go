package searchtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/parleyhq/parley/readmodels"
)

// Invariant 5: the position stands in the index, beside what it is a position of.
func positions(t *testing.T, p Place) {
	e, shut := p.Open(t)
	one, err := e.Create(t.Context(), family)
	must(t, err)
	if at, err := one.Position(t.Context()); err != nil || at != 0 {
		t.Fatalf("a new one: %d, %v", at, err)
	}
	must(t, one.Apply(t.Context(), []readmodels.Change{{Document: post(1, "kept", "")}}, 40))
	must(t, one.SetPosition(t.Context(), 41))
	must(t, e.Swap(t.Context(), family, family))
	shut()
	e, shut = p.Open(t)
	defer shut()
	one, err = e.Create(t.Context(), family)
	must(t, err)
	if at, err := one.Position(t.Context()); err != nil || at != 41 {
		t.Errorf("after a restart: %d, %v", at, err)
	}
	must(t, one.Refresh(t.Context()))
	i := &index{t: t, SearchEngine: e, SearchIndex: one}
	i.want("kept", 1)
	must(t, one.SetPosition(t.Context(), 1<<52))
	if at, err := one.Position(t.Context()); err != nil || at != 1<<52 {
		t.Errorf("a large one: %d, %v", at, err)
	}
}

// Q7: a generation is built beside the live one and takes its place at once.
func generations(t *testing.T, p Place) {
	ctx := t.Context()
	e, shut := p.Open(t)
	if _, err := e.Live(ctx, family); !errors.Is(err, readmodels.ErrNoGeneration) {
		t.Fatalf("Live of an empty place: %v", err)
	}
	if _, err := e.Search(ctx, family, readmodels.SearchQuery{Kind: readmodels.SearchPosts, Words: readmodels.Words("x"), Limit: 1}); !errors.Is(err, readmodels.ErrNoGeneration) {
		t.Fatalf("Search of an empty place: %v", err)
	}
	if err := e.Swap(ctx, family, family+"_absent"); err == nil {
		t.Error("swapped to a generation that nobody made")
	}
	for _, bad := range []string{"", "../up", "A", "a b", "*", "a*"} {
		if _, err := e.Create(ctx, bad); err == nil {
			t.Errorf("%q is a name", bad)
		}
	}
	fill := func(name, text string) {
		g, err := e.Create(ctx, name)
		must(t, err)
		must(t, g.Apply(ctx, []readmodels.Change{{Document: post(1, text, "")}}, 1))
		must(t, g.Refresh(ctx))
	}
	fill(family+"_a", "first")
	must(t, e.Swap(ctx, family, family+"_a"))
	fill(family+"_b", "second")
	shut()

	e, shut = p.Open(t)
	defer shut()
	i := &index{t: t, SearchEngine: e}
	if name, err := e.Live(ctx, family); err != nil || name != family+"_a" {
		t.Fatalf("Live after a restart: %s, %v", name, err)
	}
	i.want("first", 1)
	i.want("second")
	if err := e.Drop(ctx, family+"_a"); err == nil {
		t.Error("dropped the live generation")
	}
	old, err := e.Create(ctx, family+"_a")
	must(t, err)
	_, err = e.Create(ctx, family+"_b") // opens it
	must(t, err)
	must(t, e.Swap(ctx, family, family+"_b"))
	must(t, e.Swap(ctx, family, family+"_b"))
	i.want("second", 1)
	i.want("first")
	err = old.Apply(ctx, []readmodels.Change{{Document: post(2, "late", "")}}, 9)
	if !errors.Is(err, readmodels.ErrNoGeneration) {
		t.Errorf("a write into a dropped generation: %v", err)
	}
	must(t, e.Drop(ctx, family+"_a"))
	must(t, e.Drop(ctx, family+"_never"))
	again, err := e.Create(ctx, family+"_a")
	must(t, err)
	if at, err := again.Position(ctx); err != nil || at != 0 {
		t.Errorf("a dropped one was not gone: %d, %v", at, err)
	}
}

// O5: what the engine has lost is told, and no write makes it again.
func lost(t *testing.T, p Place) {
	i := begin(t, p)
	i.put(post(1, "kept", ""))
	other, err := i.Create(t.Context(), family+"_other")
	must(t, err)
	must(t, i.Drop(t.Context(), family+"_other"))
	ctx := t.Context()
	if err := other.Apply(ctx, []readmodels.Change{{Document: post(1, "x", "")}}, 1); !errors.Is(err, readmodels.ErrNoGeneration) {
		t.Errorf("Apply: %v", err)
	}
	if err := other.Apply(ctx, []readmodels.Change{{Document: post(1, "x", ""), Gone: true}}, 1); !errors.Is(err, readmodels.ErrNoGeneration) {
		t.Errorf("Apply of a deletion: %v", err)
	}
	if err := other.SetPosition(ctx, 1); !errors.Is(err, readmodels.ErrNoGeneration) {
		t.Errorf("SetPosition: %v", err)
	}
	if _, err := other.Position(ctx); !errors.Is(err, readmodels.ErrNoGeneration) {
		t.Errorf("Position: %v", err)
	}
	if err := i.Swap(ctx, family, family+"_other"); err == nil {
		t.Error("swapped to a lost one")
	}
	i.want("kept", 1)
}

// A deposed leader's late write changes nothing.
func lateWriter(t *testing.T, p Place) {
	if !p.Shared {
		t.Skip("one process has this engine: there is no other writer")
	}
	ctx := t.Context()
	i := begin(t, p)
	late, shut := p.Open(t)
	defer shut()
	old, err := late.Create(ctx, family)
	must(t, err)
	put := func(by readmodels.SearchIndex, position uint64, c readmodels.Change) {
		t.Helper()
		must(t, by.Apply(ctx, []readmodels.Change{c}, position))
		must(t, by.Refresh(ctx))
	}
	put(i, 20, readmodels.Change{Document: post(1, "newer", "")})
	put(old, 10, readmodels.Change{Document: post(1, "older", "")})
	put(old, 10, readmodels.Change{Document: post(1, "", ""), Gone: true})
	i.want("newer", 1)
	i.want("older")
	put(i, 30, readmodels.Change{Document: post(1, "", ""), Gone: true})
	put(old, 20, readmodels.Change{Document: post(1, "older", "")})
	i.want("older")
	put(old, 20, readmodels.Change{Document: post(2, "fresh", "")}) // others are written all the same
	i.want("fresh", 2)
	must(t, i.SetPosition(ctx, 30))
	must(t, old.SetPosition(ctx, 10))
	if at, err := i.Position(ctx); err != nil || at != 30 {
		t.Errorf("position %d, %v", at, err)
	}
}

// O2: many processes that start at once make one index, and searches go on
// while it is written and replaced.
func atOnce(t *testing.T, p Place) {
	ctx := t.Context()
	var all sync.WaitGroup
	if p.Shared {
		for range 6 {
			e, shut := p.Open(t)
			defer shut()
			all.Go(func() {
				if _, err := e.Create(ctx, family); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	i := begin(t, p)
	i.put(post(1, "steady", ""))
	reading, stop := context.WithCancel(ctx)
	for range 4 {
		all.Go(func() {
			for reading.Err() == nil {
				q := readmodels.SearchQuery{Kind: readmodels.SearchPosts, Words: readmodels.Words("steady"), Limit: 10}
				if hits, err := i.Search(ctx, family, q); err != nil || len(hits) == 0 {
					t.Errorf("hits %v, %v", hits, err)
					return
				}
			}
		})
	}
	for n := range 5 {
		name := fmt.Sprintf("%s_%d", family, n)
		g, err := i.Create(ctx, name)
		must(t, err)
		must(t, g.Apply(ctx, []readmodels.Change{{Document: post(1, "steady", "")}, {Document: post(2+n, "steady", "")}}, 1))
		must(t, g.Refresh(ctx))
		must(t, i.Swap(ctx, family, name))
	}
	stop()
	all.Wait()
}

func cancelled(t *testing.T, p Place) {
	i := begin(t, p)
	i.put(post(1, "word", ""))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := i.Search(ctx, family, readmodels.SearchQuery{Kind: readmodels.SearchPosts, Words: readmodels.Words("word"), Limit: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("Search: %v", err)
	}
	if err := i.Apply(ctx, []readmodels.Change{{Document: post(1, "other", "")}}, 9); !errors.Is(err, context.Canceled) {
		t.Errorf("Apply: %v", err)
	}
}
