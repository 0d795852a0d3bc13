package pebble

import (
	"context"
	"iter"

	"github.com/parleyhq/parley/domain/event"
)

// Tail implements event.Store. A tail that keeps up is served from memory; one
// that is behind reads the log like All.
func (l *Log) Tail(ctx context.Context, after uint64, filter event.Filter) iter.Seq2[event.Message, error] {
	return func(yield func(event.Message, error) bool) {
		t := tail{log: l, cursor: logCursor{log: l, at: after, keep: keeps(filter)}, size: firstChunk}
		for {
			records, err := t.next(ctx)
			for _, r := range records {
				if err = ctx.Err(); err != nil {
					break
				}
				if !yield(event.Message{Record: r, Position: r.Position}, nil) {
					return
				}
			}
			if err == nil && t.caughtUp() {
				t.said = true
				if !yield(event.Message{CaughtUp: true, Position: t.cursor.at}, nil) {
					return
				}
			}
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(event.Message{}, err)
				return
			}
		}
	}
}

// tail is one reader that never ends.
type tail struct {
	log    *Log
	cursor logCursor
	size   int
	said   bool // that it has caught up, since it last moved
	recent []event.Record
}

// caughtUp says whether it is time to say so.
func (t *tail) caughtUp() bool { return !t.said && t.cursor.at >= t.log.head.Load() }

// next returns what comes next, and waits for it once it was said that nothing
// is there.
func (t *tail) next(ctx context.Context) ([]event.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	at, recent, wait, ok := t.log.ring.after(t.cursor.at, t.recent[:0], t.cursor.keep)
	t.recent = recent
	switch {
	case !ok: // too old for the ring
		t.said = false
		records, err := t.cursor.chunk(ctx, t.size)
		t.size = min(2*t.size, maxChunk)
		return records, err
	case wait == nil:
		t.cursor.at, t.said = at, false
		return recent, nil
	case !t.said:
		return nil, nil
	}
	select {
	case <-wait:
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-t.log.closing:
		return nil, event.ErrClosed
	}
}
