package pebble

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"github.com/parleyhq/parley/domain/event"
)

// Reads go in chunks and hold nothing of the engine while the caller looks at
// one, so a slow caller costs nobody memory. The first chunk is small for those
// who want one record, the next ones grow.
const (
	firstChunk = 16
	maxChunk   = 512
	chunkBytes = 1 << 20
)

// Stream implements event.Store.
func (l *Log) Stream(ctx context.Context, stream string, from uint64, dir event.Direction) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		c := streamCursor{log: l, name: stream, at: from, dir: dir}
		for size := firstChunk; ; size = min(2*size, maxChunk) {
			records, err := c.chunk(ctx, size)
			if !hand(ctx, records, err, yield) || c.done {
				return
			}
		}
	}
}

// streamCursor is a read of one stream, at the revision that comes next.
type streamCursor struct {
	log    *Log
	name   string
	number uint64
	at     uint64
	dir    event.Direction
	done   bool
}

// chunk reads up to size records and says in done whether they were the last.
func (c *streamCursor) chunk(ctx context.Context, size int) ([]event.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := c.log.use(); err != nil {
		return nil, err
	}
	defer c.log.reading.RUnlock()
	// The head first: what is newer may not be durable.
	head := c.log.head.Load()
	if c.number == 0 {
		var err error
		if c.number, err = numberOf(c.log.db, c.name); err != nil || c.number == 0 {
			c.done = true
			return nil, err
		}
	}
	lower, upper := revisionBounds(c.number)
	places, err := c.log.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, readError(err)
	}
	values := &recordReader{db: c.log.db}
	records, err := c.fill(places, values, head, size)
	return records, readError(errors.Join(err, places.Close(), values.Close()))
}

func (c *streamCursor) fill(places *pebble.Iterator, values *recordReader, head uint64, size int) (records []event.Record, err error) {
	bytes := 0
	for ok := c.seek(places); ; ok = c.advance(places) {
		if !ok {
			c.done = true
			return records, places.Error()
		}
		_, revision, okKey := revisionOf(places.Key())
		position, n := ordered(places.Value())
		if !okKey || n == 0 {
			return records, fmt.Errorf("%w: stream %s at key %x", event.ErrCorrupt, c.name, places.Key())
		}
		if position > head {
			if c.dir == event.Backward {
				continue
			}
			c.done = true
			return records, nil
		}
		r, err := values.at(position)
		if err != nil {
			return records, err
		}
		if r.Stream != c.name || r.Revision != revision || !c.follows(records, revision) {
			return records, corrupt(position)
		}
		records = append(records, r)
		bytes += len(r.Data) + len(r.Metadata)
		if c.dir == event.Backward && revision == 0 {
			c.done = true
			return records, nil
		}
		if len(records) == size || bytes >= chunkBytes {
			c.at = c.after(revision)
			return records, nil
		}
	}
}

func (c *streamCursor) after(revision uint64) uint64 {
	if c.dir == event.Backward {
		return revision - 1
	}
	return revision + 1
}

// follows says whether the revision is the next one: nothing deletes events, so
// a hole is damage.
func (c *streamCursor) follows(records []event.Record, revision uint64) bool {
	if len(records) == 0 {
		return c.dir == event.Backward || revision == c.at
	}
	return c.after(records[len(records)-1].Revision) == revision
}

func (c *streamCursor) seek(it *pebble.Iterator) bool {
	switch {
	case c.dir == event.Forward:
		return it.SeekGE(revisionKey(nil, c.number, c.at))
	case c.at == event.End:
		return it.Last()
	}
	return it.SeekLT(revisionKey(nil, c.number, c.at+1))
}

func (c *streamCursor) advance(it *pebble.Iterator) bool {
	if c.dir == event.Backward {
		return it.Prev()
	}
	return it.Next()
}

// recordReader reads records by position. A few are looked up, for which the
// engine's filters help; for more an iterator is worth its set-up.
type recordReader struct {
	db   *pebble.DB
	it   *pebble.Iterator
	done int
}

const lookups = 8

func (v *recordReader) at(position uint64) (event.Record, error) {
	if v.done++; v.done <= lookups {
		value, closer, err := v.db.Get(recordKey(nil, position))
		if errors.Is(err, pebble.ErrNotFound) {
			return event.Record{}, corrupt(position)
		}
		if err != nil {
			return event.Record{}, err
		}
		r, err := recordOf(value, position)
		return r, errors.Join(err, closer.Close())
	}
	if v.it == nil {
		var err error
		if v.it, err = v.db.NewIter(&pebble.IterOptions{LowerBound: []byte{prefixRecord}, UpperBound: []byte{prefixRecord + 1}}); err != nil {
			return event.Record{}, err
		}
	}
	if !v.it.SeekGE(recordKey(nil, position)) {
		if err := v.it.Error(); err != nil {
			return event.Record{}, err
		}
		return event.Record{}, corrupt(position)
	}
	if at, ok := positionOf(v.it.Key()); !ok || at != position {
		return event.Record{}, corrupt(position)
	}
	return recordOf(v.it.Value(), position)
}

func (v *recordReader) Close() error {
	if v.it == nil {
		return nil
	}
	return v.it.Close()
}

// recordOf copies a value and makes a record of it.
func recordOf(value []byte, position uint64) (event.Record, error) {
	p, ok := parse(append([]byte(nil), value...), position)
	if !ok {
		return event.Record{}, corrupt(position)
	}
	return p.record(position), nil
}

// hand gives a chunk to the caller, and at its end the error if there is one.
// It says whether to go on.
func hand(ctx context.Context, records []event.Record, err error, yield func(event.Record, error) bool) bool {
	for _, r := range records {
		if ended := ctx.Err(); ended != nil {
			err = ended
			break
		}
		if !yield(r, nil) {
			return false
		}
	}
	if err != nil {
		yield(event.Record{}, err)
		return false
	}
	return true
}

// All implements event.Store.
func (l *Log) All(ctx context.Context, after uint64, filter event.Filter) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		c := logCursor{log: l, at: after, keep: keeps(filter)}
		for size := firstChunk; ; size = min(2*size, maxChunk) {
			records, err := c.chunk(ctx, size)
			if !hand(ctx, records, err, yield) || c.done {
				return
			}
		}
	}
}

// logCursor is a read of the whole log, after position at.
type logCursor struct {
	log  *Log
	at   uint64
	keep keeper
	done bool // at is the head
}

// scanBytes bounds what a chunk looks at when the filter keeps little.
const scanBytes = 16 << 20

// chunk reads up to size records that the filter keeps.
func (c *logCursor) chunk(ctx context.Context, size int) ([]event.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := c.log.use(); err != nil {
		return nil, err
	}
	defer c.log.reading.RUnlock()
	head := c.log.head.Load()
	if c.at >= head {
		c.done = true
		return nil, nil
	}
	it, err := c.log.db.NewIter(&pebble.IterOptions{LowerBound: recordKey(nil, c.at+1), UpperBound: recordKey(nil, head+1)})
	if err != nil {
		return nil, readError(err)
	}
	records, err := c.fill(it, head, size)
	return records, readError(errors.Join(err, it.Close()))
}

func (c *logCursor) fill(it *pebble.Iterator, head uint64, size int) (records []event.Record, err error) {
	kept, seen := 0, 0
	for ok := it.First(); ok; ok = it.Next() {
		position, ok := positionOf(it.Key())
		// Nothing deletes records, so a hole is damage.
		if !ok || position != c.at+1 {
			return records, corrupt(c.at + 1)
		}
		p, ok := parse(it.Value(), position)
		if !ok {
			return records, corrupt(position)
		}
		c.at = position
		seen += len(it.Value())
		if c.keep.match(p.stream, p.typ) {
			p, _ = parse(append([]byte(nil), it.Value()...), position)
			records = append(records, p.record(position))
			kept += len(it.Value())
		}
		if len(records) == size || kept >= chunkBytes || seen >= scanBytes {
			return records, nil
		}
	}
	if err := it.Error(); err != nil {
		return records, err
	}
	if c.at != head {
		return records, corrupt(c.at + 1)
	}
	return records, nil
}
