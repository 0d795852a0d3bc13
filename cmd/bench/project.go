package bench

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/keyring"
	"github.com/parleyhq/parley/infra/pebble"
	"github.com/parleyhq/parley/infra/sqlite"
	"github.com/parleyhq/parley/projections/projectionbench"
)

// authors is how many people wrote what is projected; each has a key.
const authors = 1000

// pile is a log full of events.
type pile struct {
	dir     string
	store   event.Store
	codec   *event.Codec
	authors []uuid.UUID
	events  int
	closers []func() error
}

func (p Plan) pile(ctx context.Context) (_ *pile, err error) {
	dir, drop, err := p.folder()
	if err != nil {
		return nil, err
	}
	l := &pile{dir: dir, events: p.Events, closers: []func() error{drop}}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	ring, err := keyring.Open(filepath.Join(dir, "keys.db"), make([]byte, keyring.KeySize))
	if err != nil {
		return nil, err
	}
	l.closers = append(l.closers, ring.Close)
	log, err := pebble.Open(filepath.Join(dir, "log"), pebble.Options{})
	if err != nil {
		return nil, err
	}
	l.closers = append(l.closers, log.Close)
	catalogue, err := event.NewCatalogue(projectionbench.Definitions())
	if err != nil {
		return nil, err
	}
	l.store, l.codec = log, event.NewCodec(catalogue, ring)
	for range min(authors, p.Events) {
		author := uuid.New()
		if err := ring.EnsureAccount(ctx, author); err != nil {
			return nil, err
		}
		l.authors = append(l.authors, author)
	}
	return l, projectionbench.Fill(ctx, l.store, l.codec, l.authors, p.Events)
}

func (l *pile) close() error {
	var errs []error
	for i := len(l.closers) - 1; i >= 0; i-- {
		errs = append(errs, l.closers[i]())
	}
	return errors.Join(errs...)
}

// projector folds the whole log, however long that takes.
func (p Plan) projector() Pair {
	return Pair{
		What: "projector, relational", Unit: "events/s", Floor: "bare upserts of the same rows, batched alike", Aim: "≥ 0.7",
		Open: p.projecting(project, func(ctx context.Context, l *pile, dir string) (perSecond float64, err error) {
			g, err := sqlite.OpenGenerations(dir)
			if err != nil {
				return 0, err
			}
			defer func() { err = errors.Join(err, g.Close()) }()
			db, err := g.Create(ctx, "floor", nil)
			if err != nil {
				return 0, err
			}
			return projectionbench.Floor(ctx, db, l.authors, l.events, projectionbench.BatchSize)
		}),
	}
}

// singly is the same beside one durable transaction an event.
func (p Plan) singly() Pair {
	return Pair{
		What: "projector, relational (batching)", Unit: "events/s", Floor: "bare upserts, one durable transaction an event", Aim: "≥ 15",
		Open: p.projecting(project, func(ctx context.Context, l *pile, dir string) (perSecond float64, err error) {
			db, err := sqlite.OpenState(ctx, filepath.Join(dir, "floor.db"))
			if err != nil {
				return 0, err
			}
			defer func() { err = errors.Join(err, db.Close()) }()
			return projectionbench.Floor(ctx, db, l.authors, max(1, l.events/20), 1)
		}),
	}
}

// projecting gives both sides one log, and each turn a new folder.
func (p Plan) projecting(ours, floor func(ctx context.Context, l *pile, dir string) (float64, error)) func(context.Context) (Sides, error) {
	return func(ctx context.Context) (Sides, error) {
		l, err := p.pile(ctx)
		if err != nil {
			return Sides{}, err
		}
		in := func(measure func(context.Context, *pile, string) (float64, error)) Turn {
			return func(ctx context.Context, _ time.Duration) (perSecond float64, err error) {
				dir, drop, err := p.folder()
				if err != nil {
					return 0, err
				}
				defer func() { err = errors.Join(err, drop()) }()
				return measure(ctx, l, dir)
			}
		}
		return Sides{Parley: in(ours), Base: in(floor), Close: l.close}, nil
	}
}

func project(ctx context.Context, l *pile, dir string) (perSecond float64, err error) {
	g, err := sqlite.OpenGenerations(dir)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, g.Close()) }()
	return projectionbench.Project(ctx, l.store, l.codec, g, l.events)
}
