package commands

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/parleyhq/parley/domain/event"
)

// core is the choke point: the states of the newest streams, kept current by
// the log's tail, and the queues of the commands that wait for them.
type core struct {
	store event.Store
	codec *event.Codec
	cfg   Config
	log   *slog.Logger
	now   func() time.Time
	newID func() uuid.UUID

	states *lru.Cache[string, *entry]

	// heard is when the tail was last known to be at the head, as Unix
	// nanoseconds; seen is the position that it has applied.
	heard, seen atomic.Int64

	held atomic.Pointer[map[string]bool] // types that may not be written yet

	lifetime context.Context // ends appends when the process is told to die
	kill     context.CancelFunc
	stopping sync.Mutex
	stopped  bool
	running  sync.WaitGroup
}

// entry is one stream's state in the cache.
type entry struct {
	stream string
	fresh  func() folder

	queueing sync.Mutex // guards the four below; never held while deciding
	waiting  []*decision
	busy     bool
	dropped  bool // evicted: enter through the cache again

	glance   atomic.Pointer[glance] // nil: none to be had
	mu       sync.RWMutex           // guards the state
	state    folder                 // nil: not loaded
	revision atomic.Int64           // newest applied, -1 none; read without mu by the tail
	position uint64                 // of the newest applied event, where known
}

func newCore(cfg Config, store event.Store, codec *event.Codec, log *slog.Logger) (*core, error) {
	c := &core{store: store, codec: codec, cfg: cfg, log: log, now: cfg.Now, newID: cfg.NewID}
	c.lifetime, c.kill = context.WithCancel(context.Background())
	var err error
	c.states, err = lru.NewWithEvict(cfg.States, func(_ string, e *entry) {
		e.queueing.Lock() // who is busy goes on; who comes later finds another entry
		defer e.queueing.Unlock()
		e.dropped = true
	})
	return c, err
}

func (c *core) entry(stream string, fresh func() folder) *entry {
	if e, ok := c.states.Get(stream); ok {
		return e
	}
	e := &entry{stream: stream, fresh: fresh}
	e.revision.Store(-1)
	if other, found, _ := c.states.PeekOrAdd(stream, e); found {
		return other
	}
	return e
}

func (e *entry) forget() {
	e.state, e.position = nil, 0
	e.revision.Store(-1)
	e.glance.Store(nil)
}

func (e *entry) apply(d event.Decoded) {
	e.state.Apply(d)
	e.revision.Store(int64(d.Revision))
}

func (e *entry) applyAll(all []event.Decoded) {
	for _, d := range all {
		e.apply(d)
	}
}

// catchUp reads what the state lacks from the log. The caller holds e.mu.
func (c *core) catchUp(ctx context.Context, e *entry) error {
	if e.state == nil {
		e.state = e.fresh()
		e.revision.Store(-1)
	}
	for rec, err := range c.store.Stream(ctx, e.stream, uint64(e.revision.Load()+1), event.Forward) {
		var d event.Decoded
		if err == nil {
			d, err = c.codec.Decode(ctx, rec)
		}
		if err != nil {
			e.forget()
			return unavailable(fmt.Errorf("load %s: %w", event.Category(e.stream), err))
		}
		e.apply(d)
		e.position = rec.Position
	}
	e.publish()
	return nil
}

// current says whether a loaded state may be decided on as it stands: the tail
// is at most Freshness old and not behind what the caller has seen.
func (c *core) current(e *entry, batch []*decision) bool {
	if e.state == nil || !c.fresh() {
		return false
	}
	for _, d := range batch {
		if p := PositionFrom(d.ctx); p > uint64(c.seen.Load()) && p > e.position {
			return false
		}
	}
	return true
}

func (c *core) fresh() bool {
	return c.now().UnixNano()-c.heard.Load() < int64(c.cfg.Freshness)
}

// view lets read look at a stream's state, which may be up to Freshness old
// (never older than what this process appended, or than ctx's position). read
// must not keep the state.
func view[S folder](ctx context.Context, c *core, stream string, fresh func() S, read func(S) error) error {
	e := c.entry(stream, func() folder { return fresh() })
	e.mu.RLock()
	if e.state != nil && c.fresh() && (PositionFrom(ctx) <= uint64(c.seen.Load()) || PositionFrom(ctx) <= e.position) {
		defer e.mu.RUnlock()
		return read(e.state.(S))
	}
	e.mu.RUnlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := c.catchUp(ctx, e); err != nil {
		return err
	}
	return read(e.state.(S))
}

// run keeps the cached states current until ctx ends.
func (c *core) run(ctx context.Context) error {
	for {
		err := c.follow(ctx)
		if ctx.Err() != nil {
			return nil
		}
		c.log.Warn("the log's tail ended; beginning again", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(c.cfg.Freshness):
		}
	}
}

// follow applies what others append. What it cannot follow is forgotten, and
// read from the log when it is needed.
func (c *core) follow(ctx context.Context) error {
	head, err := c.store.Head(ctx)
	if err != nil {
		return err
	}
	if seen := uint64(c.seen.Load()); seen != 0 {
		head = seen
	} else {
		c.states.Purge() // what was loaded before may lack what was appended until then
		c.seen.Store(int64(head))
	}
	beat, stop := context.WithCancel(ctx)
	var beating sync.WaitGroup
	defer beating.Wait()
	defer stop()
	beating.Go(func() { c.pulse(beat) })
	for m, err := range c.store.Tail(ctx, head, event.Filter{}) {
		if err != nil {
			return err
		}
		if !m.CaughtUp {
			c.applyFromTail(ctx, m.Record)
		}
		c.seen.Store(int64(m.Position))
	}
	return errors.New("the tail ended by itself")
}

func (c *core) applyFromTail(ctx context.Context, rec event.Record) {
	e, ok := c.states.Peek(rec.Stream)
	if !ok || e.revision.Load() >= int64(rec.Revision) {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state == nil || e.revision.Load() >= int64(rec.Revision) {
		return
	}
	d, err := c.codec.Decode(ctx, rec)
	if err != nil || e.revision.Load()+1 != int64(rec.Revision) {
		e.forget()
		return
	}
	e.apply(d)
	e.position = rec.Position
	e.publish()
}

// pulse asks for the head now and then: a tail that is silent because nothing
// happens is as good as new.
func (c *core) pulse(ctx context.Context) {
	ticks := time.NewTicker(c.cfg.Freshness / 4)
	defer ticks.Stop()
	var asked time.Time
	var goal uint64
	for {
		if !asked.IsZero() && uint64(c.seen.Load()) >= goal {
			c.heard.Store(asked.UnixNano())
		}
		at := c.now()
		head, err := c.store.Head(ctx)
		switch {
		case err != nil:
			asked = time.Time{}
		case uint64(c.seen.Load()) >= head:
			c.heard.Store(at.UnixNano())
			fallthrough
		default:
			asked, goal = at, head
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
	}
}

// begin counts a worker in, unless the commands are being closed.
func (c *core) begin() bool {
	c.stopping.Lock()
	defer c.stopping.Unlock()
	if c.stopped {
		return false
	}
	c.running.Add(1)
	return true
}

// close refuses new commands and waits for those under way; when ctx ends
// first they are cut off.
func (c *core) close(ctx context.Context) {
	c.stopping.Lock()
	c.stopped = true
	c.stopping.Unlock()
	stop := context.AfterFunc(ctx, c.kill)
	defer stop()
	c.running.Wait()
	c.kill()
}
