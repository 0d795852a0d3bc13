package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/notification"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/readmodels"
)

const (
	atOnce      = 32              // inboxes told of one event at the same time
	saveEvery   = time.Second     // between checkpoints
	saveTimeout = 2 * time.Second // of the last one
	maxTries    = 8               // of one event whose error is no outage
)

// Waiter waits until a projector has passed a position of the log, or ctx
// ends; it returns ctx's error then.
type Waiter interface {
	Wait(ctx context.Context, position uint64) error
}

// NotifyConfig is what Notify needs. Zero values of the pauses mean the
// defaults given.
type NotifyConfig struct {
	Store      event.Store
	Codec      *event.Codec
	Commands   *commands.Commands
	Tables     Waiter // says how far Reads is
	Reads      *readmodels.Tables
	Checkpoint Checkpoint
	Now        func() time.Time
	Log        *slog.Logger
	RetryMin   time.Duration // first pause after a failure, doubled up to RetryMax; 100 ms
	RetryMax   time.Duration // 10 s
}

// Notify tells people what happened to them. Its methods may be called from
// any goroutine; Run once at a time.
//
// An entry names the event that caused it, and every inbox is told in the
// order of the log. So an inbox itself says how far it was told, and nothing
// is told twice, whatever dies when, and however many tell.
type Notify struct {
	cfg    NotifyConfig
	rules  map[string]rule // by wire name
	filter event.Filter

	epochs   epochs
	told     projections.Progress
	appended atomic.Uint64 // position of the newest entry of what was told
	saved    time.Time
}

// NewNotify starts nothing.
func NewNotify(cfg NotifyConfig) *Notify {
	if cfg.RetryMin <= 0 {
		cfg.RetryMin = 100 * time.Millisecond
	}
	if cfg.RetryMax <= 0 {
		cfg.RetryMax = 10 * time.Second
	}
	n := &Notify{cfg: cfg, rules: map[string]rule{}}
	catalogue := cfg.Codec.Catalogue()
	for _, r := range rules() {
		for _, name := range versions(catalogue, catalogue.NameOf(r.data)) {
			n.rules[name] = r
			n.filter.Types = append(n.filter.Types, name)
		}
	}
	return n
}

// versions are the wire names of all versions of a type.
func versions(c *event.Catalogue, newest string) []string {
	var all []string
	for _, d := range c.Definitions() {
		if lifted, _ := c.Newest(d.Name); lifted.Name == newest {
			all = append(all, d.Name)
		}
	}
	return all
}

// Run tells until ctx ends, and then returns nil. What fails is tried again,
// with pauses; an event that is to blame itself is passed over in the end.
func (n *Notify) Run(ctx context.Context) error {
	pause := n.cfg.RetryMin
	for {
		before := n.told.Position()
		err := n.follow(ctx)
		if ctx.Err() != nil {
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
			defer cancel()
			return n.save(last)
		}
		if n.told.Position() > before {
			pause = n.cfg.RetryMin
		}
		n.cfg.Log.Warn("notify tries again", "pause", pause, "error", err)
		if !sleep(ctx, pause) {
			return nil
		}
		pause = min(2*pause, n.cfg.RetryMax)
	}
}

// sleep pauses; false when ctx ended first.
func sleep(ctx context.Context, pause time.Duration) bool {
	select {
	case <-time.After(pause):
		return true
	case <-ctx.Done():
		return false
	}
}

// follow tells of the log from where it was left, until something fails.
func (n *Notify) follow(ctx context.Context) error {
	from, err := n.resume(ctx)
	if err != nil {
		return err
	}
	for m, err := range n.cfg.Store.Tail(ctx, from, n.filter) {
		if err == nil && !m.CaughtUp {
			err = n.tell(ctx, m.Record)
		}
		if err != nil {
			return err
		}
		n.told.Reach(m.Position)
		if now := n.cfg.Now(); now.Sub(n.saved) >= saveEvery {
			if err := n.save(ctx); err != nil {
				return err
			}
			n.saved = now
		}
	}
	return errors.New("the log's tail ended")
}

func (n *Notify) save(ctx context.Context) error {
	if n.told.Position() == 0 {
		return nil
	}
	if err := n.cfg.Checkpoint.Save(ctx, n.epochs.newest().id, n.told.Position()); err != nil {
		return fmt.Errorf("checkpoint of notify: %w", err)
	}
	return nil
}

// resume finds out where to go on. The log itself knows better than the
// checkpoint: whoever told of an event had dealt with all before it. (A log
// that was copied has other positions than its entries name; copying sets the
// checkpoint to the end.)
func (n *Notify) resume(ctx context.Context) (from uint64, err error) {
	if n.epochs, err = loadEpochs(ctx, n.cfg.Store); err != nil {
		return 0, err
	}
	epoch, from, err := n.cfg.Checkpoint.Load(ctx)
	if err != nil {
		return 0, fmt.Errorf("checkpoint of notify: %w", err)
	}
	if epoch != n.epochs.newest().id {
		from = 0 // of another life: what it has dealt with may not be in this one
	}
	from = max(from, n.told.Position())
	entries := event.Filter{Types: versions(n.cfg.Codec.Catalogue(), n.cfg.Codec.Catalogue().NameOf(notification.Notified{}))}
	appended := from
	for rec, err := range n.cfg.Store.All(ctx, from, entries) {
		var d event.Decoded
		if err == nil {
			d, err = n.cfg.Codec.Decode(ctx, rec)
		}
		if err != nil {
			return 0, err
		}
		if cause := d.Payload.(notification.Notified).Cause; !d.Erased && cause.Position > from {
			from = cause.Position - 1 // others may not have been told of it yet
		}
		appended = max(appended, rec.Position)
	}
	n.advance(appended)
	n.told.Reach(from)
	return from, nil
}

func (n *Notify) advance(appended uint64) {
	for {
		before := n.appended.Load()
		if before >= appended || n.appended.CompareAndSwap(before, appended) {
			return
		}
	}
}

// tell tells of one event. An error that is no outage, again and again, is the
// event's own: it is logged and passed over, so that one does not silence all.
func (n *Notify) tell(ctx context.Context, rec event.Record) error {
	pause := n.cfg.RetryMin
	for try := 1; ; try++ {
		err := n.tellOnce(ctx, rec)
		switch {
		case err == nil || ctx.Err() != nil || outage(err):
			return err
		case try == maxTries:
			n.cfg.Log.Error("nobody is told of an event", "type", rec.Type, "position", rec.Position, "error", err)
			return nil
		}
		if !sleep(ctx, pause) {
			return ctx.Err()
		}
		pause = min(2*pause, n.cfg.RetryMax)
	}
}

// errInbox is an inbox that could not be written: no fault of the event.
var errInbox = errors.New("process: an inbox was not told")

// outage says whether an error is no fault of the event, and will pass.
func outage(err error) bool {
	for _, passing := range []error{
		errInbox, readmodels.ErrUnavailable, event.ErrKeysUnavailable, event.ErrClosed, event.ErrFull, event.ErrUnsynced,
		context.DeadlineExceeded, context.Canceled,
	} {
		if errors.Is(err, passing) {
			return true
		}
	}
	f := fault.As(err)
	return f != nil && (f.Kind == fault.Unavailable || f.Kind == fault.Full || f.Kind == fault.Conflict)
}

func (n *Notify) tellOnce(ctx context.Context, rec event.Record) error {
	d, err := n.cfg.Codec.Decode(ctx, rec)
	if err != nil {
		return err
	}
	if err := n.cfg.Tables.Wait(ctx, rec.Position); err != nil {
		return err
	}
	// Whatever is looked at is at least as new as the event.
	notes, err := n.rules[rec.Type].decide(n, commands.WithPosition(ctx, rec.Position), d)
	if err != nil || len(notes) == 0 {
		return err
	}
	epoch, later := n.epochs.at(rec.Position)
	cause := notification.Cause{Epoch: epoch, Position: rec.Position, ID: rec.ID}
	all, together := errgroup.WithContext(ctx)
	all.SetLimit(atOnce)
	for _, note := range notes {
		note.Entry.Cause, note.Later = cause, later
		all.Go(func() error {
			out, err := n.cfg.Commands.Notify(together, note)
			if errors.Is(err, event.ErrKeyGone) { // erased: there is nobody to tell
				return nil
			}
			if err != nil {
				return fmt.Errorf("%w: %w", errInbox, err)
			}
			n.advance(out.Position)
			return nil
		})
	}
	return all.Wait()
}

// Wait returns once everybody was told of the log up to position. shown is
// where the entries end: whoever reads an inbox from the tables waits for them
// up to there. Errors: the context's, projections.ErrTooManyWaiters.
func (n *Notify) Wait(ctx context.Context, position uint64) (shown uint64, err error) {
	if err := n.told.Wait(ctx, position); err != nil {
		return 0, err
	}
	return n.appended.Load(), nil
}

// Position is how far everybody was told.
func (n *Notify) Position() uint64 { return n.told.Position() }

// Shown is a Waiter for whoever reads inboxes from the tables: people were
// told of everything up to the position, and the tables show it.
type Shown struct {
	Notify *Notify
	Tables Waiter
}

// Wait implements Waiter.
func (s Shown) Wait(ctx context.Context, position uint64) error {
	shown, err := s.Notify.Wait(ctx, position)
	if err != nil {
		return err
	}
	return s.Tables.Wait(ctx, max(shown, position))
}
