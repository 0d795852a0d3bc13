package push

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/event"
)

// N3, N5: what is sent over one socket arrives at the others, numbered.
func TestSendAndReceive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(nil)
	alice, bob := actor(), actor()
	room := w.room(true, alice.Account, bob.Account)
	topic := "room:" + room.String()
	a, b := n.dial(alice), n.dial(bob)
	if f := b.subscribe(topic, nil); f.N != 1 || f.Recovered == nil || *f.Recovered {
		t.Fatalf("answer: %s", f.raw)
	}
	for i := range 10 {
		text := fmt.Sprintf("hello %d", i)
		sent := a.ask("send", map[string]any{"room": room, "text": text, "clientId": fmt.Sprint(i)})
		if sent.OK == nil || !*sent.OK || sent.Number != uint64(i+2) {
			t.Fatalf("send: %s", sent.raw)
		}
		got := b.next()
		if got.Topic != topic || got.N != sent.Number || got.Type != typeMessageSent || got.Data["text"] != text || got.Data["clientId"] != fmt.Sprint(i) {
			t.Fatalf("received: %s", got.raw)
		}
	}
}

// N3, invariant 7: after, epoch, recovered and reset.
func TestCursors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(nil)
	alice, bob := actor(), actor()
	room := w.room(true, alice.Account, bob.Account)
	topic := "room:" + room.String()
	for i := range 9 {
		w.sends(alice.Account, room, fmt.Sprint(i+2)) // numbers 2 … 10
	}
	for _, c := range []struct {
		name      string
		fields    map[string]any
		recovered bool
		from      uint64 // of a reset; 0: none
		first     uint64 // number of the first frame, once number 11 is sent
	}{
		{"none", nil, false, 0, 11},
		{"all", map[string]any{"after": 0}, true, 0, 1},
		{"some", map[string]any{"after": 7}, true, 0, 8},
		{"nothing missing", map[string]any{"after": 10}, true, 0, 11},
		{"ahead", map[string]any{"after": 11}, false, 10, 11},
		{"far ahead", map[string]any{"after": uint64(1) << 60}, false, 10, 11},
		{"this epoch", map[string]any{"after": 9, "epoch": w.epoch.String()}, true, 0, 10},
		{"another epoch", map[string]any{"after": 9, "epoch": newID().String()}, false, 10, 11},
		{"no uuid for an epoch", map[string]any{"after": 9, "epoch": "x"}, false, 10, 11},
		{"another epoch without after", map[string]any{"epoch": newID().String()}, false, 0, 11},
	} {
		s := n.dial(bob)
		f := s.subscribe(topic, c.fields)
		if f.N != 10 || *f.Recovered != c.recovered || f.Topic != topic {
			t.Fatalf("%s: %s", c.name, f.raw)
		}
		if c.from > 0 {
			if r := s.next(); !r.Reset || r.From != c.from || r.Topic != topic {
				t.Fatalf("%s: no reset from %d: %s", c.name, c.from, r.raw)
			}
		}
		for want := c.first; want <= 10; want++ {
			if f := s.next(); f.N != want {
				t.Fatalf("%s: want %d: %s", c.name, want, f.raw)
			}
		}
		_ = s.ws.Close()
	}
	last := n.dial(bob)
	last.subscribe(topic, map[string]any{"after": 11})
	if r := last.next(); !r.Reset {
		t.Fatalf("no reset: %s", r.raw)
	}
	w.sends(alice.Account, room, "eleven")
	if f := last.next(); f.N != 11 {
		t.Fatalf("after a reset the live goes on: %s", f.raw)
	}
}

// N3: a second subscribe with after starts over, without it changes nothing.
func TestSubscribeAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(nil)
	alice := actor()
	room := w.room(true, alice.Account)
	topic := "room:" + room.String()
	s := n.dial(alice)
	s.subscribe(topic, nil)
	w.sends(alice.Account, room, "two")
	if f := s.next(); f.N != 2 {
		t.Fatal(f.raw)
	}
	if f := s.subscribe(topic, nil); f.N != 2 {
		t.Fatal(f.raw)
	}
	if f := s.subscribe(topic, map[string]any{"after": 0}); !*f.Recovered {
		t.Fatal(f.raw)
	}
	w.sends(alice.Account, room, "three")
	for want := uint64(1); want <= 3; want++ {
		if f := s.next(); f.N != want {
			t.Fatalf("want %d: %s", want, f.raw)
		}
	}
	if f := s.ask("unsubscribe", map[string]any{"topic": topic}); !*f.OK {
		t.Fatal(f.raw)
	}
	if f := s.ask("unsubscribe", map[string]any{"topic": topic}); !*f.OK {
		t.Fatal(f.raw)
	}
	w.sends(alice.Account, room, "four")
	if f := s.subscribe(topic, nil); f.N != 4 || len(s.early) != 0 {
		t.Fatalf("%s, early %v", f.raw, s.early)
	}
}

// N3, invariant 11: rooms of others and rooms that are not there look alike;
// whoever loses a room is told, and nothing of it comes afterwards.
func TestMembership(t *testing.T) {
	t.Parallel()
	membership(t, newWorld(t))
}

func membership(t *testing.T, w *world) {
	n := w.node(nil)
	alice, bob, eve := actor(), actor(), actor()
	room := w.room(true, alice.Account, bob.Account)
	topic := "room:" + room.String()
	e := n.dial(eve)
	for _, name := range []string{topic, "room:" + newID().String(), "room:x", "room:", "", "inbox:" + eve.Account.String(), "nothing", "Room:" + room.String(), "room:" + strings.ToUpper(room.String())} {
		if f := e.ask("subscribe", map[string]any{"topic": name}); !f.refused("topic.not_found") {
			t.Fatalf("%q: %s", name, f.raw)
		}
	}
	b := n.dial(bob)
	b.subscribe(topic, nil)
	if _, err := w.cmds.RemoveFromRoom(context.Background(), commands.Actor{Account: alice.Account}, room, bob.Account); err != nil {
		t.Fatal(err)
	}
	w.sends(alice.Account, room, "without bob")
	if f := b.next(); f.N != 2 || f.Type != typeNotice || f.Data["kind"] != "removed" {
		t.Fatal(f.raw)
	}
	if f := b.next(); !f.Ended || f.Topic != topic {
		t.Fatal(f.raw)
	}
	if f := b.ask("subscribe", map[string]any{"topic": topic, "after": 0}); !f.refused("topic.not_found") {
		t.Fatal(f.raw)
	}
	if len(b.early) > 0 {
		t.Fatalf("after the end: %v", b.early)
	}
}

// N3, C1: where newcomers may not see the past, an older number is answered by
// reset with the first visible one.
func TestNewcomer(t *testing.T) {
	t.Parallel()
	newcomer(t, newWorld(t))
}

func newcomer(t *testing.T, w *world) {
	n := w.node(nil)
	alice, bob := actor(), actor()
	room := w.room(false, alice.Account)
	topic := "room:" + room.String()
	w.sends(alice.Account, room, "before")
	w.append(chat.Stream(room), chat.Joined{Account: bob.Account, By: alice.Account}) // 3
	w.sends(alice.Account, room, "after")                                             // 4
	token := event.NewPositions(w.epoch).Encode(mustHead(t, w))
	for after, from := range map[uint64]uint64{0: 3, 1: 3, 2: 0, 3: 0, 4: 0} {
		b := n.dial(bob)
		f := b.subscribe(topic, map[string]any{"after": after, "position": token})
		if *f.Recovered != (from == 0) {
			t.Fatalf("after %d: %s", after, f.raw)
		}
		if from > 0 {
			if r := b.next(); !r.Reset || r.From != from {
				t.Fatalf("after %d: %s", after, r.raw)
			}
			continue
		}
		for want := after + 1; want <= 4; want++ {
			if f := b.next(); f.N != want {
				t.Fatalf("after %d: %s", after, f.raw)
			}
		}
	}
}

func mustHead(t *testing.T, w *world) uint64 {
	t.Helper()
	head, err := w.store.Head(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return head
}

// N3, invariant 11: the past is shown as it stands, from the ring and from the
// log alike.
func TestDeletedInThePast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alice := actor()
	room := w.room(true, alice.Account)
	topic := "room:" + room.String()
	by := commands.Actor{Account: alice.Account}
	ctx := context.Background()
	n := w.node(nil)
	watcher := n.dial(alice) // keeps the ring
	watcher.subscribe(topic, nil)
	for i := range 4 {
		w.sends(alice.Account, room, fmt.Sprintf("secret %d", i)) // 2 … 5
	}
	if _, err := w.cmds.EditMessage(ctx, by, commands.EditMessage{Room: room, Number: 3, Text: "secret edit"}); err != nil { // 6
		t.Fatal(err)
	}
	if _, err := w.cmds.DeleteMessage(ctx, by, room, 3, nil); err != nil { // 7
		t.Fatal(err)
	}
	w.sends(alice.Account, room, "last") // 8
	for watcher.next().N < 8 {
	}
	check := func(n *node) {
		t.Helper()
		for range 3 { // the log, then whatever was kept
			s := n.dial(alice)
			s.subscribe(topic, map[string]any{"after": 0})
			for want := uint64(1); want <= 8; want++ {
				f := s.next()
				if f.N != want {
					t.Fatalf("want %d: %s", want, f.raw)
				}
				switch want {
				case 3:
					if f.Data["text"] != "" || f.Data["deleted"] != true {
						t.Fatal(f.raw)
					}
				case 6:
					if f.Data["text"] != "" || f.Type != typeMessageEdited || f.Data["number"] != 3. {
						t.Fatal(f.raw)
					}
				case 7:
					if f.Type != typeMessageDeleted || f.Data["number"] != 3. {
						t.Fatal(f.raw)
					}
				case 2, 4, 5:
					if !strings.HasPrefix(f.Data["text"].(string), "secret") || f.Data["deleted"] != false {
						t.Fatal(f.raw)
					}
				}
			}
		}
	}
	check(n)
	n.stop()
	check(w.node(nil))
}

// Invariant 7: hundreds of readers that come and go while writers write, over
// restarts of the node, each see every number once, in order.
func TestEveryNumberOnce(t *testing.T) {
	t.Parallel()
	everyNumberOnce(t, newWorld(t))
}

func everyNumberOnce(t *testing.T, w *world) {
	const readers, nodes, writers, messages = 200, 2, 4, 48 // messages of a room and node
	people := make([]commands.Actor, readers)
	ids := make([]uuid.UUID, readers)
	for i := range people {
		people[i] = actor()
		ids[i] = people[i].Account
	}
	rooms := [2]uuid.UUID{w.room(true, ids...), w.room(true, ids...)}
	cursors := make([][2]uint64, readers)
	for life := range nodes {
		n := w.node(func(c *Config) { c.Ring = 16 }) // small: the log is read, too
		goal := uint64(1 + (life+1)*messages)
		var crew sync.WaitGroup
		for _, room := range rooms {
			for range writers {
				crew.Go(func() {
					for range messages / writers {
						w.sends(ids[0], room, "x")
					}
				})
			}
		}
		for i := range readers {
			crew.Go(func() {
				if err := readAll(n, people[i], rooms, &cursors[i], goal, i); err != nil {
					t.Errorf("reader %d of node %d: %v", i, life, err)
				}
			})
		}
		crew.Wait()
		n.stop()
	}
}

// readAll reads both rooms up to goal, leaving and coming back in between.
func readAll(n *node, who commands.Actor, rooms [2]uuid.UUID, cursors *[2]uint64, goal uint64, seed int) error {
	chance := rand.New(rand.NewPCG(uint64(seed), goal))
	for cursors[0] < goal || cursors[1] < goal {
		s := n.dial(who)
		for i, room := range rooms {
			s.write(fmt.Sprintf(`{"id":"s","do":"subscribe","topic":"room:%s","after":%d,"epoch":"%s"}`, room, cursors[i], s.epoch))
		}
		for left := 20 + chance.IntN(100); left > 0 && (cursors[0] < goal || cursors[1] < goal); left-- {
			f, err := s.read()
			var closed *websocket.CloseError
			switch {
			case errors.As(err, &closed) && CloseCode(closed.Code).Reconnect(): // a busy machine: come back
				left = 0
				continue
			case err != nil:
				return err
			case f.OK != nil && *f.OK && *f.Recovered:
				continue
			}
			i := slices.IndexFunc(rooms[:], func(r uuid.UUID) bool { return f.Topic == "room:"+r.String() })
			if i < 0 || f.N != cursors[i]+1 {
				return fmt.Errorf("after %v: %s", *cursors, f.raw)
			}
			cursors[i] = f.N
		}
		_ = s.ws.Close()
	}
	return nil
}
