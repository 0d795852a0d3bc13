package projectiontest

import (
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/parleyhq/parley/domain/event"
)

// Log is an event.Store in memory, for tests alone: it keeps everything and
// checks the expected revision. Again makes its tails deliver events twice.
type Log struct {
	Again func(position uint64) bool  // whether the last events come again after this one; may be nil
	Fail  func(position uint64) error // an error that ends a tail before this event; may be nil

	mu      sync.Mutex
	records []event.Record
	streams map[string][]int // indexes of records
	grown   chan struct{}    // closed at the next append
}

var _ event.Store = (*Log)(nil)

// NewLog makes an empty log.
func NewLog() *Log { return &Log{streams: map[string][]int{}, grown: make(chan struct{})} }

// Append implements event.Store.
func (l *Log) Append(_ context.Context, stream string, expected event.Expected, events []event.Event) (event.Result, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	actual := event.Expected(len(l.streams[stream])) - 1
	switch {
	case expected == event.Any, expected == actual, expected == event.Exists && actual >= 0:
	default:
		return event.Result{}, &event.WrongRevision{Stream: stream, Expected: expected, Actual: actual}
	}
	for _, e := range events {
		l.streams[stream] = append(l.streams[stream], len(l.records))
		l.records = append(l.records, event.Record{
			Position: uint64(len(l.records) + 1), Stream: stream, Revision: uint64(len(l.streams[stream]) - 1),
			ID: e.ID, Type: e.Type, Time: e.Time.UTC().Truncate(time.Millisecond), ContentType: event.ContentJSON,
			Data: e.Data, Metadata: e.Metadata,
		})
	}
	close(l.grown)
	l.grown = make(chan struct{})
	end := uint64(len(l.records))
	return event.Result{First: end - uint64(len(events)) + 1, Position: end, Revision: uint64(len(l.streams[stream]) - 1)}, nil
}

// Stream implements event.Store.
func (l *Log) Stream(_ context.Context, stream string, from uint64, dir event.Direction) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		l.mu.Lock()
		var found []event.Record
		for _, i := range l.streams[stream] {
			r := l.records[i]
			if dir == event.Forward && r.Revision >= from || dir == event.Backward && r.Revision <= from {
				found = append(found, r)
			}
		}
		l.mu.Unlock()
		if dir == event.Backward {
			slices.Reverse(found)
		}
		for _, r := range found {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// since is what follows position, and what tells of more.
func (l *Log) since(position uint64) ([]event.Record, chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.records[min(position, uint64(len(l.records))):], l.grown
}

// All implements event.Store.
func (l *Log) All(_ context.Context, after uint64, filter event.Filter) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		records, _ := l.since(after)
		for _, r := range records {
			if filter.Match(r.Stream, r.Type) && !yield(r, nil) {
				return
			}
		}
	}
}

// Tail implements event.Store.
func (l *Log) Tail(ctx context.Context, after uint64, filter event.Filter) iter.Seq2[event.Message, error] {
	return func(yield func(event.Message, error) bool) {
		for {
			records, grown := l.since(after)
			for i, r := range records {
				after = r.Position
				if l.Fail != nil {
					if err := l.Fail(r.Position); err != nil {
						yield(event.Message{}, err)
						return
					}
				}
				if filter.Match(r.Stream, r.Type) && !yield(event.Message{Record: r, Position: r.Position}, nil) {
					return
				}
				if l.Again == nil || !l.Again(r.Position) {
					continue
				}
				for _, old := range records[max(0, i-3) : i+1] {
					if filter.Match(old.Stream, old.Type) && !yield(event.Message{Record: old, Position: old.Position}, nil) {
						return
					}
				}
			}
			if !yield(event.Message{CaughtUp: true, Position: after}, nil) {
				return
			}
			select {
			case <-grown:
			case <-ctx.Done():
				yield(event.Message{}, ctx.Err())
				return
			}
		}
	}
}

// Head implements event.Store.
func (l *Log) Head(context.Context) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return uint64(len(l.records)), nil
}
