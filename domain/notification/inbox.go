package notification

import (
	"slices"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// Inbox is the state of an inbox-<account> stream. It holds about 40 bytes
// for each room that the account was ever told of, and nothing else that
// grows.
type Inbox struct {
	newest   uint64
	readUpTo uint64
	told     Cause                // the newest
	rooms    map[uuid.UUID]uint64 // number of the message last told of, by room
}

// New is the state of a stream without events.
func New() *Inbox { return &Inbox{rooms: map[uuid.UUID]uint64{}} }

// Apply folds one event in.
func (i *Inbox) Apply(d event.Decoded) {
	i.newest = d.Revision + 1
	switch e := d.Payload.(type) {
	case Notified:
		i.told = e.Cause
		if e.Kind == Chat {
			i.rooms[e.Subject.ID] = e.Message
		}
	case Read:
		i.readUpTo = e.Number
	}
}

// Newest is the newest number, 0 of an empty inbox.
func (i *Inbox) Newest() uint64 { return i.newest }

// ReadUpTo is how far was read.
func (i *Inbox) ReadUpTo() uint64 { return i.readUpTo }

// Told says whether the inbox was told of cause, or of anything after it:
// telling goes in the order of the log. later are the epochs that began after
// that of cause.
func (i *Inbox) Told(cause Cause, later []uuid.UUID) bool {
	return i.told.Epoch == cause.Epoch && i.told.Position >= cause.Position ||
		slices.Contains(later, i.told.Epoch)
}

// Tell adds an entry, unless that was done before. Of a room's messages it is
// told once until the room was read that far; roomRead is how far it was.
func (i *Inbox) Tell(n Notified, later []uuid.UUID, roomRead uint64) ([]event.Data, error) {
	if i.Told(n.Cause, later) {
		return nil, nil
	}
	if n.Kind == Chat && i.rooms[n.Subject.ID] > roomRead {
		return nil, nil
	}
	return []event.Data{n}, nil
}

// Read moves "read up to" forward, never back and never beyond the newest.
func (i *Inbox) Read(number uint64) ([]event.Data, error) {
	number = min(number, i.newest)
	if number <= i.readUpTo {
		return nil, nil
	}
	return []event.Data{Read{Number: number}}, nil
}
