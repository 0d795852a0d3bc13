package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/readmodels"
)

// Config is what a Runner needs. Zero values of the settings mean the
// defaults given.
type Config struct {
	Projector   Projector
	Store       event.Store
	Codec       *event.Codec
	Generations readmodels.Generations
	Epoch       func(context.Context) (uuid.UUID, error) // of the log; asked when Run starts

	BatchSize int              // events a transaction at most; 1000
	BatchWait time.Duration    // how long a batch waits to be filled while the log does not say that it is read; 2 ms
	RetryMin  time.Duration    // first pause after the engine failed, doubled up to RetryMax; 100 ms
	RetryMax  time.Duration    // 10 s
	Now       func() time.Time // for parked events; time.Now
	Log       *slog.Logger     // nothing
}

func (c *Config) fill() {
	if c.BatchSize <= 0 {
		c.BatchSize = 1000
	}
	if c.BatchWait <= 0 {
		c.BatchWait = 2 * time.Millisecond
	}
	if c.RetryMin <= 0 {
		c.RetryMin = 100 * time.Millisecond
	}
	if c.RetryMax <= 0 {
		c.RetryMax = 10 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// Runner keeps one projector's tables up with the log. Its methods may be
// called from any goroutine; Run once, by one.
type Runner struct {
	cfg       Config
	catalogue *event.Catalogue
	routes    map[string][]Handler // by wire name, old versions too
	schema    []string

	turn    chan struct{} // held by whoever writes into or replaces current
	current *generation   // what Run folds into; nil before Run opened it
	live    atomic.Bool   // current answers queries
	ready   atomic.Bool
	visible waiters

	rebuild sync.Mutex // one Rebuild at a time
	build   progress
}

var goodName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

// NewRunner checks the projector against the codec's catalogue. It starts
// nothing.
func NewRunner(cfg Config) (*Runner, error) {
	cfg.fill()
	if !goodName.MatchString(cfg.Projector.Name) {
		return nil, fmt.Errorf("projections: %q is no name for a projector", cfg.Projector.Name)
	}
	r := &Runner{cfg: cfg, catalogue: cfg.Codec.Catalogue(), turn: make(chan struct{}, 1)}
	var err error
	if r.routes, err = cfg.Projector.resolve(r.catalogue); err != nil {
		return nil, err
	}
	r.schema = slices.Concat(runnerSchema, cfg.Projector.Schema)
	return r, nil
}

// Run follows the log until ctx ends, and then returns nil. Where the live
// generation is of another schema, version or epoch, it builds one beside it
// and swaps when that has caught up. When the engine fails, it tries again
// for ever, with pauses.
// Errors: an unknown type of our own (event.ErrUnknownType), a corrupt or
// closed log, a schema that the engine refuses, ErrAhead.
func (r *Runner) Run(ctx context.Context) error {
	defer r.ready.Store(false)
	err := r.retry(ctx, func() (bool, error) { return false, r.start(ctx) })
	if err == nil {
		err = r.retry(ctx, func() (bool, error) { return r.follow(ctx) })
	}
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("projector %s: %w", r.cfg.Projector.Name, err)
}

// retry calls f until it succeeds, the error is final or ctx ends. f says
// whether it got anywhere, which makes the pause short again.
func (r *Runner) retry(ctx context.Context, f func() (bool, error)) error {
	pause := r.cfg.RetryMin
	for {
		moved, err := f()
		if err == nil || ctx.Err() != nil || final(err) {
			return err
		}
		if moved {
			pause = r.cfg.RetryMin
		}
		r.cfg.Log.Warn("projector tries again", "projector", r.cfg.Projector.Name, "pause", pause, "error", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
		pause = min(2*pause, r.cfg.RetryMax)
	}
}

// ErrAhead says that the tables have seen events of this epoch which the log
// does not hold: it lost its end. It is final, as what follows would be given
// positions that stood for other events.
var ErrAhead = errors.New("projections: the log lost its end")

// errSchema is final: the same statements will fail again.
var errSchema = errors.New("the engine refuses the schema")

func final(err error) bool {
	for _, stop := range []error{event.ErrUnknownType, event.ErrCorrupt, event.ErrClosed, errSchema, ErrAhead} {
		if errors.Is(err, stop) {
			return true
		}
	}
	return false
}

// start opens the generation to go on with: the live one, or else the one to
// be built, which an earlier process may have begun.
func (r *Runner) start(ctx context.Context) error {
	epoch, err := r.cfg.Epoch(ctx)
	if err != nil {
		return fmt.Errorf("epoch of the log: %w", err)
	}
	name := r.cfg.Projector.Family(r.catalogue, epoch)
	_, liveName, release, err := r.cfg.Generations.Live(ctx)
	switch {
	case err == nil:
		release()
	case !errors.Is(err, readmodels.ErrNoGeneration):
		return err
	}
	live := err == nil && (liveName == name || strings.HasPrefix(liveName, name+"_"))
	if live {
		name = liveName
	}
	g, err := r.create(ctx, name)
	if err != nil {
		return err
	}
	if err := g.load(ctx); err != nil {
		return err
	}
	head, err := r.cfg.Store.Head(ctx)
	if err != nil {
		return err
	}
	if g.seen > head {
		return fmt.Errorf("%w: the log ends at position %d, the tables have seen %d", ErrAhead, head, g.seen)
	}
	return r.inTurn(ctx, func() error {
		r.current = g
		r.live.Store(live)
		if live {
			r.visible.reach(g.seen)
		} else {
			r.cfg.Log.Info("projector builds a generation", "projector", r.cfg.Projector.Name, "generation", name, "from", g.seen)
		}
		return nil
	})
}

func (r *Runner) create(ctx context.Context, name string) (*generation, error) {
	db, err := r.cfg.Generations.Create(ctx, name, r.schema)
	if mine := (*eventError)(nil); errors.As(blame(err), &mine) {
		return nil, fmt.Errorf("%w: %w", errSchema, err)
	}
	if err != nil {
		return nil, err
	}
	return &generation{name: name, db: db, now: r.cfg.Now}, nil
}

// inTurn runs f alone among those who touch current.
func (r *Runner) inTurn(ctx context.Context, f func() error) error {
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-r.turn }()
	return f()
}

// follow folds the log into current from its checkpoint until something
// fails; moved says that it came further.
func (r *Runner) follow(ctx context.Context) (moved bool, err error) {
	var from uint64
	err = r.inTurn(ctx, func() error {
		err := r.current.load(ctx)
		from = r.current.seen
		return err
	})
	if err != nil {
		return false, err
	}
	if !r.live.Load() {
		defer r.build.end()
	}
	s := r.open(ctx, from)
	defer s.close()
	for {
		b, err := s.next(ctx, r.cfg.BatchWait)
		if err != nil {
			return moved, err
		}
		if err := r.inTurn(ctx, func() error { return r.advance(ctx, b) }); err != nil {
			return moved, err
		}
		s.release(b)
		moved = true
	}
}

// advance applies a batch to current and makes it known.
func (r *Runner) advance(ctx context.Context, b batch) error {
	if err := r.current.apply(ctx, b.items, b.position); err != nil {
		return err
	}
	if !r.live.Load() {
		if !b.caughtUp {
			return r.build.tell(ctx, r.cfg.Store, r.current.seen, nil)
		}
		if err := r.cfg.Generations.Swap(ctx, r.current.name, nil); err != nil {
			return err
		}
		r.live.Store(true)
		r.build.end()
		r.cfg.Log.Info("projector swapped", "projector", r.cfg.Projector.Name, "generation", r.current.name, "position", r.current.seen)
	}
	if b.caughtUp {
		r.ready.Store(true) // before anybody is woken
	}
	r.visible.reach(r.current.seen)
	return nil
}

// Wait returns once the log up to position is in the tables that answer
// queries; parked events count as being there. It ends early with ctx.
// Errors: the context's, ErrTooManyWaiters.
func (r *Runner) Wait(ctx context.Context, position uint64) error {
	return r.visible.wait(ctx, position)
}

// Position is how far the tables that answer queries have come.
func (r *Runner) Position() uint64 { return r.visible.position() }

// Lag is how many positions the tables are behind the log's head.
func (r *Runner) Lag(ctx context.Context) (uint64, error) {
	at := r.Position() // before the head: else the lag could be below zero
	head, err := r.cfg.Store.Head(ctx)
	if err != nil || head < at {
		return 0, err
	}
	return head - at, nil
}

// Ready says whether Run has caught up with the log since it started.
func (r *Runner) Ready() bool { return r.ready.Load() }
