package readmodels

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// F10: pages of the best first go a thousand hits deep, however large they are
// and whatever comes up meanwhile, and their cursor stays short enough for a URL.
func TestF10_CursorDepth(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1, 20, 99, 100} {
		var all []string
		for range 1500 {
			all = append(all, Thing{Kind: SearchPosts, ID: uuid.New()}.Key())
		}
		first := slices.Clone(all[:MaxDepth])
		ask := func(_ context.Context, q SearchQuery) (hits []Place, err error) {
			if q.Limit > MaxHits {
				t.Fatalf("%d hits are asked for", q.Limit)
			}
			for _, key := range all[:min(q.Limit, len(all))] {
				hits = append(hits, Place{Key: key})
			}
			return hits, nil
		}
		var c SearchCursor
		seen := map[string]bool{}
		for pages := 0; !c.Deep(); pages++ {
			if pages == 2 {
				slices.Reverse(all[:MaxDepth]) // scores moved
			}
			hits, end, err := c.Unseen(t.Context(), ask, SearchQuery{}, limit)
			if err != nil || end || len(hits) != limit {
				t.Fatalf("limit %d: %d hits, end %v, %v", limit, len(hits), end, err)
			}
			for _, h := range hits {
				if seen[h.Key] {
					t.Errorf("limit %d: %s again", limit, h.Key)
				}
				seen[h.Key] = true
			}
			c.Pass(SearchQuery{}, hits)
		}
		for _, key := range first {
			if !seen[key] {
				t.Errorf("limit %d: %s is left out", limit, key)
			}
		}
		raw, err := c.MarshalBinary()
		if n := base64.RawURLEncoding.EncodedLen(len(raw)); err != nil || n > 6000 {
			t.Errorf("limit %d: a cursor of %d characters, %v", limit, n, err)
		}
	}
}

// F10: a cursor comes back as it went, and what is none is told.
func TestF10_CursorForms(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := SearchQuery{Newest: rapid.Bool().Draw(t, "newest")}
		var c, back SearchCursor
		for range rapid.IntRange(1, 40).Draw(t, "hits") {
			c.Pass(q, []Place{{At: rapid.Int64().Draw(t, "at"), Key: rapid.String().Draw(t, "key")}})
		}
		raw, err := c.MarshalBinary()
		if err == nil {
			err = back.UnmarshalBinary(raw)
		}
		if err != nil || fmt.Sprint(c.prints) != fmt.Sprint(back.prints) || q.Newest && *c.after != *back.after {
			t.Fatalf("%v became %v, %v", c, back, err)
		}
	})
	for _, raw := range [][]byte{nil, {0}, {1}, {2, 0x80}, []byte(`{"s":1,"k":"post-x"}`)} {
		if err := new(SearchCursor).UnmarshalBinary(raw); err == nil {
			t.Errorf("%q is a cursor", raw)
		}
	}
}
