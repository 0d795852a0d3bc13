package foldtest

import (
	"cmp"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/readmodels"
)

// feeds are the timelines of home feeds.
type feeds struct {
	keeping   readmodels.Feeds
	written   map[following]bool // false: merged when read
	timelines map[uuid.UUID]map[uuid.UUID]bool
	floors    map[uuid.UUID]uuid.UUID // the oldest post of which a timeline misses nothing
}

// following is who follows a person, a board or a hashtag.
type following struct {
	kind   string
	reader uuid.UUID
	of     string
}

func newFeeds(keeping readmodels.Feeds) feeds {
	return feeds{keeping: keeping, written: map[following]bool{}, timelines: map[uuid.UUID]map[uuid.UUID]bool{}, floors: map[uuid.UUID]uuid.UUID{}}
}

// foldFeed looks at what follows began and ended with an event, and writes its
// post, if it is of one, to timelines.
func (m *Model) foldFeed(e Event) {
	now := map[following]bool{}
	for f := range m.follows {
		now[following{"person", f[0], f[1].String()}] = true
	}
	for f := range m.boardFollows {
		now[following{"board", f[0], f[1].String()}] = true
	}
	for f := range m.tagFollows {
		now[following{"hashtag", f.account, f.tag}] = true
	}
	maps.DeleteFunc(m.written, func(f following, _ bool) bool { return !now[f] })
	_, granted := e.Data.(account.SettingsChanged) // however many begin with it
	for f := range now {
		if _, was := m.written[f]; !was {
			m.written[f] = !granted && m.writtenTo(f) < m.keeping.FanOut
			if m.written[f] {
				m.bring(f)
			}
		}
	}
	switch d := e.Data.(type) {
	case post.Published:
		for reader := range m.deliver(e.thing(), "person", "board", "hashtag") {
			if id, end := reader.String(), e.thing().String(); id[34:] == end[34:] {
				m.shorten(reader)
			}
		}
	case post.Restored:
		if m.posts[e.thing()].state == post.Live {
			m.deliver(e.thing(), "person", "board", "hashtag")
		}
	case post.Moved:
		if m.posts[e.thing()].state == post.Live {
			m.deliver(e.thing(), "board")
		}
	case post.Edited:
		if len(d.Hashtags) > 0 {
			m.deliver(e.thing(), "hashtag")
		}
	}
}

// writtenTo counts those who follow the same as f and are written to.
func (m *Model) writtenTo(f following) (n int) {
	for other, written := range m.written {
		if written && other.kind == f.kind && other.of == f.of && other != f {
			n++
		}
	}
	return n
}

// comesBy says whether a post comes by what f follows.
func (p *postRow) comesBy(f following) bool {
	return f.kind == "person" && f.of == p.author.String() || f.kind == "board" && f.of == p.board.String() ||
		f.kind == "hashtag" && slices.Contains(p.hashtags, f.of)
}

// older compares posts by when they were published.
func (m *Model) older(a, b uuid.UUID) int {
	return cmp.Or(m.posts[a].published.Compare(m.posts[b].published), slices.Compare(a[:], b[:]))
}

// bring writes what f follows, as far as its reader's timeline reaches.
func (m *Model) bring(f following) {
	var all []uuid.UUID
	for id, p := range m.posts {
		if p.state == post.Live && p.comesBy(f) {
			all = append(all, id)
		}
	}
	slices.SortFunc(all, m.older)
	if n := len(all) - m.keeping.Length; n >= 0 {
		m.raise(f.reader, all[n])
	}
	for _, id := range all {
		if floor, is := m.floors[f.reader]; !is || m.older(id, floor) >= 0 {
			m.write(f.reader, id)
		}
	}
}

func (m *Model) write(reader, id uuid.UUID) {
	if m.timelines[reader] == nil {
		m.timelines[reader] = map[uuid.UUID]bool{}
	}
	m.timelines[reader][id] = true
}

func (m *Model) raise(reader, floor uuid.UUID) {
	if was, is := m.floors[reader]; !is || m.older(was, floor) < 0 {
		m.floors[reader] = floor
	}
}

// deliver writes a post to those who follow one of those kinds of things that
// it comes by, and to its author where it comes by the author. It gives them.
func (m *Model) deliver(id uuid.UUID, kinds ...string) map[uuid.UUID]bool {
	p, to := m.posts[id], map[uuid.UUID]bool{}
	for f, written := range m.written {
		if written && slices.Contains(kinds, f.kind) && p.comesBy(f) {
			to[f.reader] = true
		}
	}
	if slices.Contains(kinds, "person") && p.owner != uuid.Nil {
		to[p.owner] = true
	}
	for reader := range to {
		m.write(reader, id)
	}
	return to
}

// shorten drops all but the newest of a timeline.
func (m *Model) shorten(reader uuid.UUID) {
	all := slices.SortedFunc(maps.Keys(m.timelines[reader]), m.older)
	n := len(all) - m.keeping.Length
	if n < 0 {
		return
	}
	m.raise(reader, all[n])
	for _, id := range all[:n] {
		delete(m.timelines[reader], id)
	}
}

func (m *Model) printFeeds() {
	for reader, posts := range m.timelines {
		for id := range posts {
			m.row("timeline", columns{"reader": reader, "at": m.posts[id].published, "post": id})
		}
	}
	for reader, id := range m.floors {
		m.row("timeline_floor", columns{"reader": reader, "at": m.posts[id].published, "post": id})
	}
}
