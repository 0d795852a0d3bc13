package event

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"
)

// MaxSize bounds Data plus Metadata of one event, in bytes.
const MaxSize = 512 << 10

// Record is an event as it stands in the log.
type Record struct {
	Position    uint64 // place in the whole log, from 1, strictly rising; holes are allowed
	Stream      string // "<category>-<id>"
	Revision    uint64 // place in its stream: 0, 1, 2 …
	ID          uuid.UUID
	Type        string    // wire name: "post.published.v1"
	Time        time.Time // UTC, in milliseconds
	ContentType string    // ContentJSON, or ContentBinary for events of outside categories
	Data        []byte    // as stored: sealed fields are still sealed
	Metadata    []byte    // JSON of Meta; whatever an outside writer sent otherwise
}

// Content types that the log knows.
const (
	ContentJSON   = "application/json"
	ContentBinary = "application/octet-stream"
)

// Category is the stream's name up to its first "-".
func (r Record) Category() string { return Category(r.Stream) }

// Meta reads the metadata; what is not ours reads as empty.
func (r Record) Meta() Meta {
	var m Meta
	_ = json.Unmarshal(r.Metadata, &m)
	return m
}

// Event is what a caller hands to Append.
type Event struct {
	ID          uuid.UUID
	Type        string
	Time        time.Time // zero: the log's clock
	ContentType string    // empty: ContentJSON
	Data        []byte
	Metadata    []byte
}

// Meta says why an event exists. All ids are strings, so that outside writers
// may use their own.
type Meta struct {
	Actor       string `json:"actor,omitempty"`       // account id, a pseudonym, or "system"
	Correlation string `json:"correlation,omitempty"` // the request that began it
	Causation   string `json:"causation,omitempty"`   // the event or command that led to this one
	Trace       string `json:"trace,omitempty"`       // W3C traceparent
	Request     string `json:"request,omitempty"`     // idempotency: the kept request it belongs to
	Imported    bool   `json:"imported,omitempty"`    // it happened elsewhere, at the event's time; nobody is told
}

// System is the actor of what nobody asked for: processes and set-up.
const System = "system"

// StreamName joins a category and an id.
func StreamName(category, id string) string { return category + "-" + id }

// Category is the stream's name up to its first "-"; a name without one is
// its own category.
func Category(stream string) string {
	c, _, _ := strings.Cut(stream, "-")
	return c
}

// StreamID is what follows the first "-" of a stream's name.
func StreamID(stream string) string {
	_, id, _ := strings.Cut(stream, "-")
	return id
}
