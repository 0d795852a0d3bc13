package readmodels

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
)

// MaxDepth is how many hits of the best first can be turned to, on all pages
// together. Of the newest first there is no end.
const MaxDepth = 1000

// printBits is the length of a print. A hit that nobody has seen has the print
// of one of a thousand others once in 34 million times, and is passed over then.
const printBits = 35

// SearchCursor is what is known of a query's earlier pages; the zero value is
// the first page's.
//
// By time, it is the last place, and the next page begins behind it. The best
// first have no such place: scores follow what all documents say, and move with
// each of them, and with how an engine happens to keep them. So the cursor has
// the prints of all hits that were looked at, and the next page is the best of
// the others: whatever moves, no hit comes twice, and none is left out that was
// there all the time.
type SearchCursor struct {
	after  *Place   // of the newest first
	prints []uint64 // of the best first; rising
}

// printOf is the same in all processes, and tells keys apart.
func printOf(key string) uint64 {
	sum := sha256.Sum256([]byte(key))
	return binary.BigEndian.Uint64(sum[:]) >> (64 - printBits)
}

// Unseen asks for n hits that come after the cursor's, and says whether those
// are the last.
func (c *SearchCursor) Unseen(ctx context.Context, ask func(context.Context, SearchQuery) ([]Place, error), q SearchQuery, n int) (hits []Place, end bool, err error) {
	q.After, q.Limit = c.after, n+len(c.prints)
	if hits, err = ask(ctx, q); err != nil {
		return nil, false, err
	}
	end = len(hits) < q.Limit
	hits = slices.DeleteFunc(hits, func(h Place) bool {
		_, seen := slices.BinarySearch(c.prints, printOf(h.Key))
		return seen
	})
	if len(hits) > n { // some that were seen are no longer among the best
		hits, end = hits[:n], false
	}
	return hits, end, nil
}

// Pass is told hits that Unseen gave, in their order: they do not come again.
func (c *SearchCursor) Pass(q SearchQuery, hits []Place) {
	if len(hits) == 0 {
		return
	}
	if q.Newest {
		last := hits[len(hits)-1]
		c.after = &last
		return
	}
	prints := slices.Clone(c.prints) // another cursor may have them too
	for _, h := range hits {
		prints = append(prints, printOf(h.Key))
	}
	slices.Sort(prints)
	c.prints = slices.Compact(prints)
}

// Deep says that nothing behind is shown.
func (c *SearchCursor) Deep() bool { return len(c.prints) >= MaxDepth }

// The two forms of a cursor.
const (
	formAfter  = 1 // time in milliseconds, key
	formPrints = 2 // each print's distance from the one before
)

// MarshalBinary implements encoding.BinaryMarshaler: four bytes a print where
// there are many.
func (c SearchCursor) MarshalBinary() ([]byte, error) {
	if c.after != nil {
		b := binary.AppendVarint([]byte{formAfter}, c.after.At)
		return append(b, c.after.Key...), nil
	}
	b, before := []byte{formPrints}, uint64(0)
	for _, p := range c.prints {
		b = binary.AppendUvarint(b, p-before)
		before = p
	}
	return b, nil
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler.
func (c *SearchCursor) UnmarshalBinary(b []byte) error {
	*c = SearchCursor{}
	if len(b) == 0 {
		return errSearchCursor
	}
	switch form, b := b[0], b[1:]; form {
	case formAfter:
		at, n := binary.Varint(b)
		if n <= 0 {
			return errSearchCursor
		}
		c.after = &Place{At: at, Key: string(b[n:])}
		return nil
	case formPrints:
		for print := uint64(0); len(b) > 0; {
			step, n := binary.Uvarint(b)
			if n <= 0 {
				return errSearchCursor
			}
			print += step
			c.prints, b = append(c.prints, print), b[n:]
		}
		return nil
	}
	return errSearchCursor
}

var errSearchCursor = errors.New("readmodels: this is no cursor of a search")
