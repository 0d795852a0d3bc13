package projections

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/readmodels"
)

// indexing is one index as the leader of a term writes it.
type indexing struct {
	*Indexer
	name  string
	index readmodels.SearchIndex
	fence Fence
	term  context.Context // ends when this process leads no more
	live  bool            // it answers queries

	applied   uint64 // how far the log is in it
	dirty     bool   // something was applied that may not be found yet
	published uint64 // how far it is known to be found
	saved     uint64 // the position as kept
}

// readAtOnce is how many things are read from the tables, and written, at once.
const readAtOnce = 100

// apply writes what a batch touched, as the tables have it.
func (g *indexing) apply(ctx context.Context, b touched) error {
	if len(b.things) > 0 {
		if err := g.cfg.Tables.Wait(ctx, b.position); err != nil {
			return err
		}
		g.dirty = true
	}
	for kind, things := range b.things {
		for chunk := range slices.Chunk(things, readAtOnce) {
			var changes []readmodels.Change
			err := g.cfg.Reads.Read(ctx, func(r readmodels.Reader) (err error) {
				changes, err = readmodels.SearchChanges(ctx, r, kind, chunk)
				return err
			})
			if err != nil {
				return err
			}
			err = g.index.Apply(ctx, changes, b.position)
			if refused := (*readmodels.RefusedDocuments)(nil); errors.As(err, &refused) {
				g.cfg.Log.Error("some things cannot be found", "documents", refused.Keys, "error", refused.Reason)
				err = nil
			}
			if err != nil {
				return err
			}
		}
	}
	g.applied = max(g.applied, b.position)
	return nil
}

// advance applies a batch of the log's tail. The index that is being built
// takes its place when it has caught up.
func (g *indexing) advance(ctx context.Context, b touched) error {
	if err := g.apply(ctx, b); err != nil || g.live {
		return err
	}
	if !b.caughtUp {
		return g.build.tell(ctx, g.cfg.Store, g.applied, nil)
	}
	defer g.build.end()
	return g.swap(ctx)
}

// swap makes the index the live one of its family, unless another leads.
func (g *indexing) swap(ctx context.Context) error {
	if err := g.index.Refresh(ctx); err != nil {
		return err
	}
	g.dirty = false
	if err := g.save(ctx); err != nil {
		return err
	}
	err := g.tell(ctx, func() error { return g.cfg.Engine.Swap(ctx, g.family, g.name) })
	if err != nil {
		return err
	}
	g.live, g.published = true, g.applied
	g.reach(g.published)
	g.cfg.Log.Info("projector swapped", "projector", searchName, "generation", g.name, "position", g.applied)
	return nil
}

// behind says whether there is something to publish.
func (g *indexing) behind() bool { return g.live && g.applied > g.published }

// publish lets what was applied be found, and says so to all who wait.
func (g *indexing) publish(ctx context.Context) error {
	if g.dirty {
		if err := g.index.Refresh(ctx); err != nil {
			return err
		}
		g.dirty = false
	}
	if err := g.tell(ctx, func() error { return nil }); err != nil {
		return err
	}
	g.published = g.applied
	g.reach(g.published)
	return nil
}

// tell announces how far the index is, if this process still leads once f has
// succeeded: f runs while nobody else can begin to lead.
func (g *indexing) tell(ctx context.Context, f func() error) error {
	if g.cfg.State == nil {
		return f()
	}
	return g.cfg.State.Batch(ctx, func(b readmodels.Batch) error {
		if err := g.fence.Check(ctx, b); err != nil {
			return err
		}
		if err := g.cfg.Hub.Announce(ctx, b, g.family, g.applied); err != nil {
			return err
		}
		return f()
	})
}

// save keeps the position beside the documents.
func (g *indexing) save(ctx context.Context) error {
	if g == nil || g.applied == g.saved {
		return nil
	}
	if err := g.index.SetPosition(ctx, g.applied); err != nil {
		return err
	}
	g.saved = g.applied
	return nil
}

// check ends the term with readmodels.ErrNoGeneration where somebody has
// emptied the engine: the next attempt builds the index again.
func (g *indexing) check(ctx context.Context) error {
	if !g.live {
		_, err := g.index.Position(ctx)
		return err
	}
	_, err := g.cfg.Engine.Live(ctx, g.family)
	return err
}

// roomCategory is that of rooms' streams, whose messages are documents.
const roomCategory = "chat"

// touching are the events that change documents: whatever happens to an
// account, a board or a post itself, and to messages. A type that is added
// later is among them.
var touching = event.Filter{Categories: []string{
	string(readmodels.SearchAccounts), string(readmodels.SearchBoards), string(readmodels.SearchPosts), roomCategory,
}}

// news is what the log says to an index: how far it goes, and which thing was
// touched.
type news struct {
	thing    readmodels.Thing // without a kind: none
	position uint64
	caughtUp bool
}

// newsOf reads a message of the log.
func newsOf(m event.Message) news {
	n := news{position: m.Position, caughtUp: m.CaughtUp}
	if m.CaughtUp {
		return n
	}
	id, err := uuid.Parse(event.StreamID(m.Record.Stream))
	if err != nil {
		return n // no thing of ours: it is in no table either
	}
	kind := readmodels.Kind(m.Record.Category())
	if kind == roomCategory {
		n.thing = messageOf(id, m.Record)
	} else {
		n.thing = readmodels.Thing{Kind: kind, ID: id}
	}
	return n
}

// messageOf is the message that an event of a room sends, edits or deletes:
// the one that it names, or it is one itself.
func messageOf(room uuid.UUID, rec event.Record) readmodels.Thing {
	if !strings.HasPrefix(rec.Type, roomCategory+".message_") {
		return readmodels.Thing{}
	}
	var named struct {
		Number uint64 `json:"number"`
	}
	if err := json.Unmarshal(rec.Data, &named); err != nil {
		return readmodels.Thing{} // the tables say why
	}
	return readmodels.Thing{Kind: readmodels.SearchMessages, ID: room, Number: cmp.Or(named.Number, rec.Revision+1)}
}

// touched is which things a part of the log touches.
type touched struct {
	things   map[readmodels.Kind][]readmodels.Thing // each once
	known    map[readmodels.Thing]bool
	events   int
	position uint64
	caughtUp bool
}

// add takes news in.
func (b *touched) add(n news) {
	b.position = max(b.position, n.position)
	b.caughtUp = n.caughtUp
	if n.caughtUp {
		return
	}
	b.events++
	if n.thing.Kind == "" || b.known[n.thing] {
		return
	}
	if b.things == nil {
		b.things, b.known = map[readmodels.Kind][]readmodels.Thing{}, map[readmodels.Thing]bool{}
	}
	b.known[n.thing] = true
	b.things[n.thing.Kind] = append(b.things[n.thing.Kind], n.thing)
}

// maxWaiting bounds the messages of the log that wait to be indexed.
const maxWaiting = 256

// tail reads the log ahead of whoever indexes it.
type tail struct {
	messages chan news
	ended    chan struct{} // closed when nothing more comes; err says why
	err      error
	stop     context.CancelFunc
	done     sync.WaitGroup
}

// tail starts reading after a position; close must be called.
func (x *Indexer) tail(ctx context.Context, after uint64) *tail {
	ctx, stop := context.WithCancel(ctx)
	t := &tail{messages: make(chan news, maxWaiting), ended: make(chan struct{}), stop: stop}
	t.done.Go(func() {
		defer close(t.ended)
		t.err = errors.New("projections: the log's tail ended")
		for m, err := range x.cfg.Store.Tail(ctx, after, touching) {
			if err != nil {
				t.err = err
				return
			}
			select {
			case t.messages <- newsOf(m):
			case <-ctx.Done():
				t.err = ctx.Err()
				return
			}
		}
	})
	return t
}

func (t *tail) close() {
	t.stop()
	t.done.Wait()
}

// fill gathers what follows a message: as much as is there or comes within
// wait, until the tail has caught up.
func (t *tail) fill(ctx context.Context, first news, size int, wait time.Duration) (b touched) {
	b.add(first)
	if b.caughtUp {
		return b
	}
	late := time.NewTimer(wait)
	defer late.Stop()
	for b.events < size {
		select {
		case m := <-t.messages:
			if b.add(m); b.caughtUp {
				return b
			}
		case <-late.C:
			return b
		case <-t.ended:
			return b
		case <-ctx.Done():
			return b
		}
	}
	return b
}
