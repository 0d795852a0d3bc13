package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/ops"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/readmodels"
)

// lease is what the one relay of a cluster leads, and its checkpoint's name.
const lease = "relay"

// Config is what a Relay needs. Zero values of the settings mean the defaults
// given.
type Config struct {
	Store     event.Store
	Catalogue *event.Catalogue
	Publisher message.Publisher                                 // keeps the order of each key, also when it fails in the middle; a preparer is faster
	Ensure    func(ctx context.Context, topics ...string) error // makes topics that are not there
	State     readmodels.DB                                     // where the checkpoint is
	Leases    projections.Leases                                // Alone

	Prefix       string        // of topics; "parley"
	Batch        int           // events published before their acknowledgement; 2000. As many are read, and as many ready, meanwhile
	BatchBytes   int           // data of the events that were read and are not acknowledged; 16 MiB
	SaveEvery    time.Duration // how long the checkpoint may stay behind; 500 ms
	LastSave     time.Duration // how long its last save may take when the relay ends; 5 s
	RetryFirst   time.Duration // first pause after a failure, doubled up to RetryLongest; 100 ms
	RetryLongest time.Duration // 30 s
	Log          *slog.Logger  // nothing
}

func (c *Config) fill() {
	if c.Leases == nil {
		c.Leases = projections.Alone{}
	}
	c.Prefix = cmp.Or(c.Prefix, "parley")
	c.Batch = cmp.Or(c.Batch, 2000)
	c.BatchBytes = max(event.MaxSize, cmp.Or(c.BatchBytes, 16<<20))
	c.SaveEvery = cmp.Or(c.SaveEvery, 500*time.Millisecond)
	c.LastSave = cmp.Or(c.LastSave, 5*time.Second)
	c.RetryFirst = cmp.Or(c.RetryFirst, 100*time.Millisecond)
	c.RetryLongest = max(c.RetryFirst, cmp.Or(c.RetryLongest, 30*time.Second))
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// preparer is a Publisher that can do a part of its work ahead. What Prepare
// gives publishes, as often as it is called.
type preparer interface {
	Prepare(topic string, messages ...*message.Message) (publish func() error)
}

// prepare has those messages ready to be published.
func (r *Relay) prepare(topic string, messages ...*message.Message) (publish func() error) {
	if p, ok := r.cfg.Publisher.(preparer); ok {
		return p.Prepare(topic, messages...)
	}
	return func() error { return r.cfg.Publisher.Publish(topic, messages...) }
}

// Relay brings the log to Kafka. Run runs it, once; the other methods may be
// called from any goroutine.
type Relay struct {
	cfg        Config
	encoder    *Encoder
	checkpoint checkpoint

	mu       sync.Mutex
	leading  bool
	position uint64 // acknowledged, while leading
	trouble  error  // what is being tried again; nil when all is well
}

// New makes a relay; nothing is asked or written before Run.
func New(cfg Config) *Relay {
	cfg.fill()
	return &Relay{cfg: cfg, encoder: NewEncoder(cfg.Catalogue, cfg.Prefix), checkpoint: checkpoint{db: cfg.State, name: lease}}
}

// Leading says whether this is the process that relays now.
func (r *Relay) Leading() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.leading
}

// Position is how far the brokers have acknowledged, as this process knows:
// 0 while it does not lead.
func (r *Relay) Position() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.position
}

// Trouble is what the relay is trying again at the moment, with what is wrong;
// nil when all is well.
func (r *Relay) Trouble() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.trouble
}

// Lag is how many positions of the log the relay has not brought to Kafka yet:
// whichever process leads, as its checkpoint says.
func (r *Relay) Lag(ctx context.Context) (uint64, error) {
	r.mu.Lock()
	position, leading := r.position, r.leading
	r.mu.Unlock()
	head, err := r.cfg.Store.Head(ctx)
	if err == nil && !leading {
		var epoch uuid.UUID
		if epoch, _, err = r.epoch(ctx); err == nil {
			position, err = r.checkpoint.load(ctx, epoch)
		}
	}
	if err != nil {
		return 0, err
	}
	return head - min(head, position), nil
}

// Run leads or stands by until ctx ends, and then returns nil. What fails on
// the way, brokers that are away above all, is tried again with pauses.
// Errors: an event of ours without a root, above all event.ErrUnknownType,
// which a later release must relay; event.ErrClosed, event.ErrCorrupt.
func (r *Relay) Run(ctx context.Context) error {
	for wait := r.cfg.RetryFirst; ; {
		before := r.Position()
		err := r.cfg.Leases.Lead(ctx, lease, r.lead)
		if ctx.Err() != nil {
			return nil
		}
		var rootless *rootlessError
		if errors.As(err, &rootless) || errors.Is(err, event.ErrClosed) || errors.Is(err, event.ErrCorrupt) {
			return err
		}
		if r.Position() != before {
			wait = r.cfg.RetryFirst
		}
		r.retire(err)
		if !errors.Is(err, projections.ErrDeposed) {
			r.cfg.Log.Warn("the relay failed; trying again", "error", err, "pause", wait)
		}
		if !pause(ctx, wait) {
			return nil
		}
		wait = min(2*wait, r.cfg.RetryLongest)
	}
}

// retire is the end of a lead.
func (r *Relay) retire(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leading, r.position, r.trouble = false, 0, err
	if errors.Is(err, projections.ErrDeposed) {
		r.trouble = nil // another one leads
	}
}

// rootlessError is the reason of an event that cannot be relayed, ever, by
// this release.
type rootlessError struct{ error }

func (e *rootlessError) Unwrap() error { return e.error }

// errNewEpoch says that the log has begun another life.
var errNewEpoch = errors.New("relay: the log has a new epoch")

// lead relays from the checkpoint on while this process leads.
func (r *Relay) lead(ctx context.Context, fence projections.Fence) error {
	topics := Topics(r.cfg.Catalogue, r.cfg.Prefix, event.Filter{})
	if err := r.cfg.Ensure(ctx, topics...); err != nil {
		return err
	}
	if err := r.checkpoint.prepare(ctx); err != nil {
		return err
	}
	epoch, begun, err := r.epoch(ctx)
	if err != nil {
		return err
	}
	from, err := r.checkpoint.load(ctx, epoch)
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.leading, r.position, r.trouble = true, from, nil
	r.mu.Unlock()
	r.cfg.Log.Info("relaying", "epoch", epoch, "after", from)
	t := &term{r: r, fence: fence, epoch: epoch, begun: begun, saved: from, position: from}
	return t.run(ctx)
}

// epoch is the log's epoch, and the position at which it began.
func (r *Relay) epoch(ctx context.Context) (id uuid.UUID, begun uint64, err error) {
	for rec, err := range r.cfg.Store.Stream(ctx, ops.EpochStream, event.End, event.Backward) {
		if err != nil {
			return uuid.Nil, 0, fmt.Errorf("relay: the log's epoch: %w", err)
		}
		return rec.ID, rec.Position, nil
	}
	return uuid.Nil, 0, errors.New("relay: the log has no epoch yet: nobody has begun it")
}

// pause waits d; false when ctx ends before.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
