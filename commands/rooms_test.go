package commands

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/text"
	"github.com/parleyhq/parley/infra/pebble"
)

// roomOf is the fold of a room's stream.
func (c *community) roomOf(room uuid.UUID) (r *chat.Room, events []event.Decoded) {
	c.t.Helper()
	r = chat.NewRoom(200)
	for rec, err := range c.store.Stream(context.Background(), chat.Stream(room), 0, event.Forward) {
		if err != nil {
			c.t.Fatal(err)
		}
		d, err := c.codec.Decode(context.Background(), rec)
		if err != nil {
			c.t.Fatal(err)
		}
		r.Apply(d)
		events = append(events, d)
	}
	return r, events
}

// C1, invariant 3: a pair that opens its direct room on two nodes at the same
// moment gets one room, which one of them made.
func TestDirectRoomOnTwoNodes(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	nodes := []*Commands{c.node(c.store), c.node(c.store)}
	alice, _ := c.member(nodes[0], "alice")
	bob, _ := c.member(nodes[1], "bob")
	var made atomic.Int64
	var rooms sync.Map
	var all sync.WaitGroup
	for i := range 32 {
		by, other := alice, bob
		if i%4 < 2 {
			by, other = bob, alice
		}
		all.Go(func() {
			opened, err := nodes[i%2].OpenRoom(context.Background(), by, OpenRoom{Kind: chat.Direct, Members: []uuid.UUID{other.Account}})
			if err != nil {
				t.Error(err)
			}
			if opened.Created {
				made.Add(1)
			}
			rooms.Store(opened.Room, true)
		})
	}
	all.Wait()
	count := 0
	rooms.Range(func(any, any) bool { count++; return true })
	if count != 1 || made.Load() != 1 {
		t.Errorf("%d rooms, made %d times", count, made.Load())
	}
}

// C5: being sent away and sending cannot cross, whichever nodes they are on:
// nothing of who was removed comes after the removal.
func TestRemovedWhileSending(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	here, there := c.node(c.store), c.node(c.store)
	owner, _ := c.member(here, "owner")
	bob, _ := c.member(there, "bob")
	opened, err := here.OpenRoom(t.Context(), owner, OpenRoom{Kind: chat.Group, Members: []uuid.UUID{bob.Account}})
	if err != nil {
		t.Fatal(err)
	}
	var sent atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for {
				_, err := there.SendMessage(context.Background(), bob, SendMessage{Room: opened.Room, Text: "still here"})
				if errors.Is(err, fault.ErrConflict) {
					continue
				}
				if err != nil {
					want(t, err, fault.ErrNotFound)
					return
				}
				sent.Add(1)
			}
		})
	}
	for sent.Load() < 20 {
		if _, err := here.SendMessage(t.Context(), owner, SendMessage{Room: opened.Room, Text: "and I"}); err != nil && !errors.Is(err, fault.ErrConflict) {
			t.Fatal(err)
		}
	}
	for {
		_, err := here.RemoveFromRoom(t.Context(), owner, opened.Room, bob.Account)
		if err == nil {
			break
		}
		want(t, err, fault.ErrConflict)
	}
	all.Wait()
	_, events := c.roomOf(opened.Room)
	removed := false
	for _, e := range events {
		switch d := e.Payload.(type) {
		case chat.Removed:
			removed = true
		case chat.MessageSent:
			if removed && d.Sender == bob.Account {
				t.Errorf("number %d was sent by who is gone", e.Revision+1)
			}
		}
	}
	if !removed {
		t.Error("nobody was removed")
	}
}

// C5: a resend is the same message on any node, also when both work on it.
func TestResendOnTwoNodes(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	nodes := []*Commands{c.node(c.store), c.node(c.store)}
	alice, _ := c.member(nodes[0], "alice")
	opened, err := nodes[0].OpenRoom(t.Context(), alice, OpenRoom{Kind: chat.Group})
	if err != nil {
		t.Fatal(err)
	}
	const ids, times = 20, 6
	var numbers sync.Map
	var all sync.WaitGroup
	for i := range ids * times {
		all.Go(func() {
			id := fmt.Sprint(i % ids)
			for {
				sent, err := nodes[i%2].SendMessage(context.Background(), alice, SendMessage{Room: opened.Room, Text: "hi", ClientID: id})
				if errors.Is(err, fault.ErrConflict) {
					continue
				}
				if err != nil {
					t.Error(err)
				}
				if before, loaded := numbers.LoadOrStore(id, sent.Number); loaded && before != sent.Number {
					t.Errorf("client id %s is number %d and %d", id, before, sent.Number)
				}
				return
			}
		})
	}
	all.Wait()
	if r, _ := c.roomOf(opened.Room); r.Newest() != 1+ids {
		t.Errorf("%d messages of %d client ids", r.Newest()-1, ids)
	}
}

// C1, F8: a block counts for a direct room where it was made at once, and on
// another node for whoever brings its position along.
func TestBlockAgainstSending(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	here, there := c.node(c.store), c.node(c.store)
	alice, _ := c.member(here, "alice")
	bob, _ := c.member(there, "bob")
	opened, err := here.OpenRoom(t.Context(), alice, OpenRoom{Kind: chat.Direct, Members: []uuid.UUID{bob.Account}})
	if err != nil {
		t.Fatal(err)
	}
	send := SendMessage{Room: opened.Room, Text: "hi"}
	if _, err := there.SendMessage(WithPosition(t.Context(), opened.Position), bob, send); err != nil {
		t.Fatal(err)
	}
	out, err := here.Block(t.Context(), alice, bob.Account, true)
	if err != nil {
		t.Fatal(err)
	}
	_, err = here.SendMessage(t.Context(), alice, send)
	want(t, err, fault.ErrNotFound)
	seen := WithPosition(t.Context(), out.Position)
	_, err = there.SendMessage(seen, bob, send)
	want(t, err, fault.ErrNotFound)
	name := "what I wanted to say"
	_, err = there.EditMessage(seen, bob, EditMessage{Room: opened.Room, Number: 2, Text: name})
	want(t, err, fault.ErrNotFound)
	_, err = there.ChangeRoom(seen, bob, opened.Room, chat.Settings{Name: &name}, nil)
	want(t, err, fault.ErrNotFound)
	_, err = here.ReactToMessage(t.Context(), alice, opened.Room, 2, "like", true)
	want(t, err, fault.ErrNotFound)
	if first, ok, err := there.RoomMember(t.Context(), opened.Room, bob.Account); err != nil || !ok || first != 1 {
		t.Errorf("the room stays readable: %d, %v, %v", first, ok, err)
	}
	if _, err := there.DeleteMessage(seen, bob, opened.Room, 2, nil); err != nil {
		t.Errorf("one's own stays one's own to delete: %v", err)
	}
}

// A11: a message holds no handle of another person: it follows them when they
// change it, and forgets them.
func TestMentionsInMessages(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	n := c.node(c.store)
	alice, _ := c.member(n, "alice")
	bob, _ := c.member(n, "bob")
	opened, err := n.OpenRoom(t.Context(), alice, OpenRoom{Kind: chat.Group})
	if err != nil {
		t.Fatal(err)
	}
	said := "hi @Bob and @bob, not @nobody or a@bob"
	if _, err := n.SendMessage(t.Context(), alice, SendMessage{Room: opened.Room, Text: said}); err != nil {
		t.Fatal(err)
	}
	_, events := c.roomOf(opened.Room)
	m := events[1].Payload.(chat.MessageSent)
	id := bob.Account.String()
	if stored := "hi @" + id + " and @" + id + ", not @nobody or a@bob"; m.Text != stored || len(m.Mentions) != 1 || m.Mentions[0] != bob.Account {
		t.Errorf("stored %q %v, want %q", m.Text, m.Mentions, stored)
	}
	read, err := n.Spoken(t.Context(), m.Text, m.Mentions)
	if want := "hi @bob and @bob, not @nobody or a@bob"; read != want || err != nil {
		t.Errorf("read %q, %v", read, err)
	}
	gone := uuid.New()
	if read, err := n.Spoken(t.Context(), "hi @"+gone.String(), []uuid.UUID{gone}); read != "hi @"+text.Nobody || err != nil {
		t.Errorf("who is gone: %q, %v", read, err)
	}
}

// Deciding what was deleted, for whoever replays a room.
func TestDeletedMessages(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	n := c.node(c.store)
	alice, _ := c.member(n, "alice")
	opened, err := n.OpenRoom(t.Context(), alice, OpenRoom{Kind: chat.Group})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := n.SendMessage(t.Context(), alice, SendMessage{Room: opened.Room, Text: "hi"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := n.DeleteMessage(t.Context(), alice, opened.Room, 3, nil); err != nil {
		t.Fatal(err)
	}
	gone, err := n.DeletedMessages(t.Context(), opened.Room, []uint64{0, 1, 2, 3, 4, 5, 1 << 63})
	if err != nil || len(gone) != 1 || !gone[3] {
		t.Errorf("%v, %v", gone, err)
	}
}

// benchRoom is a community on a disk, with a group of one.
func benchRoom(b *testing.B) (*community, *Commands, Actor, uuid.UUID) {
	b.Helper()
	c := newCommunity(b)
	log, err := pebble.Open(b.TempDir(), pebble.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = log.Close() })
	c.store = log
	n := c.node(c.store)
	up, err := n.SignUp(b.Context(), SignUp{Email: "alice@example.org", Handle: "alice", Password: goodPassword})
	if err != nil {
		b.Fatal(err)
	}
	alice := Actor{Account: up.Account}
	opened, err := n.OpenRoom(b.Context(), alice, OpenRoom{Kind: chat.Group})
	if err != nil {
		b.Fatal(err)
	}
	return c, n, alice, opened.Room
}

// BenchmarkSendMessage is one durable command, by clients at the same time.
func BenchmarkSendMessage(b *testing.B) {
	for _, clients := range []int{1, 64} {
		b.Run(fmt.Sprint(clients), func(b *testing.B) {
			_, n, alice, room := benchRoom(b)
			b.ReportAllocs()
			var left atomic.Int64
			left.Store(int64(b.N))
			b.ResetTimer()
			var all sync.WaitGroup
			for range clients {
				all.Go(func() {
					for left.Add(-1) >= 0 {
						if _, err := n.SendMessage(context.Background(), alice, SendMessage{Room: room, Text: "a message of some length, as people write them"}); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

// BenchmarkLoadRoom is the first command in a room of 50,000 messages after a
// start.
func BenchmarkLoadRoom(b *testing.B) {
	c, n, alice, room := benchRoom(b)
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for range 50_000 / 64 {
				_, _ = n.SendMessage(context.Background(), alice, SendMessage{Room: room, Text: "a message of some length, as people write them", ClientID: uuid.NewString()})
			}
		})
	}
	all.Wait()
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		fresh := c.node(c.store)
		b.StartTimer()
		if _, _, err := fresh.RoomMember(b.Context(), room, alice.Account); err != nil {
			b.Fatal(err)
		}
	}
}

// slowStore holds appends to one stream back while it is told to.
type slowStore struct {
	event.Store
	stream  string
	entered chan struct{}
	let     chan struct{}
}

func (s *slowStore) Append(ctx context.Context, stream string, at event.Expected, events []event.Event) (event.Result, error) {
	if stream == s.stream {
		s.entered <- struct{}{}
		<-s.let
	}
	return s.Store.Append(ctx, stream, at, events)
}

// Who is in a room can be asked while something is being appended to it; what
// is not in the log yet is not seen.
func TestPeekWaitsForNoAppend(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	slow := &slowStore{Store: c.store, entered: make(chan struct{}), let: make(chan struct{})}
	n := c.node(slow)
	alice, _ := c.member(n, "alice")
	bob, _ := c.member(n, "bob")
	opened, err := n.OpenRoom(t.Context(), alice, OpenRoom{Kind: chat.Group, Members: []uuid.UUID{bob.Account}})
	if err != nil {
		t.Fatal(err)
	}
	slow.stream = chat.Stream(opened.Room)
	done := make(chan error, 1)
	go func() {
		_, err := n.RemoveFromRoom(context.Background(), alice, opened.Room, bob.Account)
		done <- err
	}()
	<-slow.entered
	if _, in, err := n.RoomMember(t.Context(), opened.Room, bob.Account); err != nil || !in {
		t.Errorf("before the append ended: %v, %v", in, err)
	}
	close(slow.let)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, in, err := n.RoomMember(t.Context(), opened.Room, bob.Account); err != nil || in {
		t.Errorf("after it: %v, %v", in, err)
	}
}

// A resend that is decided together with the message itself is told a
// position at which that message can be read.
func TestResendInOneBatch(t *testing.T) {
	t.Parallel()
	c := newCommunity(t)
	slow := &slowStore{Store: c.store, entered: make(chan struct{}), let: make(chan struct{})}
	n := c.node(slow)
	alice, _ := c.member(n, "alice")
	opened, err := n.OpenRoom(t.Context(), alice, OpenRoom{Kind: chat.Group})
	if err != nil {
		t.Fatal(err)
	}
	slow.stream = chat.Stream(opened.Room)
	var all sync.WaitGroup
	send := func(id string, into *MessageSent) {
		all.Go(func() {
			var err error
			if *into, err = n.SendMessage(context.Background(), alice, SendMessage{Room: opened.Room, Text: "hi", ClientID: id}); err != nil {
				t.Error(err)
			}
		})
	}
	var first, a, b MessageSent
	send("first", &first)
	<-slow.entered // the two that come now wait, and are decided together
	send("same", &a)
	send("same", &b)
	e := n.entry(slow.stream, func() folder { return n.newRoom() })
	for waiting := 0; waiting < 2; {
		e.queueing.Lock()
		waiting = len(e.waiting)
		e.queueing.Unlock()
	}
	slow.let <- struct{}{}
	<-slow.entered
	slow.let <- struct{}{}
	all.Wait()
	if a.Number != b.Number || a.Position != b.Position || a.Resent == b.Resent {
		t.Errorf("sent %+v, and again %+v", a, b)
	}
}
