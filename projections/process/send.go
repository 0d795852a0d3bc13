package process

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/notification"
)

// maxAhead is how many events are read before the one that people are told of,
// and for how many a note may be held back.
const maxAhead = 64

// send tells people of rec, and returns when all of them were. Where that is
// one person alone it may be held back until release: what events in a row tell
// one person, as a thousand reactions to a post do, is appended at once. Every
// inbox is still told of an event before any is told of a later one, so that
// resume knows what was dealt with.
func (n *Notify) send(ctx context.Context, rec event.Record, notes []commands.Notify) error {
	if len(notes) == 0 {
		return nil
	}
	epoch, later := n.epochs.at(rec.Position)
	for i := range notes {
		notes[i].Entry.Cause = notification.Cause{Epoch: epoch, Position: rec.Position, ID: rec.ID}
		notes[i].Later = later
	}
	alone := len(notes) == 1
	if !alone || len(n.held) > 0 && n.held[0].Recipient != notes[0].Recipient {
		if err := n.release(ctx); err != nil {
			return err
		}
	}
	if alone {
		n.held = append(n.held, notes[0])
		return nil
	}
	all, together := errgroup.WithContext(ctx)
	all.SetLimit(atOnce)
	for _, note := range notes {
		all.Go(func() error { return n.append(together, note) })
	}
	return all.Wait()
}

// release tells what was held back.
func (n *Notify) release(ctx context.Context) error {
	if len(n.held) == 0 {
		return nil
	}
	held := n.held
	n.held = nil
	return n.append(ctx, held[0], held[1:]...)
}

// append tells one inbox.
func (n *Notify) append(ctx context.Context, first commands.Notify, more ...commands.Notify) error {
	out, err := n.cfg.Commands.Notify(ctx, first, more...)
	if errors.Is(err, event.ErrKeyGone) { // erased: there is nobody to tell
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errInbox, err)
	}
	n.show(out.Position)
	return nil
}

// ahead reads a log before somebody who does more with it.
type ahead struct {
	messages chan event.Message // closed at the end
	err      error              // why it ended
	run      int                // messages since it was last said that no more wait
	stop     context.CancelFunc
	reading  sync.WaitGroup
}

// readAhead begins after position; close must be called.
func readAhead(ctx context.Context, store event.Store, after uint64, filter event.Filter) *ahead {
	ctx, stop := context.WithCancel(ctx)
	a := &ahead{messages: make(chan event.Message, maxAhead), stop: stop}
	a.reading.Go(func() {
		defer close(a.messages)
		for m, err := range store.Tail(ctx, after, filter) {
			if a.err = err; err != nil {
				return
			}
			select {
			case a.messages <- m:
			case <-ctx.Done():
				a.err = ctx.Err()
				return
			}
		}
		a.err = errors.New("the log's tail ended")
	})
	return a
}

func (a *ahead) close() {
	a.stop()
	a.reading.Wait()
}

// next waits for a message. more says that another one is there already, but
// not for more than maxAhead in a row.
func (a *ahead) next(ctx context.Context) (m event.Message, more bool, err error) {
	select {
	case m, open := <-a.messages:
		if !open {
			return m, false, a.err
		}
		if a.run++; a.run < maxAhead && len(a.messages) > 0 {
			return m, true, nil
		}
		a.run = 0
		return m, false, nil
	case <-ctx.Done():
		return m, false, ctx.Err()
	}
}
