package event

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
)

// Store is the port of the event log. Every adapter passes eventtest.Run.
//
// All methods may be called at once from any goroutine. A cancelled context
// ends a call with its error; whether a cancelled Append took effect is then
// unknown, and appending the same ids again at the same place finds out.
type Store interface {
	// Append writes events to the end of stream, all or none, durably before
	// it returns, if the stream's last revision is expected.
	//
	// Appending the same ids again at the same expected revision is a success
	// with the first one's Result, whatever was appended since (not for Any).
	// Errors: *WrongRevision, ErrTooLarge, ErrFull, ErrUnsynced, ErrClosed.
	Append(ctx context.Context, stream string, expected Expected, events []Event) (Result, error)

	// Stream reads one stream, from revision from (inclusive) in the given
	// direction; Backward from End starts at the newest. An absent stream is
	// empty. It ends at what was the newest when it got there. An error is
	// yielded once, as the last element.
	Stream(ctx context.Context, stream string, from uint64, dir Direction) iter.Seq2[Record, error]

	// All reads the whole log in order of positions, after position after
	// (exclusive; 0 is the start), keeping what filter matches. It ends at
	// what was the head when it got there.
	All(ctx context.Context, after uint64, filter Filter) iter.Seq2[Record, error]

	// Tail is All that never ends: having reached the head it yields a Message
	// whose CaughtUp is set, and goes on with what is appended later. Each
	// time it falls behind and catches up again it may say so again. It ends
	// with an error alone, the context's at the latest.
	Tail(ctx context.Context, after uint64, filter Filter) iter.Seq2[Message, error]

	// Head is the position of the newest event of the log, 0 when empty.
	Head(ctx context.Context) (uint64, error)
}

// Message is what a tail yields: a record, or word that it has caught up.
type Message struct {
	Record   Record
	CaughtUp bool   // nothing matching waits; Record is empty
	Position uint64 // of Record, or how far the tail has looked when CaughtUp
}

// Direction is the order in which a stream is read.
type Direction bool

// The two directions.
const (
	Forward  Direction = false
	Backward Direction = true
)

// End stands for the newest revision in a backward read.
const End = ^uint64(0)

// Expected is the revision that a stream must have for an append, or one of
// the constants below.
type Expected int64

// Expectations that are no revision.
const (
	Any      Expected = -2 // whatever is there
	NoStream Expected = -1 // nothing must be there
	Exists   Expected = -4 // something must be there
)

// At expects revision r to be the newest.
func At(r uint64) Expected { return Expected(r) }

// String is the number, or the constant's word.
func (e Expected) String() string {
	switch e {
	case Any:
		return "any"
	case NoStream:
		return "no stream"
	case Exists:
		return "stream exists"
	}
	return strconv.FormatInt(int64(e), 10)
}

// Result says where an append landed.
type Result struct {
	First    uint64 // position of its first event
	Position uint64 // position of its last event
	Revision uint64 // revision of its last event
}

// WrongRevision is the error of an append that met another revision.
type WrongRevision struct {
	Stream   string
	Expected Expected
	Actual   Expected // newest revision, or NoStream
}

// Error names the stream and both revisions.
func (e *WrongRevision) Error() string {
	return fmt.Sprintf("stream %s: expected revision %s, found %s", e.Stream, e.Expected, e.Actual)
}

// Errors of a Store.
var (
	ErrTooLarge = errors.New("event: larger than 512 KiB")
	ErrFull     = errors.New("event log: the disk is full")             // nothing was written; reads go on
	ErrUnsynced = errors.New("event log: the disk did not take a sync") // no more appends until a restart; reads go on
	ErrClosed   = errors.New("event log: closed")
	// ErrUnavailable says that a log on another machine does not answer. Of an
	// append it may be unknown whether it took effect.
	ErrUnavailable = errors.New("event log: it does not answer")
	ErrCorrupt     = errors.New("event log: a record fails its checksum")
	ErrBadEvent    = errors.New("event: no id, no type, or a stream without a name")
)

// Filter keeps events whose category is among Categories and whose type is
// among Types; an empty list keeps all.
type Filter struct {
	Categories []string
	Types      []string
}

// Match says whether the filter keeps an event of that stream and type.
func (f Filter) Match(stream, typ string) bool {
	return (len(f.Categories) == 0 || slices.Contains(f.Categories, Category(stream))) &&
		(len(f.Types) == 0 || slices.Contains(f.Types, typ))
}
