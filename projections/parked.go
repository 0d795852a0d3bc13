package projections

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/readmodels"
)

// maxListed bounds what Parked lists.
const maxListed = 1000

// maxReason bounds the stored reason, in bytes.
const maxReason = 1000

// ErrNotParked says that no event of that id is parked.
var ErrNotParked = errors.New("projections: no such parked event")

// Parked is an event that is not in the tables.
type Parked struct {
	ID       string // of the parked entry: its position
	EventID  string
	Stream   string
	Type     string
	Position uint64
	Root     string // "" where its data cannot be read
	Reason   string
	Behind   bool // nothing is wrong with it: it waits for an earlier one
	At       time.Time
}

const insertParked = `INSERT INTO parked (position, id, event_id, stream, type, root, reason, behind, at)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`

func (g *generation) park(ctx context.Context, b readmodels.Batch, i *item, root, reason string, behind bool) error {
	flag := 0
	if behind {
		flag = 1
	}
	g.held.add(i.event.Stream, root)
	return b.Exec(ctx, insertParked, i.position, fmt.Sprint(i.position), i.event.ID.String(), i.event.Stream,
		i.event.Type, root, cut(reason), flag, g.now().UnixMilli())
}

// cut bounds a reason, at a rune's end.
func cut(reason string) string {
	for i := range reason {
		if i > maxReason {
			return reason[:i]
		}
	}
	return reason
}

// Parked lists the events that the live tables miss, oldest first, at most
// 1000. Errors: readmodels.ErrNoGeneration, the engine's.
func (r *Runner) Parked(ctx context.Context) ([]Parked, error) {
	return ParkedIn(ctx, r.cfg.Generations)
}

// ParkedIn is Parked for whoever has no Runner.
func ParkedIn(ctx context.Context, g readmodels.Generations) ([]Parked, error) {
	var all []Parked
	err := g.ReadLive(ctx, func(r readmodels.Reader) error {
		all = nil
		return each(ctx, r, `SELECT id, event_id, stream, type, position, root, reason, behind, at FROM parked ORDER BY position LIMIT ?`,
			func(scan func(...any) error) error {
				var p Parked
				var behind, at int64
				err := scan(&p.ID, &p.EventID, &p.Stream, &p.Type, &p.Position, &p.Root, &p.Reason, &behind, &at)
				p.Behind, p.At = behind != 0, time.UnixMilli(at).UTC()
				all = append(all, p)
				return err
			}, maxListed)
	})
	return all, err
}

// Replay applies a parked event and everything that is connected with it by
// root or stream, in the order of the log. Where one fails again, it stays
// parked with what is behind it, and the error is a ReplayError.
// Errors: ErrNotParked, ErrNotReady, *ReplayError, the engine's.
func (r *Runner) Replay(ctx context.Context, id string) error { return r.unpark(ctx, id, false) }

// Drop forgets a parked event, for ever in this generation, and replays what
// was held back behind it. A rebuild meets the event again.
// Errors: those of Replay.
func (r *Runner) Drop(ctx context.Context, id string) error { return r.unpark(ctx, id, true) }

// ReplayError says which event failed again, and why.
type ReplayError struct {
	ID     string // of the parked entry
	Reason string
}

// Error names the entry and the reason.
func (e *ReplayError) Error() string { return "parked event " + e.ID + " fails again: " + e.Reason }

func (r *Runner) unpark(ctx context.Context, id string, drop bool) error {
	return r.inTurn(ctx, func() error {
		if err := r.leading(); err != nil {
			return err
		}
		g := r.current
		first, connected, err := g.connected(ctx, id)
		if err != nil {
			return err
		}
		for _, position := range connected {
			if drop && position == first {
				err = g.batch(ctx, func(b readmodels.Batch) error {
					return b.Exec(ctx, `DELETE FROM parked WHERE position = ?`, position)
				})
			} else {
				err = r.replay(ctx, g, position)
			}
			if err != nil {
				break
			}
		}
		return errors.Join(err, g.loadHeld(context.WithoutCancel(ctx)))
	})
}

// connected are the position of the entry id and, rising, those of all parked
// events that share a root or a stream with it or with each other.
func (g *generation) connected(ctx context.Context, id string) (first uint64, all []uint64, err error) {
	keys := map[string]bool{}
	err = each(ctx, g.db, `SELECT position, stream, root FROM parked WHERE id = ?`, func(scan func(...any) error) error {
		var stream, root string
		err := scan(&first, &stream, &root)
		for _, k := range keysOf(stream, root) {
			keys[k] = true
		}
		return err
	}, id)
	if err != nil {
		return 0, nil, err
	}
	if len(keys) == 0 {
		return 0, nil, ErrNotParked
	}
	for known := 0; known < len(keys); { // again, until nothing new is connected
		known = len(keys)
		all = all[:0]
		err = each(ctx, g.db, `SELECT position, stream, root FROM parked ORDER BY position`, func(scan func(...any) error) error {
			var position uint64
			var stream, root string
			err := scan(&position, &stream, &root)
			mine := false
			for _, k := range keysOf(stream, root) {
				mine = mine || keys[k]
			}
			if !mine {
				return err
			}
			for _, k := range keysOf(stream, root) {
				keys[k] = true
			}
			all = append(all, position)
			return err
		})
		if err != nil {
			return 0, nil, err
		}
	}
	return first, all, nil
}

// replay applies the parked event at position, and takes it off the table.
func (r *Runner) replay(ctx context.Context, g *generation, position uint64) error {
	i, err := r.fetch(ctx, position)
	if err != nil {
		return err
	}
	err = i.poison
	if err == nil {
		err = blame(g.batch(ctx, func(b readmodels.Batch) error {
			if err := i.handle(ctx, b); err != nil {
				return err
			}
			return b.Exec(ctx, `DELETE FROM parked WHERE position = ?`, position)
		}))
		if mine := (*eventError)(nil); !errors.As(err, &mine) {
			return err
		}
	}
	reason := cut(err.Error())
	return errors.Join(&ReplayError{fmt.Sprint(position), reason}, g.batch(ctx, func(b readmodels.Batch) error {
		return b.Exec(ctx, `UPDATE parked SET reason = ?, behind = 0 WHERE position = ?`, reason, position)
	}))
}

// fetch reads one event of the log again.
func (r *Runner) fetch(ctx context.Context, position uint64) (item, error) {
	for rec, err := range r.cfg.Store.All(ctx, position-1, event.Filter{}) {
		if err != nil {
			return item{}, err
		}
		if rec.Position == position {
			return r.prepare(ctx, rec)
		}
		break
	}
	return item{}, fmt.Errorf("projections: the log holds no event at position %d", position)
}
