package searchtest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/readmodels"
)

// Place is where an engine keeps its indexes: Open opens it, again and again;
// closing one ends what another process would end. Shared says that several
// processes can have it open. Merge makes an open engine put a generation in
// order, as it does by itself at times.
type Place struct {
	Open   func(t *testing.T) (e readmodels.SearchEngine, shut func())
	Merge  func(t *testing.T, e readmodels.SearchEngine, name string)
	Shared bool
}

// Run runs the suite; place gives an empty place of its own for each call.
func Run(t *testing.T, place func(t *testing.T) Place) {
	for name, f := range map[string]func(*testing.T, Place){
		"words":       words,
		"scripts":     scripts,
		"typos":       typos,
		"filters":     filters,
		"accounts":    accounts,
		"kinds":       kinds,
		"rooms":       rooms,
		"orders":      orders,
		"pages":       pages,
		"turning":     turning,
		"changes":     changes,
		"positions":   positions,
		"generations": generations,
		"lost":        lost,
		"late writer": lateWriter,
		"at once":     atOnce,
		"cancel":      cancelled,
		"odd texts":   oddTexts,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, place(t))
		})
	}
	t.Run("relevance", func(t *testing.T) { t.Parallel(); relevance(t, place(t)) })
}

const family = "search_f"

// index is an engine with one live generation.
type index struct {
	t *testing.T
	readmodels.SearchEngine
	readmodels.SearchIndex
	position uint64
}

func begin(t *testing.T, p Place) *index {
	t.Helper()
	e, shut := p.Open(t)
	t.Cleanup(shut)
	i, err := e.Create(t.Context(), family)
	must(t, err)
	must(t, e.Swap(t.Context(), family, family))
	return &index{t: t, SearchEngine: e, SearchIndex: i}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// put writes documents as of the next position and lets them be found.
func (i *index) put(docs ...readmodels.Document) {
	i.t.Helper()
	all := make([]readmodels.Change, len(docs))
	for n, d := range docs {
		all[n].Document = d
	}
	i.change(all...)
}

func (i *index) change(all ...readmodels.Change) {
	i.t.Helper()
	i.position++
	must(i.t, i.Apply(i.t.Context(), all, i.position))
	must(i.t, i.Refresh(i.t.Context()))
}

// ask gives the ids of a query's hits as numbers.
func (i *index) ask(q readmodels.SearchQuery) []int {
	i.t.Helper()
	if q.Limit == 0 {
		q.Limit = 50
	}
	if q.Kind == "" {
		q.Kind = readmodels.SearchPosts
	}
	hits, err := i.Search(i.t.Context(), family, q)
	must(i.t, err)
	return numbers(hits)
}

// find is ask for a text, rising.
func (i *index) find(text string) []int {
	i.t.Helper()
	all := i.ask(readmodels.SearchQuery{Words: readmodels.Words(text)})
	slices.Sort(all)
	return all
}

func (i *index) want(text string, want ...int) {
	i.t.Helper()
	if got := i.find(text); !slices.Equal(got, want) {
		i.t.Errorf("%q finds %v, want %v", text, got, want)
	}
}

// id is the nth id.
func id(n int) uuid.UUID {
	var u uuid.UUID
	copy(u[:], fmt.Sprintf("%016d", n))
	return u
}

func numbers(hits []readmodels.Place) []int {
	all := make([]int, len(hits))
	for i, h := range hits {
		thing := h.Thing()
		if all[i] = int(thing.Number); all[i] == 0 { //nolint:gosec // small
			_, _ = fmt.Sscanf(string(thing.ID[:]), "%d", &all[i])
		}
	}
	return all
}

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// post is the nth post, n minutes old.
func post(n int, title, body string) readmodels.Document {
	return readmodels.Document{
		Thing: readmodels.Thing{Kind: readmodels.SearchPosts, ID: id(n)}, Board: id(900), At: start.Add(time.Duration(n) * time.Minute),
		Title: readmodels.Searchable(title), Body: readmodels.Searchable(body),
	}
}
