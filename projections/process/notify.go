package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
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
	maxCrowd    = 500             // people read at a time to be told of one event
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

	Leases        projections.Leases // projections.Alone
	Hub           *projections.Hub   // tells and hears other processes, and is run by whoever made it; nil: there are none
	State         readmodels.DB      // where the leader announces; needed with Hub
	SaveEvery     time.Duration      // between checkpoints; 1 s
	AnnounceEvery time.Duration      // between announcements, at least; 2 ms
	RetryMin      time.Duration      // first pause after a failure, doubled up to RetryMax; 100 ms
	RetryMax      time.Duration      // 10 s
	Crowd         int                // people read at a time to be told of one event; 500
}

func (c *NotifyConfig) fill() {
	if c.Leases == nil {
		c.Leases = projections.Alone{}
	}
	for at, value := range map[*time.Duration]time.Duration{
		&c.SaveEvery: time.Second, &c.AnnounceEvery: 2 * time.Millisecond, &c.RetryMin: 100 * time.Millisecond, &c.RetryMax: 10 * time.Second,
	} {
		if *at <= 0 {
			*at = value
		}
	}
	if c.Crowd <= 0 {
		c.Crowd = maxCrowd
	}
}

// Notify tells people what happened to them, or stands by while another
// process does. Its methods may be called from any goroutine; Run once at a
// time.
//
// An entry names the event that caused it, and every inbox is told in the
// order of the log. So an inbox itself says how far it was told, and nothing
// is told twice, whatever dies when, and however many tell. That there is one
// leader only spares the work.
type Notify struct {
	told
	cfg    NotifyConfig
	rules  map[string]rule // by wire name
	filter event.Filter

	epochs epochs // of the term
	saved  time.Time
	held   []commands.Notify // in order, to one inbox: see send
	news   chan struct{}     // holds one when there is something to announce
}

// NewNotify starts nothing.
func NewNotify(cfg NotifyConfig) *Notify {
	cfg.fill()
	n := &Notify{told: told{store: cfg.Store}, cfg: cfg, rules: map[string]rule{}, news: make(chan struct{}, 1)}
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

// Run tells or stands by until ctx ends, and then returns nil, or why the last
// checkpoint was not kept. What fails is tried again, with pauses; an event
// that is to blame itself is passed over in the end.
func (n *Notify) Run(ctx context.Context) error {
	defer n.hear(n.cfg.Hub)()
	l := leader{n.cfg.Leases, Name, "notify stands by", n.cfg.Log, n.cfg.RetryMin, n.cfg.RetryMax}
	err := l.run(ctx, func(ctx context.Context, fence projections.Fence, well func()) error {
		before := n.Position()
		defer func() {
			if n.Position() > before {
				well()
			}
		}()
		return n.lead(ctx, fence)
	})
	if errors.Is(err, ctx.Err()) || errors.Is(err, projections.ErrDeposed) {
		err = nil
	}
	return err
}

// lead tells for one term. Errors: ErrDeposed; why the last checkpoint was not
// kept, where ctx ended.
func (n *Notify) lead(ctx context.Context, fence projections.Fence) error {
	work, term := errgroup.WithContext(ctx)
	work.Go(func() error { return n.keepOn(term, fence) })
	if n.cfg.Hub != nil {
		work.Go(func() error { return n.announce(term, fence) })
	}
	err := work.Wait()
	if ctx.Err() == nil {
		return err
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	return n.save(last, fence)
}

// keepOn follows the log until the term ends. Errors: ErrDeposed, the context's.
func (n *Notify) keepOn(ctx context.Context, fence projections.Fence) error {
	pause := n.cfg.RetryMin
	for {
		before := n.Position()
		err := n.follow(ctx, fence)
		if ctx.Err() != nil || errors.Is(err, projections.ErrDeposed) {
			return err
		}
		if n.Position() > before {
			pause = n.cfg.RetryMin
		}
		n.cfg.Log.Warn("notify tries again", "pause", pause, "error", err)
		if !sleep(ctx, pause) {
			return ctx.Err()
		}
		pause = min(2*pause, n.cfg.RetryMax)
	}
}

// announce tells other processes how far everybody was told, one transaction
// at a time with the newest that there is. Errors: ErrDeposed, the context's.
func (n *Notify) announce(ctx context.Context, fence projections.Fence) error {
	for {
		select {
		case <-n.news:
		case <-ctx.Done():
			return ctx.Err()
		}
		position := n.Position()
		shown := n.shown.Load() // after it: entries are shown before they count as told
		err := n.cfg.State.Batch(ctx, func(b readmodels.Batch) error {
			if err := fence.Check(ctx, b); err != nil {
				return err
			}
			if err := n.cfg.Hub.Announce(ctx, b, shownName, shown); err != nil {
				return err
			}
			return n.cfg.Hub.Announce(ctx, b, toldName, position)
		})
		pause := n.cfg.AnnounceEvery
		switch {
		case errors.Is(err, projections.ErrDeposed):
			return err
		case err != nil && ctx.Err() == nil:
			n.cfg.Log.Warn("others do not hear who was told", "error", err)
			pause = n.cfg.RetryMin
			n.tellOthers()
		}
		if !sleep(ctx, pause) {
			return ctx.Err()
		}
	}
}

// tellOthers says that there is something to announce.
func (n *Notify) tellOthers() {
	select {
	case n.news <- struct{}{}:
	default: // it is said already
	}
}

// reach says that everybody was told up to position.
func (n *Notify) reach(position uint64) {
	n.position.Reach(position)
	n.tellOthers()
}

// follow tells of the log from where it was left, until something fails.
func (n *Notify) follow(ctx context.Context, fence projections.Fence) error {
	from, err := n.resume(ctx)
	if err != nil {
		return err
	}
	n.held = nil
	log := readAhead(ctx, n.cfg.Store, from, n.filter)
	defer log.close()
	for {
		m, more, err := log.next(ctx)
		if err == nil && !m.CaughtUp {
			err = n.tell(ctx, m.Record)
		}
		if err == nil && !more {
			err = n.release(ctx)
		}
		if err != nil {
			return err
		}
		if len(n.held) > 0 {
			continue
		}
		n.reach(m.Position)
		if now := n.cfg.Now(); now.Sub(n.saved) >= n.cfg.SaveEvery {
			if err := n.save(ctx, fence); err != nil {
				return err
			}
			n.saved = now
		}
	}
}

func (n *Notify) save(ctx context.Context, fence projections.Fence) error {
	if n.Position() == 0 {
		return nil
	}
	if err := n.cfg.Checkpoint.Save(ctx, fence, n.epochs.newest().id, n.Position()); err != nil {
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
	from = max(from, n.Position())
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
	n.show(appended)
	n.reach(from)
	return from, nil
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
	if rec.Meta().Imported { // old news
		return nil
	}
	if err := n.cfg.Tables.Wait(ctx, rec.Position); err != nil {
		return err
	}
	// Whatever is looked at is at least as new as the event.
	at := commands.WithPosition(ctx, rec.Position)
	rule := n.rules[rec.Type]
	notes, err := rule.decide(n, at, d)
	if err == nil {
		err = n.send(ctx, rec, notes)
	}
	if err != nil || rule.crowd == nil {
		return err
	}
	for after := uuid.Nil; ; {
		page, last, err := rule.crowd(n, at, d, after)
		if err == nil {
			err = n.send(ctx, rec, page) // an inbox that decide has told takes no second entry of an event
		}
		if err != nil || last == uuid.Nil {
			return err
		}
		after = last
	}
}
