package push

import (
	"context"
	"hash/fnv"
	"iter"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/comment"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/follow"
	"github.com/parleyhq/parley/domain/post"
)

// lateFeed brings what the log has as a broker would: each root in order, some
// later than others, some twice.
type lateFeed struct {
	store event.Store
	codec *event.Codec
}

const latePartitions = 5

func (f *lateFeed) Tail(ctx context.Context, after uint64, filter event.Filter) iter.Seq2[event.Message, error] {
	return func(yield func(event.Message, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		var crew sync.WaitGroup
		defer crew.Wait()
		defer stop()
		var partitions [latePartitions]chan event.Message
		merged := make(chan event.Message)
		for i := range partitions {
			partitions[i] = make(chan event.Message, 10_000)
			crew.Go(func() { delay(ctx, partitions[i], merged) })
		}
		failed := make(chan error, 1)
		crew.Go(func() {
			for m, err := range f.store.Tail(ctx, after, filter) {
				if err != nil {
					failed <- err
					return
				}
				if !m.CaughtUp {
					partitions[f.place(ctx, m.Record)] <- m
				}
			}
		})
		for {
			select {
			case m := <-merged:
				if !yield(m, nil) {
					return
				}
			case err := <-failed:
				yield(event.Message{}, err)
				return
			}
		}
	}
}

func (f *lateFeed) place(ctx context.Context, rec event.Record) int {
	root := rec.Stream
	if d, err := f.codec.Decode(ctx, rec); err == nil {
		root = d.Root()
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(root))
	return int(h.Sum32() % latePartitions)
}

func delay(ctx context.Context, in <-chan event.Message, out chan<- event.Message) {
	for {
		select {
		case m := <-in:
			switch rand.IntN(20) {
			case 0:
				if !pause(ctx, time.Duration(rand.IntN(20))*time.Millisecond) {
					return
				}
			case 1:
				select {
				case out <- m:
				case <-ctx.Done():
					return
				}
			}
			select {
			case out <- m:
			case <-ctx.Done():
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

func lateWorld(t *testing.T) *world {
	w := newWorld(t)
	w.deps = func(d *Deps) { d.Feed = &lateFeed{w.store, w.codec} }
	return w
}

// N7, invariant 7: numbers over a feed that is late and out of order.
func TestEveryNumberOnceLate(t *testing.T) {
	t.Parallel()
	everyNumberOnce(t, lateWorld(t))
}

// N7, invariant 11.
func TestMembershipLate(t *testing.T) {
	t.Parallel()
	membership(t, lateWorld(t))
}

// N7, C1.
func TestNewcomerLate(t *testing.T) {
	t.Parallel()
	newcomer(t, lateWorld(t))
}

// N7: what belongs to one post comes in its order.
func TestForumFramesLate(t *testing.T) {
	t.Parallel()
	w := lateWorld(t)
	w.deps = func(d *Deps) { d.Feed = &once{lateFeed{w.store, w.codec}, map[uint64]bool{}} }
	forumFrames(t, w)
}

// once leaves out what came before, as feeds do.
type once struct {
	lateFeed
	seen map[uint64]bool
}

func (o *once) Tail(ctx context.Context, after uint64, filter event.Filter) iter.Seq2[event.Message, error] {
	return func(yield func(event.Message, error) bool) {
		for m, err := range o.lateFeed.Tail(ctx, after, filter) {
			if err == nil && o.seen[m.Position] {
				continue
			}
			o.seen[m.Position] = true
			if !yield(m, err) {
				return
			}
		}
	}
}

// N7, N3: a list read as of the answer's position and what comes live are
// everything, however late and out of order the live comes.
func TestLiveWithoutGapLate(t *testing.T) {
	t.Parallel()
	const posts = 300
	w := lateWorld(t)
	n := w.node(nil)
	positions := event.NewPositions(w.epoch)
	board := newID()
	write := func(count int) {
		for range count {
			w.append(postStream(newID()), post.Published{Board: board, Author: newID(), Type: "article", Title: "T"})
		}
	}
	write(posts / 3)
	var writer sync.WaitGroup
	writer.Go(func() { write(posts / 3) })
	s := n.dial(actor())
	position, err := positions.Decode(s.subscribe("board:"+board.String(), nil).Position)
	if err != nil {
		t.Fatal(err)
	}
	writer.Wait()
	write(posts / 3)
	missing := map[uint64]bool{}
	for rec, err := range w.store.All(context.Background(), position, event.Filter{Categories: []string{"post"}}) {
		if err != nil {
			t.Fatal(err)
		}
		missing[rec.Position] = true
	}
	for len(missing) > 0 {
		p, err := positions.Decode(s.next().Position)
		if err != nil {
			t.Fatal(err)
		}
		delete(missing, p)
	}
}

// heldFeed hands out what a test gives it, and waits until it was taken.
type heldFeed struct{ events chan event.Record }

func (f *heldFeed) Tail(ctx context.Context, _ uint64, filter event.Filter) iter.Seq2[event.Message, error] {
	return func(yield func(event.Message, error) bool) {
		for {
			select {
			case rec := <-f.events:
				if filter.Match(rec.Stream, rec.Type) && !yield(event.Message{Record: rec, Position: rec.Position}, nil) {
					return
				}
			case <-ctx.Done():
				yield(event.Message{}, ctx.Err())
				return
			}
		}
	}
}

// give hands out the event at a position, and returns when it was routed.
func (f *heldFeed) give(w *world, position uint64) {
	w.t.Helper()
	for rec, err := range w.store.All(context.Background(), position-1, event.Filter{}) {
		if err != nil {
			w.t.Fatal(err)
		}
		f.events <- rec
		f.events <- event.Record{Stream: "nothing-1", Type: "none"} // taken after the one before was routed
		return
	}
	w.t.Fatalf("nothing at %d", position)
}

func heldWorld(t *testing.T) (*world, *heldFeed) {
	w, f := newWorld(t), &heldFeed{make(chan event.Record)}
	w.deps = func(d *Deps) { d.Feed = f }
	return w, f
}

// N7: an older event that comes later does not take the node's position back.
func TestPositionNeverFalls(t *testing.T) {
	t.Parallel()
	w, feed := heldWorld(t)
	n := w.node(nil)
	older := w.append(postStream(newID()), post.Published{Board: newID(), Author: newID(), Type: "article", Title: "T"}).Position
	newer := w.append(postStream(newID()), post.Published{Board: newID(), Author: newID(), Type: "article", Title: "T"}).Position
	feed.give(w, newer)
	feed.give(w, older)
	if got := n.position.Load(); got != newer {
		t.Errorf("the position is %d, the newest event is at %d", got, newer)
	}
}

// N7, invariant 11: who came back before the node hears of the leaving keeps
// the room; who leaves later loses it.
func TestLeavingHeardLate(t *testing.T) {
	t.Parallel()
	w, feed := heldWorld(t)
	n := w.node(nil)
	alice, bob := actor(), actor()
	room := w.room(true, alice.Account, bob.Account)
	topic := "room:" + room.String()
	left := w.append(chat.Stream(room), chat.Left{Account: bob.Account})
	back := w.append(chat.Stream(room), chat.Joined{Account: bob.Account})
	b := n.dial(bob)
	if f := b.subscribe(topic, nil); f.N != 3 {
		t.Fatal(f.raw)
	}
	feed.give(w, left.Position)
	feed.give(w, back.Position)
	w.sends(alice.Account, room, "welcome back")
	feed.give(w, mustHead(t, w))
	if f := b.next(); f.N != 4 {
		t.Fatalf("after coming back: %s", f.raw)
	}
	feed.give(w, w.append(chat.Stream(room), chat.Left{Account: bob.Account}).Position)
	if f := b.next(); f.N != 5 {
		t.Fatal(f.raw)
	}
	if f := b.next(); !f.Ended {
		t.Fatalf("after leaving: %s", f.raw)
	}
}

// N7, F8: a block that was lifted before the socket was let in does nothing
// when the node hears of it.
func TestBlockHeardLate(t *testing.T) {
	t.Parallel()
	w, feed := heldWorld(t)
	n := w.node(nil)
	reader, author := actor(), newID()
	id, board := newID(), newID()
	w.fake.authors[id] = author
	relation := "block-" + author.String() + "." + reader.Account.String()
	blocked := w.append(relation, follow.BlockStarted{Blocker: author, Blocked: reader.Account}).Position
	lifted := w.append(relation, follow.BlockEnded{Blocker: author, Blocked: reader.Account}).Position
	feed.give(w, w.append(postStream(newID()), post.Published{Board: board, Author: newID(), Type: "article", Title: "T"}).Position)
	s := n.dial(reader)
	s.subscribe("post:"+id.String(), nil) // as of that post, so after the lifting
	feed.give(w, blocked)
	said := w.append(commentStream(newID()), comment.Published{Post: id, Board: board, Author: author, Body: "hello"}).Position
	feed.give(w, said)
	if f := s.next(); f.Data["body"] != "hello" {
		t.Fatal(f.raw)
	}
	feed.give(w, lifted)
	again := w.append(relation, follow.BlockStarted{Blocker: author, Blocked: reader.Account}).Position
	feed.give(w, again)
	if f := s.next(); !f.Ended {
		t.Fatalf("a new block: %s", f.raw)
	}
}

// N7, A7: words that come after the end of their author are kept nowhere.
func TestErasureOvertakes(t *testing.T) {
	t.Parallel()
	w, feed := heldWorld(t)
	n := w.node(nil)
	alice, bob := actor(), actor()
	room := w.room(true, alice.Account, bob.Account)
	b := n.dial(bob)
	b.subscribe("room:"+room.String(), nil)
	w.sends(alice.Account, room, "one")
	late := mustHead(t, w)
	erased := event.Record{Position: late + 1, Stream: "account-" + newID().String(), Type: eraseType}
	feed.events <- erased
	feed.give(w, late)
	if f := b.next(); f.N != 2 {
		t.Fatal(f.raw)
	}
	topic := n.hub.find("room:" + room.String())
	topic.mu.Lock()
	defer topic.mu.Unlock()
	if topic.ring.len() != 0 {
		t.Error("the ring keeps what was said before the erasure")
	}
}

// N7: a feed that fails is asked to go on.
func TestFeedFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deps = func(d *Deps) { d.Feed = &failing{Feed: w.store} }
	n := w.node(nil)
	alice, bob := actor(), actor()
	room := w.room(true, alice.Account, bob.Account)
	b := n.dial(bob)
	b.subscribe("room:"+room.String(), nil)
	for i := range 3 {
		number := w.sends(alice.Account, room, "x")
		if f := b.next(); f.N != number {
			t.Fatalf("message %d: %s", i, f.raw)
		}
	}
}

type failing struct {
	Feed
	failed bool
}

func (f *failing) Tail(ctx context.Context, after uint64, filter event.Filter) iter.Seq2[event.Message, error] {
	return func(yield func(event.Message, error) bool) {
		for m, err := range f.Feed.Tail(ctx, after, filter) {
			if !yield(m, err) {
				return
			}
			if !m.CaughtUp && !f.failed {
				f.failed = true
				yield(event.Message{}, context.DeadlineExceeded)
				return
			}
		}
	}
}
