package foldtest

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/reaction"
)

// Event is an event as it happened, before anything was sealed.
type Event struct {
	Position, Revision uint64
	Stream             string
	ID                 uuid.UUID
	Time               time.Time
	Data               event.Data
}

// History is what happened, and who lives in it.
type History struct {
	Events   []Event                 // positions 1, 2, 3 …
	Accounts []uuid.UUID             // who ever began to sign up
	Authors  map[uuid.UUID]uuid.UUID // accounts, by the pseudonyms of their anonymous posts

	random  *rand.Rand
	clock   time.Time
	streams map[string]*stream

	people   []*personAct
	signIns  []*signInAct
	keys     []uuid.UUID
	boards   []uuid.UUID
	posts    []*postAct
	comments []*commentAct
	felt     []reaction.Added
	rooms    []uuid.UUID
	images   []uuid.UUID
	reports  []uuid.UUID
	names    int // made up so far
}

// stream is the state of one stream, as deciders want it.
type stream struct {
	state interface{ Apply(event.Decoded) }
	next  uint64 // revision
}

// act is something that may happen; weight is how often among the others.
type act struct {
	weight int
	happen func(*History)
}

// aroundMidnight (UTC) histories happen, so that things begun on one day go on
// on the next.
var aroundMidnight = time.Date(2023, time.November, 15, 0, 0, 0, 0, time.UTC)

// NewHistory makes up a history of that many events or a few more: the same
// seed makes the same one.
func NewHistory(seed uint64, events int) *History {
	h := &History{
		Authors: map[uuid.UUID]uuid.UUID{}, random: rand.New(rand.NewPCG(seed, 5)), //nolint:gosec // a repeatable test
		clock: aroundMidnight.Add(-time.Duration(events/2) * time.Millisecond), streams: map[string]*stream{}, // about one an event
	}
	h.begin()
	for range 4 {
		signUp(h)
	}
	createBoard(h)
	openRoom(h)
	acts := slices.Concat(peopleActs, wayActs, forumActs, chatActs, imageActs, reportActs)
	total := 0
	for _, a := range acts {
		total += a.weight
	}
	for len(h.Events) < events {
		n := h.random.IntN(total)
		for _, a := range acts {
			if n -= a.weight; n < 0 {
				a.happen(h)
				break
			}
		}
	}
	return h
}

// stateOf is the state of a stream; fresh makes that of an empty one.
func stateOf[S interface{ Apply(event.Decoded) }](h *History, name string, fresh func() S) S {
	if h.streams[name] == nil {
		h.streams[name] = &stream{state: fresh()}
	}
	return h.streams[name].state.(S)
}

// nothing is the state of streams about which nobody decides here.
type nothing struct{}

func (nothing) Apply(event.Decoded) {}

// say appends what was decided, and says whether that was anything: being
// refused is as good as being heard.
func (h *History) say(name string, events []event.Data, err error) bool {
	if err != nil {
		return false
	}
	return h.append(name, events)
}

func (h *History) append(name string, events []event.Data) bool {
	s := h.streams[name]
	for _, d := range events {
		e := Event{Position: uint64(len(h.Events) + 1), Revision: s.next, Stream: name, ID: h.id(), Time: h.clock, Data: d}
		h.Events = append(h.Events, e)
		s.next++
		s.state.Apply(event.Decoded{
			Record:  event.Record{Position: e.Position, Stream: name, Revision: e.Revision, ID: e.ID, Time: e.Time},
			Payload: d,
		})
	}
	h.clock = h.clock.Add(time.Duration(h.random.IntN(3)) * time.Millisecond) // also none: things happen at once
	return len(events) > 0
}

// fact appends one event to a stream about which nobody decides here.
func (h *History) fact(name string, d event.Data) {
	stateOf(h, name, func() nothing { return nothing{} })
	h.append(name, []event.Data{d})
}

// id makes up a version 7 UUID of about now.
func (h *History) id() uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:], uint64(h.clock.UnixMilli())<<16|h.random.Uint64N(1<<12))
	binary.BigEndian.PutUint64(id[8:], h.random.Uint64())
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id
}

// one in n times.
func (h *History) one(n int) bool { return h.random.IntN(n) == 0 }

// any of a few; of none, the zero value.
func pick[T any](h *History, from []T) (t T) {
	if len(from) == 0 {
		return t
	}
	return from[h.random.IntN(len(from))]
}

// recent is any of them, but rather a late one: things go on.
func recent[T any](h *History, from []T) T {
	return pick(h, from[len(from)-min(len(from), 1+h.random.IntN(30)):])
}

// some of them, each once, in their order.
func some[T any](h *History, from []T, oneIn int) (few []T) {
	for _, t := range from {
		if h.one(oneIn) {
			few = append(few, t)
		}
	}
	return few
}

// image is an image's id, or none.
func (h *History) image() uuid.UUID {
	if h.one(3) {
		return uuid.Nil
	}
	return h.picture()
}

// picture is an image's id: of one that was uploaded, or one that never was.
func (h *History) picture() uuid.UUID {
	if len(h.images) == 0 || h.one(3) {
		return h.id()
	}
	return recent(h, h.images)
}

// Words are hard on SQL, JSON, Markdown and dumps.
var words = []string{
	"a", "日本語", "o'clock", `"quoted"`, "100%", "?", "$1", `back\slash`, "**bold**", "# head", "<b>html</b>", "a|b", "line\nbreak", "🦜",
	"[link](https://example.org/?a=1&b=2)", "\u202eright to left", "null", "0",
}

// words makes up a text.
func (h *History) words() string {
	text := ""
	for range 1 + h.random.IntN(6) {
		if text != "" {
			text += " "
		}
		text += pick(h, words)
	}
	return text
}

// maybe is what a patch says of a field: often nothing.
func maybe[T any](h *History, make func() T) *T {
	if h.one(2) {
		return nil
	}
	t := make()
	return &t
}

// sometimes makes up a text, or says none.
func (h *History) sometimes() string {
	if h.one(3) {
		return ""
	}
	return h.words()
}
