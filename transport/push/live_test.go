package push

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/comment"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/follow"
	"github.com/parleyhq/parley/domain/notification"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/domain/reaction"
)

func postStream(id uuid.UUID) string    { return event.StreamName("post", id.String()) }
func commentStream(id uuid.UUID) string { return event.StreamName("comment", id.String()) }

// N3: every event of the forum on the topics that have it, nobody named who is
// anonymous.
func TestForumFrames(t *testing.T) {
	t.Parallel()
	forumFrames(t, newWorld(t))
}

func forumFrames(t *testing.T, w *world) {
	n := w.node(nil)
	reader, author := actor(), newID()
	board, id, said, pseudonym := newID(), newID(), newID(), newID()
	s := n.dial(reader)
	for _, topic := range []string{"post:" + id.String(), "board:" + board.String()} {
		if f := s.subscribe(topic, nil); f.Position == "" || f.N != 0 {
			t.Fatal(f.raw)
		}
	}
	w.append(postStream(id), post.Published{Board: board, Author: pseudonym, Anonymous: true, HiddenAuthor: author, Type: "article", Title: "T", Body: "B", Hashtags: []string{"x"}})
	w.append(commentStream(said), comment.Published{Post: id, Board: board, Author: pseudonym, Anonymous: true, HiddenAuthor: author, Body: "C"})
	w.append(commentStream(said), comment.Edited{Post: id, Author: pseudonym, Body: "D"})
	w.append(commentStream(said), comment.Deleted{Post: id, By: pseudonym})
	w.append("reaction-"+id.String()+"."+reader.Account.String(), reaction.Added{Account: reader.Account, Kind: "like", SubjectType: reaction.Post, Subject: id, Post: id})
	w.append("reaction-"+id.String()+"."+reader.Account.String(), reaction.Removed{Account: reader.Account, Kind: "like", SubjectType: reaction.Post, Subject: id, Post: id})
	w.append(postStream(id), post.Edited{Author: pseudonym, Editor: pseudonym, Title: "U", Body: "V"})
	w.append(postStream(id), post.AnswerAccepted{By: pseudonym, Comment: said})
	w.append(postStream(id), post.Redacted{By: pseudonym, Revision: 1, Event: newID()})
	w.append(postStream(id), post.Locked{By: newID(), Locked: true})
	w.append(postStream(id), post.Pinned{By: newID(), Pinned: true})
	w.append(postStream(id), post.Deleted{By: pseudonym})
	w.append(postStream(id), post.Restored{By: pseudonym, DeletedBy: pseudonym})
	w.append(postStream(id), post.Moved{By: newID(), From: board, Board: newID()})
	for _, want := range []string{
		"post: post.published.v1", "board: post.published.v1", "post: comment.published.v1", "post: comment.edited.v1", "post: comment.deleted.v1",
		"post: reaction.added.v1", "post: reaction.removed.v1", "post: post.edited.v1", "post: post.answer_accepted.v1", "post: post.redacted.v1",
		"post: post.locked.v1", "board: post.locked.v1", "post: post.pinned.v1", "board: post.pinned.v1",
		"post: post.deleted.v1", "board: post.deleted.v1", "post: post.restored.v1", "board: post.restored.v1", "post: post.moved.v1", "board: post.moved.v1",
	} {
		f := s.next()
		kind, _, _ := strings.Cut(f.Topic, ":")
		if kind+": "+f.Type != want || f.Position == "" || f.Data["id"] == nil && f.Data["subject"] == nil {
			t.Errorf("want %s: %s", want, f.raw)
		}
		for _, secret := range []uuid.UUID{author, pseudonym} {
			if strings.Contains(f.raw, secret.String()) {
				t.Errorf("it names the author: %s", f.raw)
			}
		}
	}
}

// F9, F8: a post comes to the feeds of who follows its author, board or
// hashtag, and of its author; not across a block or a mute; and what one
// follows may change while one reads.
func TestFeedFrames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(nil)
	reader, friend, other, board := actor(), newID(), newID(), newID()
	me := reader.Account
	w.fake.follows[me] = Follows{Accounts: []uuid.UUID{friend}, Tags: []string{"news"}}
	s := n.dial(reader)
	s.subscribe("feed", nil)
	publish := func(p post.Published) uuid.UUID {
		id := newID()
		p.Type, p.Title = "article", "T"
		w.append(postStream(id), p)
		return id
	}
	stranger, pseudonym := newID(), newID()
	publish(post.Published{Author: stranger, Board: newID()})
	want := []uuid.UUID{
		publish(post.Published{Author: friend, Board: newID()}),
		publish(post.Published{Author: stranger, Board: newID(), Hashtags: []string{"a", "news"}}),
		publish(post.Published{Author: me, Board: newID()}),
		publish(post.Published{Author: pseudonym, Anonymous: true, HiddenAuthor: me, Board: newID()}),
	}
	publish(post.Published{Author: pseudonym, Anonymous: true, HiddenAuthor: friend, Board: newID()}) // would tell who it is
	w.append("boardfollow-x", follow.BoardStarted{Account: me, Board: board})
	want = append(want, publish(post.Published{Author: other, Board: board}))
	w.append("mute-x", follow.MuteStarted{Muter: me, Muted: other})
	publish(post.Published{Author: other, Board: board})
	w.append("mute-x", follow.MuteEnded{Muter: me, Muted: other})
	w.append("block-x", follow.BlockStarted{Blocker: other, Blocked: me})
	publish(post.Published{Author: other, Board: board})
	w.append("block-x", follow.BlockEnded{Blocker: other, Blocked: me})
	want = append(want, publish(post.Published{Author: other, Board: board}))
	w.append("boardfollow-x", follow.BoardEnded{Account: me, Board: board})
	w.append("follow-x", follow.Ended{Follower: me, Followee: friend})
	w.append("tagfollow-x", follow.TagEnded{Account: me, Tag: "news"})
	publish(post.Published{Author: friend, Board: board, Hashtags: []string{"news"}})
	w.append("follow-x", follow.Started{Follower: me, Followee: stranger})
	w.append("tagfollow-x", follow.TagStarted{Account: me, Tag: "日本語"})
	want = append(want, publish(post.Published{Author: stranger, Board: newID()}), publish(post.Published{Author: newID(), Board: newID(), Hashtags: []string{"日本語"}}))
	for i, id := range want {
		if f := s.next(); f.Topic != "feed" || f.Data["id"] != id.String() {
			t.Fatalf("%d: want %s: %s", i, id, f.raw)
		}
	}
}

// F3, F9, F8: lists hear that a post leaves them or comes back: boards, and the
// feeds of who follows its author, a hashtag that it is given too, or the board
// that it left; not across a block, not where it is muted, and nobody of a draft.
func TestLeavingFrames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(nil)
	author, left, joined := newID(), newID(), newID()
	feeds := map[string]Follows{
		"author": {Accounts: []uuid.UUID{author}}, "tag": {Tags: []string{"news"}}, "left": {Boards: []uuid.UUID{left}}, "joined": {Boards: []uuid.UUID{joined}},
		"muting": {Boards: []uuid.UUID{left, joined}, Muted: []uuid.UUID{author}}, "blocked": {Boards: []uuid.UUID{left, joined}}, "stranger": {},
	}
	sockets := map[string]*client{}
	for name, follows := range feeds {
		a := actor()
		w.fake.follows[a.Account] = follows
		if name == "blocked" {
			w.fake.blocks[a.Account] = []uuid.UUID{author}
		}
		sockets[name] = n.dial(a)
		sockets[name].subscribe("feed", nil)
	}
	boards := n.dial(actor())
	boards.subscribe("board:"+left.String(), nil)
	boards.subscribe("board:"+joined.String(), nil)

	id, draft := newID(), newID()
	w.append(postStream(draft), post.Drafted{Board: left, Author: author, Type: "article", Title: "T"})
	w.append(postStream(draft), post.Deleted{By: author})
	w.append(postStream(draft), post.Restored{By: author, DeletedBy: author})
	w.append(postStream(id), post.Published{Board: left, Author: author, Type: "article", Title: "T", Body: "B"})
	w.append(postStream(id), post.Edited{Author: author, Editor: author, Title: "T", Body: "#news", Hashtags: []string{"news"}})
	w.append(postStream(id), post.Deleted{By: newID()})
	w.append(postStream(id), post.Restored{By: newID(), DeletedBy: newID()})
	w.append(postStream(id), post.Moved{By: newID(), From: left, Board: joined})
	last := newID()
	w.append(postStream(last), post.Published{Board: left, Author: newID(), Type: "article", Title: "Last", Hashtags: []string{"news"}})

	gone, back, moved, fresh, edited := "post.deleted.v1", "post.restored.v1", "post.moved.v1", "post.published.v1", "post.edited.v1"
	for name, want := range map[string][]string{
		"author": {fresh, gone, back, moved}, "tag": {edited, gone, back, moved, fresh}, "left": {fresh, gone, back, moved, fresh}, "joined": {moved},
		"muting": {fresh}, "blocked": {fresh}, "stranger": nil,
	} {
		for _, typ := range want {
			if f := sockets[name].next(); f.Topic != "feed" || f.Type != typ {
				t.Errorf("%s wants %s: %s", name, typ, f.raw)
			}
		}
	}
	for _, want := range []string{
		left.String() + fresh, left.String() + gone, left.String() + back, joined.String() + moved, left.String() + moved, left.String() + fresh,
	} {
		if f := boards.next(); f.Topic+f.Type != "board:"+want {
			t.Errorf("want %s: %s", want, f.raw)
		}
	}
}

// Invariant 11: a block ends the reading of each other's posts, and hides what
// either does elsewhere.
func TestBlocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(nil)
	reader, author := actor(), newID()
	id, elsewhere, hidden := newID(), newID(), newID()
	w.fake.authors[id] = author
	w.fake.hidden[hidden] = true
	s := n.dial(reader)
	s.subscribe("post:"+id.String(), nil)
	s.subscribe("post:"+elsewhere.String(), nil)
	if f := s.ask("subscribe", map[string]any{"topic": "post:" + hidden.String()}); !f.refused("topic.not_found") {
		t.Fatal(f.raw)
	}
	if f := s.ask("subscribe", map[string]any{"topic": "board:" + hidden.String()}); !f.refused("topic.not_found") {
		t.Fatal(f.raw)
	}
	w.append("block-x", follow.BlockStarted{Blocker: reader.Account, Blocked: author})
	if f := s.next(); !f.Ended || f.Topic != "post:"+id.String() {
		t.Fatal(f.raw)
	}
	unseen, other := newID(), newID()
	w.append(commentStream(unseen), comment.Published{Post: elsewhere, Author: author, Body: "hidden"})
	felt := reaction.Added{Account: other, Kind: "like", SubjectType: reaction.Comment, Subject: unseen, Post: elsewhere}
	w.append(reaction.Stream(unseen, other), felt)
	w.append(reaction.Stream(unseen, other), reaction.Removed(felt))
	w.append(commentStream(unseen), comment.Deleted{Post: elsewhere, By: other})
	w.append(commentStream(newID()), comment.Published{Post: elsewhere, Author: newID(), Body: "shown"})
	if f := s.next(); f.Data["body"] != "shown" {
		t.Fatal(f.raw)
	}
}

// N3: nothing is missed between the position of the answer and the live.
func TestLiveWithoutGap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(nil)
	positions := event.NewPositions(w.epoch)
	board := newID()
	const posts = 300
	var writer sync.WaitGroup
	writer.Go(func() {
		for range posts {
			w.append(postStream(newID()), post.Published{Board: board, Author: newID(), Type: "article", Title: "T"})
		}
	})
	var after uint64
	s := n.dial(actor())
	for round := range 20 {
		f := s.subscribe("board:"+board.String(), nil)
		position, err := positions.Decode(f.Position)
		if err != nil {
			t.Fatal(err)
		}
		before, live := map[uint64]bool{}, map[uint64]bool{}
		for rec, err := range w.store.All(context.Background(), after, event.Filter{}) {
			if err != nil {
				t.Fatal(err)
			}
			if rec.Position <= position {
				before[rec.Position] = true
			}
		}
		s.ask("unsubscribe", map[string]any{"topic": "board:" + board.String()})
		for _, f := range s.early {
			p, err := positions.Decode(f.Position)
			if err != nil {
				t.Fatal(f.raw, err)
			}
			live[p] = true
			position = max(position, p)
		}
		s.early = nil
		for rec, err := range w.store.All(context.Background(), after, event.Filter{}) {
			if err != nil {
				t.Fatal(err)
			}
			if rec.Position <= position && !before[rec.Position] && !live[rec.Position] {
				t.Fatalf("round %d: position %d is neither in the list nor live", round, rec.Position)
			}
		}
		after = position
	}
	writer.Wait()
}

// N3: the inbox, and what everybody in a room hears besides numbers.
func TestInboxAndReceipts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(nil)
	alice, bob := actor(), actor()
	room := w.room(true, alice.Account, bob.Account)
	a, b := n.dial(alice), n.dial(bob)
	a.subscribe("inbox", nil)
	a.subscribe("room:"+room.String(), nil)
	b.subscribe("inbox", nil)
	w.append(notification.Stream(alice.Account), notification.Notified{Kind: notification.Mention, Subject: notification.Subject{Type: "post", ID: newID()}})
	if f := a.next(); f.N != 1 || f.Type != typeNotified || f.Data["actor"] != nil || f.Data["read"] != false || f.Data["actors"] != 1. {
		t.Error(f.raw)
	}
	if f := a.ask("read", map[string]any{"topic": "inbox", "number": 5}); !*f.OK || f.Number != 1 {
		t.Error(f.raw)
	}
	a.early = append(a.early[:0:0], a.early...)
	if f := a.next(); f.N != 2 || f.Type != typeInboxRead || f.Data["readUpTo"] != 1. {
		t.Error(f.raw)
	}
	if f := b.ask("read", map[string]any{"room": room, "number": 1}); !*f.OK {
		t.Error(f.raw)
	}
	if f := a.next(); f.Type != "read" || f.N != 0 || f.Data["number"] != 1. {
		t.Error(f.raw)
	}
	if f := b.ask("typing", map[string]any{"room": room}); !*f.OK {
		t.Error(f.raw)
	}
	if f := a.next(); f.Type != "typing" || f.N != 0 || f.Data["until"] == nil {
		t.Error(f.raw)
	}
	for _, d := range []event.Data{
		chat.Joined{Account: newID(), By: alice.Account}, chat.RoleChanged{Account: bob.Account, Role: chat.Admin, By: alice.Account},
		chat.SettingsChanged{By: bob.Account, Name: new("x"), Avatar: new(uuid.UUID)}, chat.Left{Account: newID()},
	} {
		w.append(chat.Stream(room), d)
	}
	for i, kind := range []string{"joined", "role", "settings", "left"} {
		if f := a.next(); f.Type != typeNotice || f.Data["kind"] != kind || f.N != uint64(i+2) || f.Data["number"] != float64(i+2) {
			t.Errorf("%s: %s", kind, f.raw)
		}
	}
}

// N3: when the tables are away, live topics are refused for now, and numbered
// ones go on.
func TestTablesAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(nil)
	w.fake.mu.Lock()
	w.fake.awaitFail = true
	w.fake.mu.Unlock()
	s := n.dial(actor())
	if f := s.ask("subscribe", map[string]any{"topic": "feed"}); f.OK == nil || *f.OK {
		t.Error(f.raw)
	}
	s.subscribe("inbox", nil)
}

// N3: a subscribe waits for its position as long as is set, and no longer.
func TestPositionNotReached(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(func(c *Config) { c.PositionWait = 20 * time.Millisecond })
	at := w.append(post.Stream(newID()), post.Published{Board: newID(), Author: newID()}).Position
	w.fake.mu.Lock()
	w.fake.reached = at
	w.fake.mu.Unlock()
	s := n.dial(actor())
	positions := event.NewPositions(w.epoch)
	if f := s.ask("subscribe", map[string]any{"topic": "feed", "position": positions.Encode(at + 1)}); !f.refused("position.not_reached") {
		t.Error(f.raw)
	}
	if f := s.ask("subscribe", map[string]any{"topic": "feed", "position": positions.Encode(at)}); f.OK == nil || !*f.OK {
		t.Error(f.raw)
	}
}

// S10: frames with signed links are for those who read now; who comes later gets
// links that are new.
func TestS10_RingsKeepNoSignedLinks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(nil)
	alice := actor()
	room := w.room(true, alice.Account)
	key := "room:" + room.String()
	s := n.dial(alice)
	s.subscribe(key, nil)
	picture := newID()
	w.append(chat.Stream(room), chat.MessageSent{Sender: alice.Account, Images: []uuid.UUID{picture}})
	w.append(chat.Stream(room), chat.SettingsChanged{By: alice.Account, Avatar: &picture})
	for range 2 {
		s.next()
	}
	s.subscribe(key, map[string]any{"after": 0})
	for range 3 {
		s.next()
	}
	topic := n.hub.find(key)
	topic.mu.Lock()
	defer topic.mu.Unlock()
	if kept := topic.ring.len(); kept != 0 {
		t.Errorf("%d frames are kept", kept)
	}
}

// Rings are dropped when nobody has read them for a while, and emptied when
// somebody is erased.
func TestRings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(nil)
	alice := actor()
	room := w.room(true, alice.Account)
	key := "room:" + room.String()
	s := n.dial(alice)
	s.subscribe(key, nil)
	w.sends(alice.Account, room, "x")
	s.next()
	s.ask("unsubscribe", map[string]any{"topic": key})
	if t0 := n.hub.find(key); t0 == nil || t0.ring.len() != 1 {
		t.Fatal("the ring is gone at once")
	}
	n.hub.forget()
	if f := s.subscribe(key, map[string]any{"after": 0}); !*f.Recovered {
		t.Fatal(f.raw)
	}
	for want := uint64(1); want <= 2; want++ {
		if f := s.next(); f.N != want {
			t.Fatal(f.raw)
		}
	}
	s.ask("unsubscribe", map[string]any{"topic": key})
	n.hub.sweep(time.Now())
	if n.hub.find(key) != nil && n.hub.find(key).ring.len() > 0 {
		n.hub.sweep(time.Now().Add(time.Second))
	}
	if n.hub.find(key) != nil || n.hub.idle != 0 {
		t.Errorf("an idle topic is kept: %d", n.hub.idle)
	}
}

// Who may read and who may not is looked at again with every chunk of the past.
func TestRemovedWhileReadingThePast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(func(c *Config) { c.QueueFrames, c.SocketBuffers, c.Ring = 32, 4096, 4 })
	alice, bob := actor(), actor()
	room := w.room(true, alice.Account, bob.Account)
	long := strings.Repeat("x", 7000)
	for range 200 {
		w.append(chat.Stream(room), chat.MessageSent{Sender: alice.Account, Text: long})
	}
	b := n.dial(bob)
	b.narrow()
	b.write(fmt.Sprintf(`{"id":"s","do":"subscribe","topic":"room:%s","after":0}`, room))
	if f := b.next(); f.N != 201 {
		t.Fatal(f.raw)
	}
	out, err := w.cmds.RemoveFromRoom(context.Background(), commands.Actor{Account: alice.Account}, room, bob.Account)
	if err != nil {
		t.Fatal(err)
	}
	w.append(chat.Stream(room), chat.MessageSent{Sender: alice.Account, Text: "secret"})
	w.eventually("the feeder to know", func() bool { return n.position.Load() > out.Position })
	last := uint64(0)
	for {
		f := b.next()
		if f.Ended {
			break
		}
		if f.N != last+1 || f.N > 201 {
			t.Fatalf("after %d: %.200s", last, f.raw)
		}
		last = f.N
	}
	if last == 201 {
		t.Error("all was handed over before the removal")
	}
	if f := b.ask("ping", nil); !*f.OK || len(b.early) > 0 {
		t.Error(f.raw, b.early)
	}
}
