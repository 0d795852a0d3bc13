package transfer

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/ops"
	"github.com/parleyhq/parley/infra/eventstore"
)

// tombstoneType is the type of the event that ends an outside stream for good.
const tombstoneType = "$streamDeleted"

// tombstoner is a store whose server writes tombstones itself.
type tombstoner interface {
	Tombstone(ctx context.Context, stream string, expected event.Expected) error
}

// compare goes through what the target holds: the beginning of the source, and
// after all of it the epoch of an earlier copy at most.
func (c *copying) compare(ctx context.Context) error {
	next, stop := iter.Pull2(c.Source.All(ctx, 0, event.Filter{}))
	defer stop()
	for there, err := range c.Target.All(ctx, 0, event.Filter{}) {
		if err != nil {
			return err
		}
		if own(there) {
			continue
		}
		here, more, err := c.following(next)
		switch {
		case err != nil:
			return err
		case !more:
			if err := c.copied(there); err != nil {
				return err
			}
		case here.ID != there.ID || here.Stream != there.Stream || here.Revision != there.Revision:
			return fmt.Errorf("%w: where the source has %s, the target has %s", ErrForeign, name(here), name(there))
		default:
			c.from = here.Position
		}
		c.result.Resumed++
		c.result.Events++
		c.told("compared", c.from)
	}
	return nil
}

// copied takes the first event beyond the source.
func (c *copying) copied(there event.Record) error {
	if there.Stream != ops.EpochStream || there.Revision != c.epochs || c.result.Position != 0 {
		return fmt.Errorf("%w: it has %s", ErrWentOn, name(there))
	}
	c.result.Epoch, c.result.Position = there.ID, there.Position
	return nil
}

// following is the source's next event that a target shows.
func (c *copying) following(next func() (event.Record, error, bool)) (event.Record, bool, error) {
	for {
		r, err, ok := next()
		if err != nil || !ok {
			return event.Record{}, false, err
		}
		if !own(r) {
			return r, true, nil
		}
	}
}

// name names an event for people.
func name(r event.Record) string {
	return fmt.Sprintf("event %d of stream %s (%s)", r.Revision, r.Stream, r.ID)
}

// told tells progress in positions of the source.
func (c *copying) told(part string, position uint64) { c.Progress(part, int(position), int(c.head)) }

// events copies what the target has not, one append after another: the order
// of the log is the order in which things happened. Neighbours of one stream go
// together.
func (c *copying) events(ctx context.Context) error {
	for r, err := range c.Source.All(ctx, c.from, event.Filter{}) {
		if err != nil {
			return err
		}
		size := len(r.Data) + len(r.Metadata)
		if r.Stream != c.stream || len(c.batch) == maxEvents || c.bytes+size > maxBytes || r.Type == tombstoneType {
			if err := c.flush(ctx); err != nil {
				return err
			}
		}
		if r.Type == tombstoneType {
			if err := c.bury(ctx, r); err != nil {
				return err
			}
			continue
		}
		if len(c.batch) == 0 {
			c.stream, c.expected = r.Stream, event.Expected(r.Revision)-1
		}
		c.batch = append(c.batch, event.Event{ID: r.ID, Type: r.Type, Time: r.Time, ContentType: r.ContentType, Data: r.Data, Metadata: r.Metadata})
		c.bytes += size
		c.from = r.Position
		if !own(r) {
			c.result.Events++
		}
	}
	if err := c.flush(ctx); err != nil {
		return err
	}
	c.told("copied", c.head)
	return nil
}

// flush appends what was gathered.
func (c *copying) flush(ctx context.Context) error {
	if len(c.batch) == 0 {
		return nil
	}
	_, err := c.Target.Append(ctx, c.stream, c.expected, c.batch)
	var wrong *event.WrongRevision
	if errors.As(err, &wrong) {
		return fmt.Errorf("%w: %w", ErrForeign, err)
	}
	if own(event.Record{Stream: c.stream, Type: c.batch[0].Type}) && errors.Is(err, eventstore.ErrDeleted) {
		err = nil // it was copied before: the tombstone that stands there came after it
	}
	if err != nil {
		return err
	}
	clear(c.batch)
	c.batch, c.bytes = c.batch[:0], 0
	c.told("copied", c.from)
	return nil
}

// bury ends a stream as it was ended in the source. What the server writes for
// it has an id and a time of its own.
func (c *copying) bury(ctx context.Context, r event.Record) error {
	expected := event.Expected(r.Revision) - 1
	var err error
	if target, ok := c.Target.(tombstoner); ok {
		err = target.Tombstone(ctx, r.Stream, expected)
	} else {
		_, err = c.Target.Append(ctx, r.Stream, expected, []event.Event{{
			ID: r.ID, Type: r.Type, Time: r.Time, ContentType: r.ContentType, Data: r.Data, Metadata: r.Metadata,
		}})
	}
	var wrong *event.WrongRevision
	if errors.As(err, &wrong) {
		return fmt.Errorf("%w: %w", ErrForeign, err)
	}
	c.from = r.Position
	return err
}
