package process

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/board"
	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/notification"
	"github.com/parleyhq/parley/domain/ops"
	"github.com/parleyhq/parley/domain/report"
	"github.com/parleyhq/parley/infra/sqlite"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/projections/projectiontest"
)

// busy fills a world with everything that people are told of.
func busy(t *testing.T, w *world, seed uint64) {
	t.Helper()
	ctx, random := t.Context(), rand.New(rand.NewPCG(seed, 2)) //nolint:gosec // a repeatable test
	people := []commands.Actor{w.person(), w.person(), w.person(), w.person()}
	anyone := func() commands.Actor { return people[random.IntN(len(people))] }
	_, err := w.c.Mute(ctx, people[0], people[3].Account, true)
	must(t, err)
	opened, err := w.c.OpenRoom(ctx, people[0], commands.OpenRoom{Kind: chat.Group, Members: []uuid.UUID{people[1].Account, people[2].Account, people[3].Account}})
	must(t, err)
	var posts, comments []uuid.UUID
	for i := range 4 {
		id, _, err := w.c.CreatePost(ctx, people[i], w.board, commands.CreatePost{Title: "t", Body: "b", Anonymous: i == 1})
		must(t, err)
		posts = append(posts, id)
	}
	for range 60 {
		switch by := anyone(); random.IntN(6) {
		case 0, 1:
			parent := uuid.Nil
			post := posts[random.IntN(len(posts))]
			if len(comments) > 0 && random.IntN(2) == 0 {
				parent = comments[random.IntN(len(comments))]
			}
			if id, _, err := w.c.AddComment(ctx, by, post, "c", parent); err == nil {
				comments = append(comments, id)
			}
		case 2:
			_, err := w.c.ReactToPost(ctx, by, posts[random.IntN(len(posts))], "like", random.IntN(4) > 0)
			must(t, err)
		case 3:
			_, _ = w.c.Follow(ctx, by, anyone().Account, true)
		case 4:
			_, err := w.c.SendMessage(ctx, by, commands.SendMessage{Room: opened.Room, Text: "m"})
			must(t, err)
		case 5:
			_, _, err := w.c.ReadRoom(ctx, by, opened.Room, 1+random.Uint64N(20))
			must(t, err)
		}
	}
	w.fold()
}

// Invariant 8: told once, whatever dies when: between every two steps, with
// the step done or not, with the checkpoint kept or lost.
func TestToldOnceWhateverDies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	busy(t, w, 1)
	head, err := w.log.Head(t.Context())
	must(t, err)
	reference := w.copied()
	w.finish(w.notify(reference, there{}, &memory{}), head)
	want := w.inboxes(reference)
	steps := 0
	for _, entries := range want {
		steps += len(entries)
	}
	if len(want) < 3 || steps < 20 {
		t.Fatalf("little to tell: %d inboxes, %d entries", len(want), steps)
	}
	for at := 1; at <= steps+2; at++ {
		for _, after := range []bool{false, true} {
			store, checkpoint := w.copied(), &memory{}
			d := newDeath(store, checkpoint, at, after)
			first := w.notify(d, there{}, d)
			stop := w.run(first)
			finished := make(chan struct{})
			go func() { _, _ = first.Wait(t.Context(), head); close(finished) }()
			select {
			case <-d.fell:
			case <-finished:
			case <-time.After(projectiontest.Patience):
				t.Fatal("it neither dies nor ends")
			}
			stop()
			first.position.Reach(1 << 62) // let the waiter go
			<-finished
			if at%3 == 0 {
				checkpoint = &memory{}
			}
			w.finish(w.notify(store, there{}, checkpoint), head)
			if d := cmp.Diff(want, w.inboxes(store)); d != "" {
				t.Fatalf("died at step %d, done %v: (-want +got)\n%s", at, after, d)
			}
		}
	}
}

// Invariant 8: two leaders at once tell once; so does whoever begins at 0.
func TestToldOnceByMany(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		w := newWorld(t)
		busy(t, w, seed)
		head, err := w.log.Head(t.Context())
		must(t, err)
		reference, store := w.copied(), w.copied()
		w.finish(w.notify(reference, there{}, &memory{}), head)
		want := w.inboxes(reference)

		a, b := w.notify(store, there{}, &memory{}), w.notify(store, there{}, &memory{})
		stop := w.run(a)
		w.finish(b, head)
		w.finish(w.notify(store, there{}, &memory{}), head)
		_, err = a.Wait(t.Context(), head)
		must(t, err)
		stop()
		if d := cmp.Diff(want, w.inboxes(store)); d != "" {
			t.Errorf("seed %d: two leaders: (-want +got)\n%s", seed, d)
		}

		again := w.notify(store, there{}, &memory{})
		again.epochs, err = loadEpochs(t.Context(), store)
		must(t, err)
		for rec, err := range store.All(t.Context(), 0, again.filter) {
			must(t, err)
			must(t, again.tell(t.Context(), rec))
			must(t, again.release(t.Context()))
		}
		if d := cmp.Diff(want, w.inboxes(store)); d != "" {
			t.Errorf("seed %d: from 0: (-want +got)\n%s", seed, d)
		}
	}
}

// A restore begins another epoch: what was told before stays told, and
// positions of the old life do not silence the new one.
func TestEpochs(t *testing.T) {
	t.Parallel()
	e := epochs{{uuid.UUID{1}, 3}, {uuid.UUID{2}, 10}, {uuid.UUID{3}, 20}}
	for position, want := range map[uint64]struct {
		id    byte
		later int
	}{1: {1, 2}, 3: {1, 2}, 9: {1, 2}, 10: {2, 1}, 19: {2, 1}, 20: {3, 0}, 99: {3, 0}} {
		id, later := e.at(position)
		if id != (uuid.UUID{want.id}) || len(later) != want.later {
			t.Errorf("at %d: %v, %v", position, id, later)
		}
	}
	if id, later := (epochs{}).at(5); id != uuid.Nil || later != nil {
		t.Errorf("no epochs: %v, %v", id, later)
	}
}

// lives is a world with a live notify.
func lives(t *testing.T) (w *world, told func(commands.Actor) []notification.Notified) {
	t.Helper()
	w = newWorld(t)
	runner, _ := startTables(t, w)
	n := w.notify(w.log, runner, &memory{})
	t.Cleanup(w.run(n))
	return w, func(by commands.Actor) []notification.Notified {
		t.Helper()
		head, err := w.log.Head(t.Context())
		must(t, err)
		must(t, Shown{n, runner}.Wait(t.Context(), head))
		var all []notification.Notified
		for rec, err := range w.log.Stream(t.Context(), notification.Stream(by.Account), 0, event.Forward) {
			must(t, err)
			d, err := w.codec.Decode(t.Context(), rec)
			must(t, err)
			if e, ok := d.Payload.(notification.Notified); ok {
				e.Cause = notification.Cause{}
				all = append(all, e)
			}
		}
		return all
	}
}

func same(t *testing.T, what string, got []notification.Notified, want ...notification.Notified) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s: (-want +got)\n%s", what, d)
	}
}

// N1: chat is told once for a room until it is read there.
func TestChatOncePerRoom(t *testing.T) {
	t.Parallel()
	w, told := lives(t)
	ctx, alice, bob := t.Context(), w.person(), w.person()
	opened, err := w.c.OpenRoom(ctx, alice, commands.OpenRoom{Kind: chat.Direct, Members: []uuid.UUID{bob.Account}})
	must(t, err)
	send := func(by commands.Actor) {
		_, err := w.c.SendMessage(ctx, by, commands.SendMessage{Room: opened.Room, Text: "hi"})
		must(t, err)
	}
	entry := func(number uint64) notification.Notified {
		return notification.Notified{Kind: notification.Chat, Actor: alice.Account, Message: number, Subject: notification.Subject{Type: "room", ID: opened.Room}}
	}
	send(alice) // 2
	send(alice) // 3
	same(t, "the first", told(bob), entry(2))
	same(t, "own messages", told(alice))
	_, _, err = w.c.ReadNotifications(ctx, bob, 1) // reading the inbox is not reading the room
	must(t, err)
	send(alice) // 4
	same(t, "not read there", told(bob), entry(2))
	_, _, err = w.c.ReadRoom(ctx, bob, opened.Room, 2)
	must(t, err)
	same(t, "read a part", told(bob), entry(2))
	send(alice) // 5
	same(t, "after reading what was told", told(bob), entry(2), entry(5))
	_, _, err = w.c.ReadRoom(ctx, bob, opened.Room, 99)
	must(t, err)
	same(t, "read all", told(bob), entry(2), entry(5))
	send(bob) // 6
	send(alice)
	same(t, "again", told(bob), entry(2), entry(5), entry(7))
	_, err = w.c.Mute(ctx, alice, bob.Account, true)
	must(t, err)
	_, _, err = w.c.ReadRoom(ctx, alice, opened.Room, 99)
	must(t, err)
	before := len(told(alice))
	send(bob)
	if got := told(alice); len(got) != before {
		t.Errorf("told of a muted one's message: %v", got)
	}
}

// N1: replies, reactions and follows; not to oneself, not by muted ones, not
// across a block. F2: an anonymous author is told, and is nobody as an actor.
func TestWhoIsTold(t *testing.T) {
	t.Parallel()
	w, told := lives(t)
	ctx, author, bob, carol := t.Context(), w.person(), w.person(), w.person()
	publish := func(anonymous bool) uuid.UUID {
		id, _, err := w.c.CreatePost(ctx, author, w.board, commands.CreatePost{Title: "t", Body: "b", Anonymous: anonymous})
		must(t, err)
		return id
	}
	say := func(by commands.Actor, post, parent uuid.UUID) uuid.UUID {
		id, _, err := w.c.AddComment(ctx, by, post, "c", parent)
		must(t, err)
		return id
	}
	entry := func(kind notification.Kind, actor uuid.UUID, typ string, id uuid.UUID) notification.Notified {
		return notification.Notified{Kind: kind, Actor: actor, Subject: notification.Subject{Type: typ, ID: id}}
	}
	hidden := publish(true)
	first := say(bob, hidden, uuid.Nil)
	same(t, "the anonymous author", told(author), entry(notification.Reply, bob.Account, "comment", first))
	answer := say(author, hidden, first)
	same(t, "an anonymous answer", told(bob), entry(notification.Reply, uuid.Nil, "comment", answer))
	own := say(author, hidden, answer)
	same(t, "oneself", told(author), entry(notification.Reply, bob.Account, "comment", first))
	both := say(bob, hidden, own)
	same(t, "author of post and comment, once", told(author)[1:], entry(notification.Reply, bob.Account, "comment", both))

	open := publish(false)
	thread := say(bob, open, uuid.Nil)
	reply := say(carol, open, thread)
	same(t, "author of the comment", told(bob)[1:], entry(notification.Reply, carol.Account, "comment", reply))
	same(t, "author of the post", told(author)[2:],
		entry(notification.Reply, bob.Account, "comment", thread), entry(notification.Reply, carol.Account, "comment", reply))

	_, err := w.c.ReactToPost(ctx, carol, open, "like", true)
	must(t, err)
	_, err = w.c.ReactToPost(ctx, author, open, "like", true)
	must(t, err)
	_, err = w.c.ReactToComment(ctx, carol, thread, "like", true)
	must(t, err)
	_, err = w.c.Follow(ctx, carol, bob.Account, true)
	must(t, err)
	same(t, "reaction on post", told(author)[4:], entry(notification.PostReaction, carol.Account, "post", open))
	same(t, "reaction on comment, follow", told(bob)[2:],
		entry(notification.CommentReaction, carol.Account, "comment", thread), entry(notification.Follow, carol.Account, "account", carol.Account))

	_, err = w.c.Mute(ctx, author, bob.Account, true)
	must(t, err)
	say(bob, open, uuid.Nil)
	_, err = w.c.Block(ctx, carol, author.Account, true)
	must(t, err)
	_, _ = w.c.ReactToPost(ctx, carol, open, "sad", true)
	if got := told(author); len(got) != 5 {
		t.Errorf("told by who is muted or blocked: %v", got[5:])
	}
	_, err = w.c.Mute(ctx, bob, author.Account, true)
	must(t, err)
	anonymous := say(author, hidden, first)
	same(t, "a mute leaves anonymous ones alone", told(bob)[4:], entry(notification.Reply, uuid.Nil, "comment", anonymous))

	_, err = w.c.Block(ctx, author, bob.Account, true) // it hides the post and what bob said there
	must(t, err)
	dave := w.person()
	say(dave, open, thread)
	_, err = w.c.ReactToComment(ctx, dave, thread, "like", true)
	must(t, err)
	again := say(dave, hidden, first)
	same(t, "under a post out of sight, and under an anonymous one", told(bob)[5:], entry(notification.Reply, dave.Account, "comment", again))
}

// F6, N1: followers of a post are told of replies, once for each event and
// reader; not of their own, and not across a block or a mute.
func TestF6_FollowersAreTold(t *testing.T) {
	t.Parallel()
	w, told := lives(t)
	ctx, author, bob, carol, dave := t.Context(), w.person(), w.person(), w.person(), w.person()
	entry := func(kind notification.Kind, actor uuid.UUID, typ string, id uuid.UUID) notification.Notified {
		return notification.Notified{Kind: kind, Actor: actor, Subject: notification.Subject{Type: typ, ID: id}}
	}
	say := func(by commands.Actor, post, parent uuid.UUID) uuid.UUID {
		id, _, err := w.c.AddComment(ctx, by, post, "c", parent)
		must(t, err)
		told(by) // until everybody is: what comes next counts for later ones
		return id
	}
	for _, anonymous := range []bool{false, true} {
		before := map[uuid.UUID]int{}
		for _, p := range []commands.Actor{author, bob, carol, dave} {
			before[p.Account] = len(told(p))
		}
		since := func(by commands.Actor) []notification.Notified { return told(by)[before[by.Account]:] }
		post, _, err := w.c.CreatePost(ctx, author, w.board, commands.CreatePost{Title: "t", Body: "b", Anonymous: anonymous})
		must(t, err)
		early := say(carol, post, uuid.Nil)
		for _, follower := range []commands.Actor{author, bob, carol} {
			_, err := w.c.FollowPost(ctx, follower, post, true)
			must(t, err)
		}
		if got := since(bob); len(got) > 0 {
			t.Errorf("of what was before: %v", got)
		}
		reply := say(dave, post, early)
		first := entry(notification.FollowedPost, dave.Account, "post", post)
		same(t, "a follower", since(bob), first)
		same(t, "a follower who was answered", since(carol), entry(notification.Reply, dave.Account, "comment", reply))
		same(t, "the author", since(author),
			entry(notification.Reply, carol.Account, "comment", early), entry(notification.Reply, dave.Account, "comment", reply))
		say(bob, post, uuid.Nil)
		same(t, "of one's own", since(bob), first)
		actor := author.Account
		if anonymous {
			actor = uuid.Nil
		}
		say(author, post, uuid.Nil)
		second := entry(notification.FollowedPost, actor, "post", post)
		same(t, "of the author's", since(bob), first, second)

		_, err = w.c.Mute(ctx, bob, dave.Account, true)
		must(t, err)
		say(dave, post, uuid.Nil)
		_, err = w.c.Mute(ctx, bob, dave.Account, false)
		must(t, err)
		_, err = w.c.Block(ctx, dave, bob.Account, true)
		must(t, err)
		say(dave, post, uuid.Nil)
		same(t, "of whom one mutes, or who blocks one", since(bob), first, second)
		_, err = w.c.Block(ctx, dave, bob.Account, false)
		must(t, err)
		_, err = w.c.Block(ctx, author, bob.Account, true)
		must(t, err)
		say(carol, post, uuid.Nil)
		want := []notification.Notified{first, second}
		if anonymous { // nobody's block keeps it from anyone
			want = append(want, entry(notification.FollowedPost, carol.Account, "post", post))
		}
		same(t, "of a post out of sight", since(bob), want...)
		_, err = w.c.Block(ctx, author, bob.Account, false)
		must(t, err)
		_, err = w.c.FollowPost(ctx, bob, post, false)
		must(t, err)
		say(dave, post, uuid.Nil)
		same(t, "of a post that one follows no longer", since(bob), want...)
	}
}

// F6: very many followers are told a page at a time, each once, whether a page
// ends with the last of them or not; whom the comment told otherwise is not
// told again, on whichever page.
func TestF6_CrowdsAreTold(t *testing.T) {
	t.Parallel()
	w, told := lives(t)
	ctx, author, speaker := t.Context(), w.person(), w.person()
	post, _, err := w.c.CreatePost(ctx, author, w.board, commands.CreatePost{Title: "t", Body: "b"})
	must(t, err)
	crowd := []commands.Actor{author, speaker}
	for size := 2; size <= 7; size++ {
		for _, p := range crowd {
			_, err := w.c.FollowPost(ctx, p, post, true)
			must(t, err)
		}
		before := map[uuid.UUID]int{}
		for _, p := range crowd {
			before[p.Account] = len(told(p))
		}
		_, _, err := w.c.AddComment(ctx, speaker, post, "c", uuid.Nil)
		must(t, err)
		for _, p := range crowd {
			var kinds []notification.Kind
			for _, e := range told(p)[before[p.Account]:] {
				kinds = append(kinds, e.Kind)
			}
			want := []notification.Kind{notification.FollowedPost}
			switch p.Account {
			case author.Account:
				want = []notification.Kind{notification.Reply}
			case speaker.Account:
				want = nil
			}
			if !slices.Equal(kinds, want) {
				t.Errorf("of %d: told %v, want %v", size, kinds, want)
			}
		}
		crowd = append(crowd, w.person())
	}
}

// A restore takes the log back to an earlier point and begins another epoch:
// the checkpoint may be ahead then. What was told before stays told, what
// happens in the new life is told, and nothing twice.
func TestRestoredLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, author, bob := t.Context(), w.person(), w.person()
	post, _, err := w.c.CreatePost(ctx, author, w.board, commands.CreatePost{Title: "t", Body: "b"})
	must(t, err)
	react := func(c *commands.Commands, kind string) {
		t.Helper()
		_, err := c.ReactToPost(ctx, bob, post, kind, true)
		must(t, err)
	}
	w.fold()
	react(w.c, "like")
	restored := w.copied() // a backup of this moment
	for _, kind := range []string{"love", "laugh", "sad"} {
		react(w.c, kind)
	}
	checkpoint := &memory{}
	w.finish(w.notify(w.log, there{}, checkpoint), head(t, w.log))
	if got := len(w.inboxes(w.log)[notification.Stream(author.Account)]); got != 4 {
		t.Fatalf("told %d times before", got)
	}

	w.log = restored
	w.append(ops.EpochStream, ops.EpochBegun{Reason: "restored"})
	c := w.commands(restored)
	react(c, "sad")
	react(c, "happy")
	if newest := head(t, restored); checkpoint.position <= newest-2 {
		t.Fatalf("the checkpoint is not ahead: %d of %d", checkpoint.position, newest)
	}
	for range 2 {
		w.finish(w.notify(restored, there{}, checkpoint), head(t, restored))
	}
	w.finish(w.notify(restored, there{}, &memory{}), head(t, restored))
	// "like" was told in the old life only, after the backup: it is told anew.
	if got := w.inboxes(restored)[notification.Stream(author.Account)]; len(got) != 3 {
		t.Errorf("told %d times: %v", len(got), got)
	}
}

func head(t *testing.T, store event.Store) uint64 {
	t.Helper()
	position, err := store.Head(t.Context())
	must(t, err)
	return position
}

// The checkpoint in the state database is kept over a restart.
func TestStateCheckpoint(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	id := uuid.Must(uuid.NewV7())
	for i, want := range []uint64{0, 7, 8} {
		db, err := sqlite.OpenState(t.Context(), path)
		must(t, err)
		c, err := NewStateCheckpoint(t.Context(), db, "notify")
		must(t, err)
		epoch, position, err := c.Load(t.Context())
		must(t, err)
		if position != want || (epoch == id) != (i > 0) {
			t.Errorf("start %d: %v %d", i, epoch, position)
		}
		must(t, c.Save(t.Context(), projections.Alone{}, id, uint64(7+i)))
		must(t, db.Close())
	}
}

// F11, N1: whom a decision is about is told of what was done and taken back,
// from nobody; whoever decides about their own words is not.
func TestModeration(t *testing.T) {
	t.Parallel()
	w, told := lives(t)
	ctx, mod, alice, bob := t.Context(), w.person(), w.person(), w.person()
	w.append("board-"+w.board.String(), board.ModeratorSet{Account: mod.Account, Moderator: true})
	decided := func(id uuid.UUID, action report.Action) {
		t.Helper()
		_, err := w.c.DecideReport(ctx, mod, id, commands.DecideReport{Action: action, Reason: "r"})
		must(t, err)
	}
	reported := func(by commands.Actor) uuid.UUID {
		t.Helper()
		id, _, err := w.c.CreatePost(ctx, by, w.board, commands.CreatePost{Title: "t", Body: "b", Anonymous: true})
		must(t, err)
		comment, _, err := w.c.AddComment(ctx, by, id, "c", uuid.Nil)
		must(t, err)
		made, err := w.c.MakeReport(ctx, bob, commands.MakeReport{Subject: report.Subject{Type: report.Comment, ID: comment.String()}, Reason: "r"})
		must(t, err)
		return made.Report
	}
	id, own := reported(alice), reported(mod)
	entry := notification.Notified{Kind: notification.Moderation, Subject: notification.Subject{Type: "report", ID: id}}
	decided(id, report.None)
	same(t, "nothing was done", told(alice))
	decided(id, report.Remove)
	same(t, "removed", told(alice), entry)
	_, err := w.c.Appeal(ctx, alice, id, "no")
	must(t, err)
	decided(id, report.Remove)
	decided(id, report.None)
	same(t, "denied, and taken back", told(alice), entry, entry, entry)
	decided(own, report.Remove)
	same(t, "one's own", told(mod))
	same(t, "the reporter", told(bob))
}
