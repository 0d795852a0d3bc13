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

// Telling is an entry that an inbox is to be told.
type Telling struct {
	Entry    Notified
	Later    []uuid.UUID // epochs that began after that of the entry's cause
	RoomRead uint64      // of kind chat: how far the room was read
}

// Tell adds entries one after another, in the order of their causes, but those
// that it was told before. Of a room's messages it is told once until the room
// was read that far.
func (i *Inbox) Tell(list ...Telling) (added []event.Data, err error) {
	so, rooms := Inbox{told: i.told}, map[uuid.UUID]uint64{} // by the entries before
	for _, t := range list {
		if so.Told(t.Entry.Cause, t.Later) {
			continue
		}
		if room := t.Entry.Subject.ID; t.Entry.Kind == Chat {
			if max(rooms[room], i.rooms[room]) > t.RoomRead {
				continue
			}
			rooms[room] = t.Entry.Message
		}
		so.told = t.Entry.Cause
		added = append(added, t.Entry)
	}
	return added, nil
}

// Read moves "read up to" forward, never back and never beyond the newest.
func (i *Inbox) Read(number uint64) ([]event.Data, error) {
	number = min(number, i.newest)
	if number <= i.readUpTo {
		return nil, nil
	}
	return []event.Data{Read{Number: number}}, nil
}
