package projections

import (
	"cmp"
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
	"golang.org/x/sync/errgroup"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/readmodels"
)

// Config is what a Runner needs. Zero values of the settings mean the
// defaults given.
type Config struct {
	Projector   Projector
	Store       event.Store
	Codec       *event.Codec
	Generations readmodels.Generations                   // of the projector's family, or of one process
	Epoch       func(context.Context) (uuid.UUID, error) // of the log; asked when Run starts
	Leases      Leases                                   // Alone
	Hub         *Hub                                     // tells and hears other processes, and is run by whoever made it; nil: there are none
	Requests    *Requests                                // served while leading; nil: nobody asks

	BatchSize int              // events a transaction at most; 1000
	BatchWait time.Duration    // how long a batch waits to be filled while the log does not say that it is read; 2 ms
	RetryMin  time.Duration    // first pause after the engine failed, doubled up to RetryMax; 100 ms
	RetryMax  time.Duration    // 10 s
	Now       func() time.Time // for parked events; time.Now
	Log       *slog.Logger     // nothing
}

func (c *Config) fill() {
	c.Leases = cmp.Or(c.Leases, Leases(Alone{}))
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
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
}

// Runner keeps one projector's tables up with the log, or stands by while
// another process does. Its methods may be called from any goroutine; Run
// once, by one.
type Runner struct {
	standing
	cfg       Config
	catalogue *event.Catalogue
	routes    map[string][]Handler // by wire name, old versions too
	schema    []string
	family    string // known once Run begins

	turn    chan struct{} // held by whoever writes into or replaces term and current
	term    *term         // nil while standing by
	current *generation   // what the leader folds into; nil before it opened it
	live    atomic.Bool   // current answers queries

	rebuild sync.Mutex // one Rebuild at a time
	build   progress
}

var (
	_ Projection = (*Runner)(nil)
	_ Rebuilder  = (*Runner)(nil)
)

// term is one time of leading.
type term struct {
	ctx   context.Context // ends with it
	fence Fence
}

var goodName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

// NewRunner checks the projector against the codec's catalogue. It starts
// nothing.
func NewRunner(cfg Config) (*Runner, error) {
	cfg.fill()
	if !goodName.MatchString(cfg.Projector.Name) {
		return nil, fmt.Errorf("projections: %q is no name for a projector", cfg.Projector.Name)
	}
	r := &Runner{standing: standing{store: cfg.Store}, cfg: cfg, catalogue: cfg.Codec.Catalogue(), turn: make(chan struct{}, 1)}
	var err error
	if r.routes, err = cfg.Projector.resolve(r.catalogue); err != nil {
		return nil, err
	}
	r.schema = slices.Concat(runnerSchema, cfg.Projector.Schema)
	return r, nil
}

// Name implements Standing.
func (r *Runner) Name() string { return r.cfg.Projector.Name }

// Run leads or stands by until ctx ends, and then returns nil. While leading
// it follows the log; where the live generation is of another schema, version
// or epoch, it builds one beside it and swaps when that has caught up. When
// the engine fails, it tries again for ever, with pauses.
// Errors: an unknown type of our own (event.ErrUnknownType), a corrupt or
// closed log, a schema that the engine refuses, ErrAhead.
func (r *Runner) Run(ctx context.Context) error {
	defer r.end()
	err := r.retry(ctx, final, func() (bool, error) { return false, r.prologue(ctx) })
	if err == nil {
		stop := r.cfg.Hub.Follow(r.family, r.reach)
		defer stop()
		err = r.retry(ctx, final, func() (bool, error) { return r.candidate(ctx) })
	}
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("projector %s: %w", r.cfg.Projector.Name, err)
}

// prologue finds out what is led and followed.
func (r *Runner) prologue(ctx context.Context) error {
	epoch, err := r.cfg.Epoch(ctx)
	if err != nil {
		return fmt.Errorf("epoch of the log: %w", err)
	}
	r.family = r.cfg.Projector.Family(r.catalogue, epoch)
	return r.begin(ctx)
}

// candidate stands by, leads once, and says why that ended; led says that it
// did lead.
func (r *Runner) candidate(ctx context.Context) (led bool, err error) {
	err = r.cfg.Leases.Lead(ctx, r.family, func(ctx context.Context, fence Fence) error {
		led = true
		return r.lead(ctx, fence)
	})
	if err == nil { // the lead was given up, and nobody said why
		err = ErrDeposed
	}
	return led, err
}

// lead keeps the tables up with the log as long as this process leads.
func (r *Runner) lead(ctx context.Context, fence Fence) error {
	ctx, cancel := context.WithCancel(ctx)
	defer r.resign()
	defer cancel()
	err := r.retry(ctx, finalOrDeposed, func() (bool, error) { return false, r.start(ctx, fence) })
	if err != nil {
		return err
	}
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error {
		return r.retry(ctx, finalOrDeposed, func() (bool, error) { return r.follow(ctx) })
	})
	if r.cfg.Requests != nil {
		work.Go(func() error { return r.cfg.Requests.Serve(ctx, fence, r) })
	}
	return work.Wait()
}

// resign forgets what only a leader knows, once nobody works with it any more.
func (r *Runner) resign() {
	r.rebuild.Lock() // its context has ended
	defer r.rebuild.Unlock()
	r.turn <- struct{}{}
	defer func() { <-r.turn }()
	r.term, r.current = nil, nil
	r.live.Store(false)
}

// retry calls f until it succeeds, the error is final or ctx ends. f says
// whether it got anywhere, which makes the pause short again.
func (r *Runner) retry(ctx context.Context, final func(error) bool, f func() (bool, error)) error {
	return keepTrying(ctx, pauses{first: r.cfg.RetryMin, longest: r.cfg.RetryMax}, final, f, func(err error) {
		r.cfg.Log.Warn("projector tries again", "projector", r.cfg.Projector.Name, "error", err)
	})
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

// finalOrDeposed is what ends a term.
func finalOrDeposed(err error) bool { return final(err) || errors.Is(err, ErrDeposed) }

// start opens the generation to go on with: the live one, or else the one to
// be built, which an earlier process may have begun.
func (r *Runner) start(ctx context.Context, fence Fence) error {
	name := r.family
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
	g, err := r.create(ctx, name, fence)
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
	if live {
		err = g.answer(ctx) // whoever began to hear after the leader before has ended
		if err != nil {
			return err
		}
	}
	return r.inTurn(ctx, func() error {
		r.term, r.current = &term{ctx, fence}, g
		r.live.Store(live)
		if live {
			r.reach(g.seen)
		} else {
			r.cfg.Log.Info("projector builds a generation", "projector", r.cfg.Projector.Name, "generation", name, "from", g.seen)
		}
		return nil
	})
}

// create opens a generation for a term. A leader that was deposed meanwhile
// may leave an empty one behind, which goes with the next swap.
func (r *Runner) create(ctx context.Context, name string, fence Fence) (*generation, error) {
	db, err := r.cfg.Generations.Create(ctx, name, r.schema)
	if mine := (*eventError)(nil); errors.As(blame(err), &mine) {
		return nil, fmt.Errorf("%w: %w", errSchema, err)
	}
	if err != nil {
		return nil, err
	}
	g := &generation{name: name, db: db, now: r.cfg.Now, fence: fence}
	if r.cfg.Hub != nil {
		g.announce = func(ctx context.Context, b readmodels.Batch, position uint64) error {
			return r.cfg.Hub.Announce(ctx, b, r.family, position)
		}
	}
	return g, nil
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
		if err := r.current.swap(ctx, r.cfg.Generations); err != nil {
			return err
		}
		r.live.Store(true)
		r.build.end()
		r.cfg.Log.Info("projector swapped", "projector", r.cfg.Projector.Name, "generation", r.current.name, "position", r.current.seen)
	}
	r.reach(r.current.seen)
	return nil
}
