package projections_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/parleyhq/parley/readmodels"
)

// sharedEngine is a search engine in memory that several leaders write to, as
// Elasticsearch is: versions, refreshes and all. It can fail and be emptied.
type sharedEngine struct {
	mu        sync.Mutex
	indexes   map[string]*sharedIndex
	live      map[string]string
	refreshes int
	fail      func(what string) error // before a write; may be nil
}

func newSharedEngine() *sharedEngine {
	return &sharedEngine{indexes: map[string]*sharedIndex{}, live: map[string]string{}}
}

type versioned struct {
	readmodels.Change
	version uint64
}

type sharedIndex struct {
	engine       *sharedEngine
	name         string
	all, visible map[string]versioned
	position     uint64
}

func (e *sharedEngine) Create(_ context.Context, name string) (readmodels.SearchIndex, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.indexes[name] == nil {
		e.indexes[name] = &sharedIndex{engine: e, name: name, all: map[string]versioned{}, visible: map[string]versioned{}}
	}
	return e.indexes[name], nil
}

func (e *sharedEngine) Live(_ context.Context, family string) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.live[family] == "" {
		return "", readmodels.ErrNoGeneration
	}
	return e.live[family], nil
}

func (e *sharedEngine) Swap(_ context.Context, family, name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.broken("swap"); err != nil {
		return err
	}
	if e.indexes[name] == nil {
		return readmodels.ErrNoGeneration
	}
	e.live[family] = name
	for other := range e.indexes {
		if strings.HasPrefix(other, family) && other != name {
			delete(e.indexes, other)
		}
	}
	return nil
}

func (e *sharedEngine) Drop(_ context.Context, name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.indexes, name)
	return nil
}

// Search gives everything of a kind, by key, whatever else is asked: it is for
// the tables to say what of it is whose.
func (e *sharedEngine) Search(_ context.Context, family string, q readmodels.SearchQuery) ([]readmodels.Place, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	i := e.indexes[e.live[family]]
	if i == nil {
		return nil, readmodels.ErrNoGeneration
	}
	var places []readmodels.Place
	for _, key := range slices.Sorted(maps.Keys(i.visible)) {
		if d := i.visible[key]; !d.Gone && d.Kind == q.Kind && (q.After == nil || key > q.After.Key) && len(places) < q.Limit {
			places = append(places, readmodels.Place{Key: key})
		}
	}
	return places, nil
}

// documents are those that a family's live index shows.
func (e *sharedEngine) documents(family string) map[string]readmodels.Document {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := map[string]readmodels.Document{}
	if i := e.indexes[e.live[family]]; i != nil {
		for key, d := range i.visible {
			if !d.Gone {
				all[key] = d.Document
			}
		}
	}
	return all
}

// empty deletes everything.
func (e *sharedEngine) empty() {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.indexes)
	clear(e.live)
}

func (e *sharedEngine) broken(what string) error {
	if e.fail == nil {
		return nil
	}
	return e.fail(what)
}

// write runs f if the index is still there.
func (i *sharedIndex) write(ctx context.Context, what string, f func()) error {
	i.engine.mu.Lock()
	defer i.engine.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := i.engine.broken(what); err != nil {
		return err
	}
	if i.engine.indexes[i.name] != i {
		return fmt.Errorf("%w: %s", readmodels.ErrNoGeneration, i.name)
	}
	f()
	return nil
}

func (i *sharedIndex) Apply(ctx context.Context, changes []readmodels.Change, position uint64) error {
	return i.write(ctx, "apply", func() {
		for _, c := range changes {
			if i.all[c.Key()].version <= position {
				i.all[c.Key()] = versioned{c, position}
			}
		}
	})
}

func (i *sharedIndex) Refresh(ctx context.Context) error {
	return i.write(ctx, "refresh", func() {
		i.visible = maps.Clone(i.all)
		i.engine.refreshes++
	})
}

func (i *sharedIndex) Position(ctx context.Context) (at uint64, err error) {
	err = i.write(ctx, "position", func() { at = i.position })
	return at, err
}

func (i *sharedIndex) SetPosition(ctx context.Context, position uint64) error {
	return i.write(ctx, "position", func() { i.position = max(i.position, position) })
}
