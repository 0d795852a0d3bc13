package notification_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/notification"
)

var first, second = uuid.UUID{1}, uuid.UUID{2} // epochs

type told struct {
	kind     notification.Kind
	epoch    uuid.UUID
	position uint64
	room     byte
	message  uint64
	roomRead uint64
	want     bool
}

// Invariant 8: each cause once, whatever is asked for again; of a room once
// until it was read there.
func TestTell(t *testing.T) {
	t.Parallel()
	for name, steps := range map[string][]told{
		"each cause once": {
			{kind: notification.Reply, epoch: first, position: 5, want: true},
			{kind: notification.Reply, epoch: first, position: 5},
			{kind: notification.Reply, epoch: first, position: 4},
			{kind: notification.Reply, epoch: first, position: 6, want: true},
		},
		"positions of a later epoch begin anew": {
			{kind: notification.Reply, epoch: first, position: 50, want: true},
			{kind: notification.Reply, epoch: second, position: 5, want: true},
			{kind: notification.Reply, epoch: second, position: 5},
			{kind: notification.Reply, epoch: first, position: 60}, // from before: told already
		},
		"a room until it is read": {
			{kind: notification.Chat, epoch: first, position: 5, room: 1, message: 3, want: true},
			{kind: notification.Chat, epoch: first, position: 6, room: 1, message: 4},
			{kind: notification.Chat, epoch: first, position: 7, room: 2, message: 9, want: true},
			{kind: notification.Chat, epoch: first, position: 8, room: 1, message: 5, roomRead: 2},
			{kind: notification.Chat, epoch: first, position: 9, room: 1, message: 6, roomRead: 3, want: true},
			{kind: notification.Chat, epoch: first, position: 10, room: 1, message: 7, roomRead: 4},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inbox := notification.New()
			var list []notification.Telling
			var want []event.Data
			for i, s := range steps {
				var later []uuid.UUID
				if s.epoch == first {
					later = []uuid.UUID{second}
				}
				list = append(list, notification.Telling{Entry: notification.Notified{
					Kind: s.kind, Message: s.message, Subject: notification.Subject{Type: "x", ID: uuid.UUID{s.room}},
					Cause: notification.Cause{Epoch: s.epoch, Position: s.position},
				}, Later: later, RoomRead: s.roomRead})
				events, err := inbox.Tell(list[i])
				if err != nil || (len(events) == 1) != s.want {
					t.Errorf("step %d: %v, %v", i, events, err)
				}
				for _, e := range events {
					inbox.Apply(event.Decoded{Record: event.Record{Revision: inbox.Newest()}, Payload: e})
				}
				want = append(want, events...)
			}
			for split := range len(list) + 1 { // some at once, and then the others
				inbox := notification.New()
				before, err := inbox.Tell(list[:split]...)
				for _, e := range before {
					inbox.Apply(event.Decoded{Record: event.Record{Revision: inbox.Newest()}, Payload: e})
				}
				after, failed := inbox.Tell(list[split:]...)
				if diff := cmp.Diff(want, append(before, after...)); err != nil || failed != nil || diff != "" {
					t.Errorf("%d at once: %v, %v, %s", split, err, failed, diff)
				}
			}
		})
	}
}

// N2: read up to goes forward only, and not beyond the newest. Reading takes a
// number itself.
func TestRead(t *testing.T) {
	t.Parallel()
	inbox := notification.New()
	apply := func(d event.Data) {
		inbox.Apply(event.Decoded{Record: event.Record{Revision: inbox.Newest()}, Payload: d})
	}
	apply(notification.Notified{Kind: notification.Follow})
	apply(notification.Notified{Kind: notification.Follow})
	for i, c := range []struct{ to, want uint64 }{{1, 1}, {0, 1}, {1, 1}, {99, 3}, {2, 3}} {
		events, err := inbox.Read(c.to)
		for _, e := range events {
			apply(e)
		}
		if err != nil || inbox.ReadUpTo() != c.want {
			t.Errorf("step %d: read up to %d gives %d, %v", i, c.to, inbox.ReadUpTo(), err)
		}
	}
}
