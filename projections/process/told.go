package process

import (
	"context"
	"sync/atomic"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/projections"
)

// Name is what Notify is called, and what its leader leads.
const Name = "notify"

// What the leader announces, in one transaction, and is heard in this order:
// whoever hears how far everybody was told knows already where that can be read.
const (
	shownName = Name + ".shown"
	toldName  = Name + ".told"
)

// told is how far everybody was told, as this process knows it.
type told struct {
	store    event.Store
	position projections.Progress
	shown    atomic.Uint64 // position of the newest entry of what was told
}

// show says that entries end at position, or later.
func (t *told) show(position uint64) {
	for {
		before := t.shown.Load()
		if before >= position || t.shown.CompareAndSwap(before, position) {
			return
		}
	}
}

// hear learns from other processes until stop is called.
func (t *told) hear(hub *projections.Hub) (stop func()) {
	shown := hub.Follow(shownName, t.show)
	position := hub.Follow(toldName, t.position.Reach)
	return func() { position(); shown() }
}

// Name implements projections.Standing.
func (t *told) Name() string { return Name }

// Wait returns once everybody was told of the log up to position. shown is
// where the entries end: whoever reads an inbox from the tables waits for them
// up to there. Errors: the context's, projections.ErrTooManyWaiters.
func (t *told) Wait(ctx context.Context, position uint64) (shown uint64, err error) {
	if err := t.position.Wait(ctx, position); err != nil {
		return 0, err
	}
	return t.shown.Load(), nil
}

// Position is how far everybody was told.
func (t *told) Position() uint64 { return t.position.Position() }

// Lag is how many positions of the log nobody was told of yet.
func (t *told) Lag(ctx context.Context) (uint64, error) {
	at := t.Position() // before the head: else the lag could be below zero
	head, err := t.store.Head(ctx)
	if err != nil || head < at {
		return 0, err
	}
	return head - at, nil
}

// Follower is Notify for a process that only hears how far others have told.
// Its methods may be called from any goroutine.
type Follower struct{ told }

// NewFollower hears through hub, for as long as that is run.
func NewFollower(store event.Store, hub *projections.Hub) *Follower {
	f := &Follower{told{store: store}}
	f.hear(hub)
	return f
}

// Teller is Notify, or a Follower of it.
type Teller interface {
	Wait(ctx context.Context, position uint64) (shown uint64, err error)
}

var (
	_ Teller               = (*Notify)(nil)
	_ Teller               = (*Follower)(nil)
	_ projections.Standing = (*Notify)(nil)
	_ projections.Standing = (*Follower)(nil)
)

// Shown is a Waiter for whoever reads inboxes from the tables: people were
// told of everything up to the position, and the tables show it.
type Shown struct {
	Notify Teller
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
