package rest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash"
	"net/url"
)

// Page is embedded in the P of every list. The server's Lists say what its
// limit is where the caller does not say, and at most.
type Page struct {
	Limit  int    `query:"limit" minimum:"1" doc:"how many items at most"`
	Cursor string `query:"cursor" doc:"next of the page before"`
}

// List is the answer of a list. A list that says more embeds it.
type List[T any] struct {
	Items []T     `json:"items"`
	Next  *string `json:"next" doc:"cursor of the next page, null at the end"`
}

// nextPage lets the renderer write the Link header.
func (l List[T]) nextPage() *string { return l.Next }

type pager interface{ nextPage() *string }

// seek reads where the page begins: the key of the last item before it, or nil
// for the first page. K is the list's keyset, a small struct, as JSON unless it
// has a shorter form.
// Errors: errCursor for a cursor of another list, of other filters, of another
// reader or of another epoch.
func seek[K any](c *Call, p Page) (*K, error) {
	if p.Cursor == "" {
		return nil, nil
	}
	payload, err := c.openCursor(p.Cursor)
	if err != nil {
		return nil, err
	}
	var k K
	if short, ok := any(&k).(encoding.BinaryUnmarshaler); ok {
		err = short.UnmarshalBinary(payload)
	} else {
		err = json.Unmarshal(payload, &k)
	}
	if err != nil {
		return nil, errCursor // an older release's keyset
	}
	return &k, nil
}

// page makes the answer of a list. The query asks for one row more than
// p.Limit: that there is one more says that there is a next page, which begins
// after the last row shown. show makes the item, key its place.
func page[R, T, K any](c *Call, p Page, rows []R, show func(R) T, key func(R) K) (List[T], error) {
	more := len(rows) > p.Limit
	if more {
		rows = rows[:p.Limit]
	}
	l := List[T]{Items: make([]T, len(rows))}
	for i, r := range rows {
		l.Items[i] = show(r)
	}
	if more {
		var err error
		if l.Next, err = c.sealPlace(key(rows[len(rows)-1])); err != nil {
			return l, err
		}
	}
	return l, nil
}

// sealPlace makes the cursor of the page after a place.
func (c *Call) sealPlace(key any) (*string, error) {
	var payload []byte
	var err error
	if short, ok := key.(encoding.BinaryMarshaler); ok {
		payload, err = short.MarshalBinary()
	} else {
		payload, err = json.Marshal(key)
	}
	if err != nil {
		return nil, fmt.Errorf("rest: cursor: %w", err)
	}
	next := c.sealCursor(payload)
	return &next, nil
}

const (
	cursorVersion = 1
	cursorTag     = 16      // bytes of HMAC-SHA256 that are kept
	maxCursor     = 6 << 10 // what search takes that was turned to its end
)

var cursorEncoding = base64.RawURLEncoding.Strict()

// sealCursor makes an opaque cursor: version, tag, payload.
func (c *Call) sealCursor(payload []byte) string {
	b := append(make([]byte, 0, 1+cursorTag+len(payload)), cursorVersion)
	b = append(b, c.cursorTag(payload)...)
	return cursorEncoding.EncodeToString(append(b, payload...))
}

func (c *Call) openCursor(token string) ([]byte, error) {
	if len(token) > maxCursor {
		return nil, errCursor
	}
	b, err := cursorEncoding.DecodeString(token)
	if err != nil || len(b) < 1+cursorTag || b[0] != cursorVersion {
		return nil, errCursor
	}
	payload := b[1+cursorTag:]
	if !hmac.Equal(b[1:1+cursorTag], c.cursorTag(payload)) {
		return nil, errCursor
	}
	return payload, nil
}

// cursorTag binds a payload to the list (route, path and filters), its reader
// and the epoch of the log.
func (c *Call) cursorTag(payload []byte) []byte {
	m := hmac.New(sha256.New, c.server.cfg.CursorKey)
	account := c.Account()
	part(m, []byte(c.route.op.ID))
	part(m, []byte(c.Request.URL.Path))
	part(m, []byte(c.filters().Encode()))
	part(m, account[:])
	part(m, []byte(c.server.cfg.Positions.Encode(0))) // the same within an epoch, no other in another
	part(m, payload)
	return m.Sum(nil)[:cursorTag]
}

// part writes b behind its length, so that no two lists of parts look alike.
func part(m hash.Hash, b []byte) {
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(b)))
	m.Write(n[:])
	m.Write(b)
}

// filters is the part of the query that chooses the list: the parameters that
// the route declares, but for the page. Others (a token) are no part of it.
func (c *Call) filters() url.Values {
	given := c.Request.URL.Query()
	kept := url.Values{}
	for _, p := range c.route.params.list {
		if v, ok := given[p.name]; ok && p.in == "query" && p.name != "limit" && p.name != "cursor" {
			kept[p.name] = v
		}
	}
	return kept
}

// link is the Link header of a list's next page. RFC 8288.
func (c *Call) link(next string) string {
	q := c.filters()
	q.Set("cursor", next)
	if limit := c.Request.URL.Query().Get("limit"); limit != "" {
		q.Set("limit", limit)
	}
	return "<" + c.Request.URL.EscapedPath() + "?" + q.Encode() + `>; rel="next"`
}
