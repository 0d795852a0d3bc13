package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/readmodels"
)

// checkpointEvery bounds how many positions may be passed over, with nothing
// to write, before the checkpoint is written all the same.
const checkpointEvery = 10_000

// runnerSchema is what every generation holds beside the projector's tables.
var runnerSchema = []string{
	`CREATE TABLE IF NOT EXISTS checkpoint (name text PRIMARY KEY, position bigint NOT NULL)`,
	`CREATE TABLE IF NOT EXISTS parked (
		position bigint PRIMARY KEY, id text NOT NULL, event_id text NOT NULL, stream text NOT NULL, type text NOT NULL,
		root text NOT NULL, reason text NOT NULL, behind bigint NOT NULL, at bigint NOT NULL)`,
	`CREATE UNIQUE INDEX IF NOT EXISTS parked_id ON parked (id)`,
}

// generation is one set of tables as the runner writes it.
type generation struct {
	name    string
	db      readmodels.DB
	now     func() time.Time
	written uint64 // the checkpoint as stored
	seen    uint64 // how far the log was folded; what lies between changes no row
	held    held

	fence    Fence                                                                // of the term in which it is written
	announce func(ctx context.Context, b readmodels.Batch, position uint64) error // nil: to nobody
	live     bool                                                                 // it answers queries, so it is announced
}

// item is a record on its way into the tables.
type item struct {
	event    event.Decoded
	handlers []Handler // none: passed over
	poison   error     // why it cannot be applied, where that is known
	caughtUp bool      // no record: the tail has reached the head
	position uint64
}

// eventError is what an event, not the engine, is to blame for.
type eventError struct{ err error }

func (e *eventError) Error() string { return e.err.Error() }
func (e *eventError) Unwrap() error { return e.err }

// blame marks an error as the event's, unless the engine or the keyring
// failed, another one leads (a fence too may fail as late as the commit), or
// the context ended.
func blame(err error) error {
	for _, other := range []error{errLeading, ErrDeposed, readmodels.ErrUnavailable, event.ErrKeysUnavailable, context.Canceled, context.DeadlineExceeded} {
		if err == nil || errors.Is(err, other) {
			return err
		}
	}
	return &eventError{err}
}

// errLeading marks what went wrong with leading: no event is to blame.
var errLeading = errors.New("projections: the leader cannot write")

// batch is one transaction of the leader.
func (g *generation) batch(ctx context.Context, f func(readmodels.Batch) error) error {
	return g.db.Batch(ctx, func(b readmodels.Batch) error {
		if err := g.check(ctx, b); err != nil {
			return err
		}
		return f(b)
	})
}

func (g *generation) check(ctx context.Context, b readmodels.Batch) error {
	if err := g.fence.Check(ctx, b); err != nil {
		return fmt.Errorf("%w: %w", errLeading, err)
	}
	return nil
}

// tell announces position with the commit of b.
func (g *generation) tell(ctx context.Context, b readmodels.Batch, position uint64) error {
	if g.announce == nil {
		return nil
	}
	if err := g.announce(ctx, b, position); err != nil {
		return fmt.Errorf("%w: announce: %w", errLeading, err)
	}
	return nil
}

// swap makes g answer queries, and tells others how far it is.
func (g *generation) swap(ctx context.Context, all readmodels.Generations) error {
	err := all.Swap(ctx, g.name, func(ctx context.Context, b readmodels.Batch) error {
		if err := g.check(ctx, b); err != nil {
			return err
		}
		return g.tell(ctx, b, g.seen)
	})
	g.live = g.live || err == nil
	return err
}

// answer tells others how far g is, which answers queries already.
func (g *generation) answer(ctx context.Context) error {
	g.live = true
	if g.announce == nil {
		return nil
	}
	return g.batch(ctx, func(b readmodels.Batch) error { return g.tell(ctx, b, g.seen) })
}

// load reads the checkpoint and what is parked.
func (g *generation) load(ctx context.Context) error {
	g.written = 0
	err := each(ctx, g.db, `SELECT position FROM checkpoint WHERE name = 'log'`, func(scan func(...any) error) error {
		return scan(&g.written)
	})
	if err != nil {
		return fmt.Errorf("checkpoint of %s: %w", g.name, err)
	}
	g.seen = g.written
	return g.loadHeld(ctx)
}

// loadHeld reads behind what events are held back.
func (g *generation) loadHeld(ctx context.Context) error {
	g.held = held{}
	err := each(ctx, g.db, `SELECT DISTINCT stream, root FROM parked`, func(scan func(...any) error) error {
		var stream, root string
		err := scan(&stream, &root)
		g.held.add(stream, root)
		return err
	})
	if err != nil {
		return fmt.Errorf("parked events of %s: %w", g.name, err)
	}
	return nil
}

// apply folds items into the tables, up to position. An event that cannot be
// applied is parked. Errors are the engine's or the context's, and then load
// tells how far it came.
func (g *generation) apply(ctx context.Context, items []item, position uint64) error {
	items = slices.DeleteFunc(items, func(i item) bool { return i.position <= g.seen }) // delivered before
	position = max(position, g.seen)
	if len(items) == 0 && position-g.written < g.patience() {
		g.seen = position
		return nil
	}
	err := g.commit(ctx, items, position)
	if mine := (*eventError)(nil); !errors.As(err, &mine) {
		return err
	}
	for i := range items { // one by one, to find the one that fails
		one := items[i : i+1]
		err := g.commit(ctx, one, one[0].position)
		if mine := (*eventError)(nil); errors.As(err, &mine) {
			one[0].poison = mine.err
			err = g.commit(ctx, one, one[0].position)
		}
		if err != nil {
			return err
		}
	}
	if position-g.written >= g.patience() {
		return g.commit(ctx, nil, position)
	}
	g.seen = position
	return nil
}

// patience is how many positions may be passed over before that is written.
// Where others wait they hear of each: what they wait for may be one of them.
func (g *generation) patience() uint64 {
	if g.live && g.announce != nil {
		return 1
	}
	return checkpointEvery
}

// commit writes items and the checkpoint in one transaction.
func (g *generation) commit(ctx context.Context, items []item, position uint64) error {
	g.held.begin()
	err := g.batch(ctx, func(b readmodels.Batch) error {
		for i := range items {
			if err := g.step(ctx, b, &items[i]); err != nil {
				return err
			}
		}
		err := b.Exec(ctx, `INSERT INTO checkpoint (name, position) VALUES ('log', ?)
			ON CONFLICT (name) DO UPDATE SET position = excluded.position`, position)
		if err != nil || !g.live {
			return err
		}
		return g.tell(ctx, b, position)
	})
	if err != nil {
		g.held.rollback()
		// An engine may report a statement's error as late as the commit.
		if len(items) > 0 && items[0].poison == nil || len(items) > 1 {
			return blame(err)
		}
		return err
	}
	g.written, g.seen = position, position
	return nil
}

func (g *generation) step(ctx context.Context, b readmodels.Batch, i *item) error {
	root := ""
	if i.poison == nil || i.event.Payload != nil {
		root = i.event.Root()
	}
	if behind := g.held.has(i.event.Stream, root); behind {
		return g.park(ctx, b, i, root, "held back behind an earlier event of its root", true)
	}
	if i.poison != nil {
		return g.park(ctx, b, i, root, i.poison.Error(), false)
	}
	return i.handle(ctx, b)
}

// handle runs the handlers; a panic of theirs is the event's fault, for it
// would come back at every start.
func (i *item) handle(ctx context.Context, b readmodels.Batch) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	for _, h := range i.handlers {
		if err := h(ctx, b, i.event); err != nil {
			return err
		}
	}
	return nil
}

// each calls f for every row.
func each(ctx context.Context, r readmodels.Reader, query string, f func(scan func(...any) error) error, args ...any) error {
	rows, err := r.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}
