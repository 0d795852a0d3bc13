package projections

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/readmodels"
)

// IndexerConfig is what an Indexer needs. Zero values of the settings mean the
// defaults given.
type IndexerConfig struct {
	Store  event.Store
	Engine readmodels.SearchEngine
	Tables interface { // says how far Reads is
		Wait(ctx context.Context, position uint64) error
	}
	Reads    *readmodels.Tables
	Epoch    func(context.Context) (uuid.UUID, error) // of the log; asked when Run starts
	Leases   Leases                                   // Alone
	State    readmodels.DB                            // where fences are checked and positions announced; nil where this process is alone
	Hub      *Hub                                     // nil: there are no other processes
	Requests *Requests                                // served while leading; nil: nobody asks

	BatchSize  int           // events that are indexed together at most; 500
	BatchWait  time.Duration // how long a batch waits to be filled while the log does not say that it is read; 2 ms
	Refresh    time.Duration // at least from one refresh to the next; 0: none is waited for
	Rest       time.Duration // at least from one batch to the next, while nobody of this process waits for one; 0: none
	CheckEvery time.Duration // how often an idle leader looks whether the engine still has the index; 5 s
	RetryMin   time.Duration // first pause after the engine failed, doubled up to RetryMax; 100 ms
	RetryMax   time.Duration // 10 s
	Log        *slog.Logger  // nothing
}

func (c *IndexerConfig) fill() {
	c.Leases = cmp.Or(c.Leases, Leases(Alone{}))
	c.BatchSize = cmp.Or(c.BatchSize, 500)
	c.BatchWait = cmp.Or(c.BatchWait, 2*time.Millisecond)
	c.CheckEvery = cmp.Or(c.CheckEvery, 5*time.Second)
	c.RetryMin = cmp.Or(c.RetryMin, 100*time.Millisecond)
	c.RetryMax = cmp.Or(c.RetryMax, 10*time.Second)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
}

// Indexer keeps the search index up with the log, or stands by while another
// process does. Its methods may be called from any goroutine; Run once, by one.
//
// A document is a function of the tables: the log only says which things a
// batch touches. The Indexer waits until the tables have passed the batch,
// reads those things, and writes them as of its last position. So whatever is
// done twice is done once. Nothing fences those writes: in a shared engine one
// as of an earlier position than the document's is passed over, and whoever
// wrote as of a position had read tables that were there already. A deposed
// leader may put an older text in the place of a newer one only as of a
// position that the new leader has yet to pass, and will write again then.
// What is fenced is the word of how far the index is, and which one is live.
type Indexer struct {
	standing
	cfg    IndexerConfig
	family string // known once Run begins

	turn    chan struct{} // held by whoever writes into or replaces current
	current *indexing     // nil while standing by, and before the index is open

	rebuild sync.Mutex // one Rebuild at a time
	build   progress
}

var (
	_ Projection = (*Indexer)(nil)
	_ Rebuilder  = (*Indexer)(nil)
)

// NewIndexer starts nothing.
func NewIndexer(cfg IndexerConfig) *Indexer {
	cfg.fill()
	x := &Indexer{standing: standing{store: cfg.Store}, cfg: cfg, turn: make(chan struct{}, 1)}
	x.visible.asked = make(chan struct{}, 1)
	return x
}

// searchName is the projection's name.
const searchName = "search"

// SearchFamily names the indexes that this release builds from a log of that
// epoch; the live one's queries and its leader go by it.
func SearchFamily(epoch uuid.UUID) string {
	what, _ := json.Marshal([]any{readmodels.SearchSchemaVersion, epoch}) // a number and an id: never fails
	sum := sha256.Sum256(what)
	return searchName + "_" + hex.EncodeToString(sum[:8])
}

// Name implements Standing.
func (x *Indexer) Name() string { return searchName }

// Run leads or stands by until ctx ends, and then returns nil. Where the
// engine has no live index of this family, it builds one. When the engine, the
// tables or the keyring fail, it tries again for ever, with pauses.
// Errors: a corrupt or closed log, ErrAhead.
func (x *Indexer) Run(ctx context.Context) error {
	defer x.end()
	err := x.retry(ctx, final, func() (bool, error) {
		epoch, err := x.cfg.Epoch(ctx)
		if err != nil {
			return false, fmt.Errorf("epoch of the log: %w", err)
		}
		x.family = SearchFamily(epoch)
		return false, x.begin(ctx)
	})
	if err == nil {
		defer x.cfg.Hub.Follow(x.family, x.reach)()
		err = x.retry(ctx, final, func() (bool, error) { return x.candidate(ctx) })
	}
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("projector %s: %w", searchName, err)
}

// retry is like Runner's.
func (x *Indexer) retry(ctx context.Context, final func(error) bool, f func() (bool, error)) error {
	return keepTrying(ctx, pauses{first: x.cfg.RetryMin, longest: x.cfg.RetryMax}, final, f, func(err error) {
		x.cfg.Log.Warn("projector tries again", "projector", searchName, "error", err)
	})
}

// candidate stands by, leads once, and says why that ended.
func (x *Indexer) candidate(ctx context.Context) (led bool, err error) {
	err = x.cfg.Leases.Lead(ctx, x.family, func(ctx context.Context, fence Fence) error {
		led = true
		return x.retry(ctx, finalOrDeposed, func() (bool, error) { return x.lead(ctx, fence) })
	})
	if err == nil {
		err = ErrDeposed
	}
	return led, err
}

// lead opens the index and keeps it up with the log until something fails;
// moved says that it came further.
func (x *Indexer) lead(ctx context.Context, fence Fence) (moved bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer x.resign()
	defer cancel()
	g, err := x.open(ctx, fence)
	if err != nil {
		return false, err
	}
	g.term = ctx
	from := g.applied
	if !g.live {
		x.cfg.Log.Info("projector builds a generation", "projector", searchName, "generation", g.name, "from", from)
	}
	if err := x.inTurn(ctx, func() error { x.current = g; return nil }); err != nil {
		return false, err
	}
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error { return x.follow(ctx, g.applied) })
	if x.cfg.Requests != nil {
		work.Go(func() error { return x.cfg.Requests.Serve(ctx, fence, x) })
	}
	err = work.Wait()
	return g.applied > from, err // or a rebuilt one has taken its place: rare enough
}

// open opens the index to go on with: the live one, or else the one to be
// built, which an earlier process may have begun.
func (x *Indexer) open(ctx context.Context, fence Fence) (*indexing, error) {
	name, err := x.cfg.Engine.Live(ctx, x.family)
	live := err == nil
	if errors.Is(err, readmodels.ErrNoGeneration) {
		name, err = x.family, nil
	}
	if err != nil {
		return nil, err
	}
	g, err := x.create(ctx, name, fence)
	if err != nil {
		return nil, err
	}
	head, err := x.cfg.Store.Head(ctx)
	if err != nil {
		return nil, err
	}
	if g.applied > head {
		return nil, fmt.Errorf("%w: the log ends at position %d, the index has seen %d", ErrAhead, head, g.applied)
	}
	if live { // what was written last may not have been refreshed
		g.live = true
		err = g.publish(ctx)
	}
	return g, err
}

func (x *Indexer) create(ctx context.Context, name string, fence Fence) (*indexing, error) {
	i, err := x.cfg.Engine.Create(ctx, name)
	if err != nil {
		return nil, err
	}
	at, err := i.Position(ctx)
	if err != nil {
		return nil, err
	}
	return &indexing{Indexer: x, name: name, index: i, fence: fence, applied: at, saved: at, dirty: true}, nil
}

// resign forgets what only a leader knows, once nobody works with it any more.
func (x *Indexer) resign() {
	x.rebuild.Lock() // its context has ended
	defer x.rebuild.Unlock()
	x.turn <- struct{}{}
	defer func() { <-x.turn }()
	x.current = nil
	x.build.end()
}

// inTurn runs f alone among those who touch current.
func (x *Indexer) inTurn(ctx context.Context, f func() error) error {
	select {
	case x.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-x.turn }()
	return f()
}

// saveEvery is how often the position is kept; what was indexed since is
// indexed again after a crash.
const saveEvery = time.Second

// lastSave bounds keeping the position when a term ends.
const lastSave = 2 * time.Second

// follow indexes the log after a position into current until something fails.
func (x *Indexer) follow(ctx context.Context, from uint64) error {
	t := x.tail(ctx, from)
	defer t.close()
	save := time.NewTicker(saveEvery)
	defer save.Stop()
	check := time.NewTicker(x.cfg.CheckEvery)
	defer check.Stop()
	due := time.NewTimer(0) // when the next refresh may be
	defer due.Stop()
	defer x.saveLast(ctx)
	rested := time.NewTimer(0)
	defer rested.Stop()
	allowed, messages := false, t.messages // nil while it rests
	for {
		var step func() error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.ended:
			return t.err
		case m := <-messages:
			b := t.fill(ctx, m, x.cfg.BatchSize, x.cfg.BatchWait)
			began := time.Now()
			step = func() error {
				err := x.current.advance(ctx, b)
				if rest := x.rest(b, time.Since(began)); rest > 0 {
					messages = nil
					rested.Reset(rest)
				}
				return err
			}
		case <-rested.C:
			messages = t.messages
		case <-x.visible.asked:
			messages = t.messages
		case <-due.C:
			allowed = true
		case <-save.C:
			step = func() error { return x.current.save(ctx) }
		case <-check.C:
			step = func() error { return x.current.check(ctx) }
		}
		err := x.inTurn(ctx, func() error {
			if step != nil {
				if err := step(); err != nil {
					return err
				}
			}
			if !allowed || !x.current.behind() {
				return nil
			}
			allowed = false
			due.Reset(x.cfg.Refresh)
			return x.current.publish(ctx)
		})
		if err != nil {
			return err
		}
	}
}

// saveLast keeps the position when a term ends; no harm if another leads by
// now, as positions only rise.
func (x *Indexer) saveLast(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSave)
	defer cancel()
	_ = x.inTurn(ctx, func() error { return x.current.save(ctx) })
}

// A rest is some times as long as the batch before it took, so that an index in
// this process leaves most of the machine to those who write, and at most so
// many times Rest.
const (
	restTimes = 4
	restMost  = 10
)

// rest is how long to leave the log alone after a batch: the larger the next
// one is, the less each thing in it costs.
func (x *Indexer) rest(b touched, took time.Duration) time.Duration {
	if x.cfg.Rest == 0 || len(b.things) == 0 || !x.current.live || x.visible.waiting() {
		return 0
	}
	return min(max(x.cfg.Rest, restTimes*took), restMost*x.cfg.Rest)
}

// Rebuild fills a new index beside the live one, from the start of the log,
// catches up past the live one and swaps: no search fails or sees an older
// state. Errors: those of Rebuilder.
func (x *Indexer) Rebuild(ctx context.Context, progress func(done, head uint64)) error {
	if !x.rebuild.TryLock() {
		return ErrRebuilding
	}
	defer x.rebuild.Unlock()
	var fence Fence
	var term context.Context
	err := x.inTurn(ctx, func() error {
		switch {
		case x.current == nil:
			return ErrNotLeading
		case !x.current.live:
			return ErrNotReady
		}
		fence, term = x.current.fence, x.current.term
		return nil
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(term, cancel)()
	defer x.build.end()
	var suffix [4]byte
	_, _ = rand.Read(suffix[:]) // never fails
	g, err := x.create(ctx, x.family+"_"+hex.EncodeToString(suffix[:]), fence)
	if err != nil {
		return err
	}
	err = x.retry(ctx, finalOrDeposed, func() (bool, error) { return x.refill(ctx, g, progress) })
	if err == nil {
		err = x.inTurn(ctx, func() error { return x.replace(ctx, g) })
	}
	if err != nil {
		dropping, cancel := context.WithTimeout(context.WithoutCancel(ctx), x.cfg.RetryMax)
		defer cancel()
		err = errors.Join(err, x.cfg.Engine.Drop(dropping, g.name)) // else the next swap does it
	}
	return err
}

// refill indexes the log into g until it has caught up.
func (x *Indexer) refill(ctx context.Context, g *indexing, progress func(done, head uint64)) (moved bool, err error) {
	t := x.tail(ctx, g.applied)
	defer t.close()
	for {
		select {
		case <-ctx.Done():
			return moved, ctx.Err()
		case <-t.ended:
			return moved, t.err
		case m := <-t.messages:
			b := t.fill(ctx, m, x.cfg.BatchSize, x.cfg.BatchWait)
			if err := g.apply(ctx, b); err != nil {
				return moved, err
			}
			moved = true
			if err := x.build.tell(ctx, x.cfg.Store, g.applied, progress); err != nil || b.caughtUp {
				return moved, err
			}
		}
	}
}

// replace brings g past current, while that stands still, and swaps.
func (x *Indexer) replace(ctx context.Context, g *indexing) error {
	if x.current == nil {
		return ErrNotLeading
	}
	b := touched{position: g.applied}
	for rec, err := range x.cfg.Store.All(ctx, g.applied, touching) {
		if err != nil {
			return err
		}
		if rec.Position > x.current.applied {
			break
		}
		b.add(newsOf(event.Message{Record: rec, Position: rec.Position}))
		if b.events >= x.cfg.BatchSize {
			if err := g.apply(ctx, b); err != nil {
				return err
			}
			b = touched{position: g.applied}
		}
	}
	b.position = max(b.position, x.current.applied)
	if err := g.apply(ctx, b); err != nil {
		return err
	}
	if err := g.swap(ctx); err != nil {
		return err
	}
	g.term, x.current = x.current.term, g
	return nil
}

// Rebuilding implements Rebuilder.
func (x *Indexer) Rebuilding() (done, head uint64, building bool) {
	x.build.mu.Lock()
	defer x.build.mu.Unlock()
	return x.build.done, x.build.head, x.build.building
}
