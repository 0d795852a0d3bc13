package searchtest

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/readmodels"
)

// reader turns the pages of one query.
type reader struct {
	*index
	q      readmodels.SearchQuery
	cursor readmodels.SearchCursor
	got    []string // keys, in their order
	end    bool
}

// turn reads another page. The cursor goes to its reader and comes back.
func (r *reader) turn(limit int) {
	r.t.Helper()
	search := func(ctx context.Context, q readmodels.SearchQuery) ([]readmodels.Place, error) {
		return r.Search(ctx, family, q)
	}
	hits, end, err := r.cursor.Unseen(r.t.Context(), search, r.q, limit)
	must(r.t, err)
	r.cursor.Pass(r.q, hits)
	raw, err := r.cursor.MarshalBinary()
	must(r.t, err)
	must(r.t, r.cursor.UnmarshalBinary(raw))
	for _, h := range hits {
		r.got = append(r.got, h.Key)
	}
	r.end = end
}

// F10: pages meet end to end, also among equals.
func pages(t *testing.T, p Place) {
	i := begin(t, p)
	const total = 57
	var docs []readmodels.Document
	for n := range total {
		d := post(n, "same", "")
		d.At = start.Add(time.Duration(n/10) * time.Minute) // equals
		if n%3 == 0 {
			d.Title = "same same"
		}
		docs = append(docs, d)
	}
	i.put(docs...)
	for _, newest := range []bool{false, true} {
		q := readmodels.SearchQuery{Kind: readmodels.SearchPosts, Words: readmodels.Words("same"), Newest: newest}
		whole := &reader{index: i, q: q}
		if whole.turn(total + 1); len(whole.got) != total || !whole.end {
			t.Fatalf("%d hits, the last ones: %v", len(whole.got), whole.end)
		}
		for _, limit := range []int{1, 7, total - 1, total} {
			r := &reader{index: i, q: q}
			for !r.end {
				r.turn(limit)
			}
			if d := cmp.Diff(whole.got, r.got); d != "" {
				t.Errorf("newest %v, limit %d: %s", newest, limit, d)
			}
		}
	}
}

// F10: while somebody turns pages, others write, edit and delete, and the
// engine puts its index in order. No hit comes twice, and none is left out that
// matched all the time.
func turning(t *testing.T, p Place) {
	i := begin(t, p)
	for seed := range uint64(3) {
		for _, newest := range []bool{false, true} {
			turnWhileWritten(i, p, newest, seed)
		}
	}
}

func turnWhileWritten(i *index, p Place, newest bool, seed uint64) {
	i.t.Helper()
	random := rand.New(rand.NewPCG(seed, 2)) //nolint:gosec // repeatable
	word := fmt.Sprint("same", newest, seed)
	post := func(n int, title, body string) readmodels.Document {
		d := post(n, title, body)
		d.ID = uuid.NewSHA1(uuid.Nil, fmt.Append(nil, word, n))
		return d
	}
	said := func(n int) readmodels.Document {
		text := strings.Repeat(word+" ", 1+random.IntN(4)) + strings.Repeat("more ", random.IntN(30))
		if random.IntN(4) == 0 {
			return post(n, text, fmt.Sprint("rare", n))
		}
		return post(n, fmt.Sprint("rare", n), text)
	}
	written, steady := 0, map[string]bool{} // those that match from the first page on
	write := func(many int) (docs []readmodels.Document) {
		for range many {
			docs = append(docs, said(written))
			written++
		}
		return docs
	}
	for range 5 {
		docs := write(60)
		i.put(docs...)
		for _, d := range docs {
			steady[d.Key()] = true
		}
	}
	r := &reader{index: i, q: readmodels.SearchQuery{Kind: readmodels.SearchPosts, Words: readmodels.Words(word), Newest: newest}}
	r.turn(1 + random.IntN(30))
	for pages := 0; !r.end && pages < 500; pages++ {
		switch random.IntN(4) {
		case 0: // others match too, the best of all among them
			i.put(append(write(random.IntN(8)), post(10_000+pages, strings.Repeat(word+" ", 4), ""))...)
		case 1: // edits
			i.put(said(random.IntN(written)), said(random.IntN(written)))
		case 2:
			gone, silent := post(random.IntN(written), "", ""), post(random.IntN(written), "other words", "")
			delete(steady, gone.Key())
			delete(steady, silent.Key())
			i.change(readmodels.Change{Document: gone, Gone: true}, readmodels.Change{Document: silent})
		case 3:
			p.Merge(i.t, i.SearchEngine, family)
		}
		r.turn(1 + random.IntN(30))
	}
	shown := map[string]bool{}
	for _, key := range r.got {
		if shown[key] {
			i.t.Errorf("newest %v, seed %d: %s comes twice", newest, seed, key)
		}
		shown[key] = true
	}
	for _, key := range slices.Sorted(maps.Keys(steady)) {
		if !shown[key] {
			i.t.Errorf("newest %v, seed %d: %s is left out", newest, seed, key)
		}
	}
	if !r.end {
		i.t.Errorf("newest %v, seed %d: no end after %d hits", newest, seed, len(r.got))
	}
}
