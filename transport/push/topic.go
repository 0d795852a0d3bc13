package push

import (
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

type topicKind uint8

const (
	topicRoom topicKind = iota + 1
	topicInbox
	topicPost
	topicBoard
	topicFeed
)

// topicName says what a topic is about.
type topicName struct {
	kind topicKind
	key  string    // in the hub: one for each inbox and feed
	wire string    // as clients call it
	id   uuid.UUID // of the room, post or board; of the account for inbox and feed
}

func (n topicName) numbered() bool { return n.kind == topicRoom || n.kind == topicInbox }

// stream is where a numbered topic's events are.
func (n topicName) stream() string {
	if n.kind == topicRoom {
		return "chat-" + n.id.String()
	}
	return "inbox-" + n.id.String()
}

// topicNamed reads a client's name of a topic; false for what is none.
func topicNamed(wire string, account uuid.UUID) (topicName, bool) {
	switch wire {
	case "inbox":
		return inboxTopic(account), true
	case "feed":
		return feedTopic(account), true
	}
	prefix, rest, ok := strings.Cut(wire, ":")
	if !ok || len(wire) > maxTopicName {
		return topicName{}, false
	}
	id, err := uuid.Parse(rest)
	if err != nil || id.String() != rest {
		return topicName{}, false
	}
	switch prefix {
	case "room":
		return roomTopic(id), true
	case "post":
		return postTopic(id), true
	case "board":
		return boardTopic(id), true
	}
	return topicName{}, false
}

func roomTopic(id uuid.UUID) topicName  { return named(topicRoom, "room:", id) }
func postTopic(id uuid.UUID) topicName  { return named(topicPost, "post:", id) }
func boardTopic(id uuid.UUID) topicName { return named(topicBoard, "board:", id) }

func named(kind topicKind, prefix string, id uuid.UUID) topicName {
	name := prefix + id.String()
	return topicName{kind: kind, key: name, wire: name, id: id}
}

func inboxTopic(account uuid.UUID) topicName {
	return topicName{kind: topicInbox, key: "inbox:" + account.String(), wire: "inbox", id: account}
}

func feedTopic(account uuid.UUID) topicName {
	return topicName{kind: topicFeed, key: "feed:" + account.String(), wire: "feed", id: account}
}

// topic is its readers and, of a numbered one, the newest frames.
type topic struct {
	topicName

	mu         sync.Mutex
	subs       []*sub
	ring       ring
	author     uuid.UUID // of a post; Nil when that is nobody's business
	quietSince time.Time // when the last reader left
	dead       bool      // no longer in the hub
	hub        *hub
}

// sub is one socket's reading of one topic. Everything but conn and topic is
// guarded by the topic's lock.
type sub struct {
	conn  *conn
	topic *topic
	at    int    // place among the topic's subs
	next  uint64 // of a numbered topic: the number that it gets next
	end   uint64 // likewise: the log's newest when it was let in; later ones reach the topic
	left  uint64 // likewise: number with which its account left the room, heard before told
	told  bool   // its request was answered
	live  bool   // gets what comes; else it waits for its past, or for its answer
	over  bool   // unsubscribed or ended: nothing is sent any more

	allowed uint64 // of a live topic: the position as of which it was let in
	after   uint64 // likewise: the position that was answered; what is not later is in the list read with it
}

// departs says whether the account's leaving, with number n, ends the reading:
// not where it was let in later, having come back since. A reading that is not
// let in yet keeps n in mind.
func (s *sub) departs(n uint64) bool {
	if !s.told {
		s.left = max(s.left, n)
		return false
	}
	return s.end < n
}

func (t *topic) attach(s *sub, h *hub) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dead {
		return false
	}
	if len(t.subs) == 0 && !t.quietSince.IsZero() {
		h.mu.Lock()
		h.idle--
		h.mu.Unlock()
	}
	t.hub = h
	s.topic, s.at = t, len(t.subs)
	t.subs = append(t.subs, s)
	return true
}

// detach ends a reading; nothing of the topic is sent to it afterwards.
func (t *topic) detach(s *sub) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.detachLocked(s)
}

func (t *topic) detachLocked(s *sub) bool {
	if s.over {
		return false
	}
	s.over, s.live = true, false
	last := len(t.subs) - 1
	t.subs[s.at] = t.subs[last]
	t.subs[s.at].at = s.at
	t.subs[last] = nil
	t.subs = t.subs[:last]
	if last == 0 {
		t.subs = nil
		t.quietSince = time.Now()
		t.dead = t.hub.quiet(t, t.numbered() && t.ring.len() > 0)
	}
	return true
}

// handOver is how many sockets are handed to the writers at once.
const handOver = 128

// batch gathers what one event makes ready, so that the writers are not told
// of each socket alone.
type batch struct {
	writers *writers
	ready   []*conn
	stale   []*sub // numbered readers that lack something
	pressed bool
}

func (b *batch) push(s *sub, frame []byte) {
	due, pressed := s.conn.push(frame)
	if due {
		if b.ready = append(b.ready, s.conn); len(b.ready) == handOver {
			b.writers.add(b.ready...)
			b.ready = b.ready[:0]
		}
	}
	b.pressed = b.pressed || pressed
}

// number hands an event of a numbered topic to its readers. Who has had it
// already is passed over; who lacks one before it must read the log.
func (t *topic) number(n uint64, frame []byte, erases bool, b *batch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ring.add(n, frame, erases)
	for _, s := range t.subs {
		switch {
		case !s.live || n < s.next:
		case n > s.next:
			s.live = false
			b.stale = append(b.stale, s)
		default:
			s.next++
			b.push(s, frame)
		}
	}
}

// broadcast hands each reader the frame without a number that choose chooses,
// nil being none. One that has a position (else 0) is left out where the reader
// has it already.
func (t *topic) broadcast(position uint64, b *batch, choose func(account uuid.UUID, v *viewer) []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.subs {
		if !s.live || position != 0 && position <= s.after {
			continue
		}
		account, v := s.conn.who()
		if v == nil {
			continue
		}
		if frame := choose(account, v); frame != nil {
			b.push(s, frame)
		}
	}
}

// expel ends those readings of an account that pick picks, and tells them.
func (t *topic) expel(frame []byte, who uuid.UUID, pick func(*sub) bool) {
	t.mu.Lock()
	var out []*sub
	for _, s := range t.subs {
		if account, _ := s.conn.who(); account == who && pick(s) {
			out = append(out, s)
		}
	}
	for _, s := range out {
		t.detachLocked(s)
		if s.told {
			s.conn.send(frame)
		}
	}
	t.mu.Unlock()
	for _, s := range out {
		s.conn.forget(s)
	}
}

// forget empties the ring.
func (t *topic) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ring.clear()
}

// advance hands a numbered reading what the ring has for it, as far as its
// queue has room, and makes it live when it has all that was there when it
// came: whatever is later reaches the topic, so it is in the ring or still to
// come. lacks: the log must be read for what is next.
func (t *topic) advance(s *sub) (done, lacks bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.over {
		return true, false
	}
	frames, ok := t.ring.from(s.next)
	if !ok {
		return false, true
	}
	for _, f := range frames {
		if !s.conn.offer(f) {
			return false, false
		}
		s.next++
	}
	s.live = s.next > s.end
	return s.live, !s.live
}
