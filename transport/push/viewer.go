package push

import (
	"context"
	"sync"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/fault"
)

// viewer is an account that has sockets here, and what decides which live
// events it may see: loaded from the tables once it reads a live topic, kept
// current by the feeder.
type viewer struct {
	account uuid.UUID
	conns   []*conn // guarded by the hub's lock

	mu     sync.RWMutex
	groups [2]group
}

// The two groups of relations, each loaded when it is first needed.
const (
	blocks = iota
	follows
)

type group struct {
	facts   map[relation]struct{} // nil: nobody asked yet
	touched map[relation]touch    // what the feeder saw while the tables were read
	loaded  bool
	asOf    uint64 // once loaded: the tables were at least as new as this
}

// touch is a fact as the feeder saw it.
type touch struct {
	on       bool
	position uint64
}

// relation is one fact about the viewer.
type relation struct {
	kind relationKind
	id   uuid.UUID
	tag  string
}

type relationKind uint8

const (
	blocking relationKind = iota
	blockedBy
	muting
	followsAccount
	followsBoard
	followsTag
	waitsFor // an account whose followers need approval
	opened   // an account that lets all follow who wait; kept while the tables are read alone
)

func (k relationKind) group() int {
	if k <= blockedBy {
		return blocks
	}
	return follows
}

// set takes a fact from the feeder. One that comes so late that the tables
// knew it, and maybe what followed it, changes nothing.
func (v *viewer) set(r relation, on bool, position uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	g := &v.groups[r.kind.group()]
	if g.facts == nil || g.loaded && position <= g.asOf {
		return
	}
	if on {
		g.facts[r] = struct{}{}
	} else {
		delete(g.facts, r)
	}
	if !g.loaded {
		g.touched[r] = touch{on, position}
	}
}

// open lets the viewer follow an account if it waits for that.
func (v *viewer) open(account uuid.UUID, position uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	g := &v.groups[follows]
	if g.facts == nil || g.loaded && position <= g.asOf {
		return
	}
	g.open(account)
	if !g.loaded { // and those of whom the tables are about to tell
		g.touched[relation{kind: opened, id: account}] = touch{true, position}
	}
}

func (g *group) open(account uuid.UUID) {
	waits := relation{kind: waitsFor, id: account}
	if _, ok := g.facts[waits]; ok {
		delete(g.facts, waits)
		g.facts[relation{kind: followsAccount, id: account}] = struct{}{}
	}
}

func (v *viewer) has(r relation) bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	_, ok := v.groups[r.kind.group()].facts[r]
	return ok
}

// hides says whether a block stands between the viewer and account.
func (v *viewer) hides(account uuid.UUID) bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	facts := v.groups[blocks].facts
	if len(facts) == 0 {
		return false
	}
	_, a := facts[relation{kind: blocking, id: account}]
	_, b := facts[relation{kind: blockedBy, id: account}]
	return a || b
}

// wants says whether a post belongs into the viewer's feed. author is uuid.Nil
// where nobody may know it.
func (v *viewer) wants(author, board uuid.UUID, tags []string) bool {
	if author != uuid.Nil && v.has(relation{kind: muting, id: author}) {
		return false
	}
	if author != uuid.Nil && v.has(relation{kind: followsAccount, id: author}) || v.has(relation{kind: followsBoard, id: board}) {
		return true
	}
	for _, tag := range tags {
		if v.has(relation{kind: followsTag, tag: tag}) {
			return true
		}
	}
	return false
}

func (v *viewer) loadBlocks(ctx context.Context, s *Server) error {
	return v.load(ctx, s, blocks, func(ctx context.Context) ([]relation, error) {
		out, in, err := s.deps.Forum.Blocks(ctx, v.account)
		return append(relations(blocking, out), relations(blockedBy, in)...), err
	})
}

func (v *viewer) loadFollows(ctx context.Context, s *Server) error {
	return v.load(ctx, s, follows, func(ctx context.Context) ([]relation, error) {
		f, err := s.deps.Forum.Follows(ctx, v.account)
		all := append(relations(followsAccount, f.Accounts), relations(followsBoard, f.Boards)...)
		all = append(all, relations(waitsFor, f.Asked)...)
		for _, tag := range f.Tags {
			all = append(all, relation{kind: followsTag, tag: tag})
		}
		return append(all, relations(muting, f.Muted)...), err
	})
}

func relations(kind relationKind, ids []uuid.UUID) []relation {
	all := make([]relation, len(ids))
	for i, id := range ids {
		all[i] = relation{kind: kind, id: id}
	}
	return all
}

// load reads a group from the tables unless that was done. What the feeder
// sees from the beginning of it on counts for more than what is read, where it
// is newer than what was waited for.
func (v *viewer) load(ctx context.Context, s *Server, which int, read func(context.Context) ([]relation, error)) error {
	v.mu.Lock()
	g := &v.groups[which]
	if g.loaded {
		v.mu.Unlock()
		return nil
	}
	if g.facts == nil {
		g.facts, g.touched = map[relation]struct{}{}, map[relation]touch{}
	}
	v.mu.Unlock()

	waiting, cancel := context.WithTimeout(ctx, s.cfg.PositionWait)
	defer cancel()
	asOf := s.position.Load()
	if err := s.deps.Forum.Await(waiting, asOf); err != nil {
		return fault.ErrUnavailable.Because(err)
	}
	all, err := read(ctx)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if g.loaded {
		return nil
	}
	clear(g.facts)
	for _, r := range all {
		g.facts[r] = struct{}{}
	}
	for r, t := range g.touched {
		switch {
		case t.position <= asOf:
		case r.kind == opened:
			g.open(r.id)
		case t.on:
			g.facts[r] = struct{}{}
		default:
			delete(g.facts, r)
		}
	}
	g.loaded, g.touched, g.asOf = true, nil, asOf
	return nil
}
