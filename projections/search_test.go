package projections_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/projections/projectiontest"
	"github.com/parleyhq/parley/readmodels"
)

// searchWorld is a forum whose tables are kept up, and a search engine.
type searchWorld struct {
	*forumWorld
	engine  *sharedEngine
	tables  *projections.Runner
	reads   *readmodels.Tables
	cluster *projectiontest.Cluster
	state   readmodels.DB
}

func newSearchWorld(t *testing.T, seed uint64) *searchWorld {
	t.Helper()
	w := &searchWorld{forumWorld: newForumWorld(t, seed), engine: newSharedEngine(), cluster: projectiontest.NewCluster()}
	place := newPlace(t)
	w.tables, _ = projectiontest.Start(t, projectiontest.Config(projections.Tables(feeds), w.log, w.codec, place))
	w.reads, w.state = readmodels.NewTables(place), w.cluster.State(newState(t))
	return w
}

var searchFamily = projections.SearchFamily(projectiontest.Epoch)

func (w *searchWorld) config() projections.IndexerConfig {
	return projections.IndexerConfig{
		Store: w.log, Engine: w.engine, Tables: w.tables, Reads: w.reads,
		Epoch:     func(context.Context) (uuid.UUID, error) { return projectiontest.Epoch, nil },
		BatchSize: 7, CheckEvery: time.Millisecond, RetryMin: time.Microsecond, RetryMax: time.Millisecond,
	}
}

// shared is config for one of several processes.
func (w *searchWorld) shared() projections.IndexerConfig {
	cfg := w.config()
	cfg.Leases, cfg.State = w.cluster, w.state
	cfg.Hub = projections.NewHub(projections.HubConfig{Announcements: w.cluster, RetryMin: time.Microsecond})
	w.background(cfg.Hub.Run)
	return cfg
}

func (w *searchWorld) background(run func(context.Context) error) (stop func()) {
	return background(w.t, run)
}

func (w *searchWorld) start(cfg projections.IndexerConfig) (x *projections.Indexer, stop func()) {
	x = projections.NewIndexer(cfg)
	return x, w.background(x.Run)
}

// indexed waits for everything that happened until now and compares what can
// be found with the tables.
func (w *searchWorld) indexed(who ...projections.Projection) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), projectiontest.Patience)
	defer cancel()
	head, err := w.log.Head(ctx)
	must(w.t, err)
	for _, x := range who {
		if err := x.Wait(ctx, head); err != nil {
			w.t.Fatalf("waiting for %d, at %d: %v", head, x.Position(), err)
		}
	}
	must(w.t, w.tables.Wait(ctx, head))
	want, got := w.documents(), w.engine.documents(searchFamily)
	for key, d := range got {
		if d.Kind != readmodels.SearchHashtags {
			continue
		}
		if d.At = (time.Time{}); want[key].Kind == "" { // it was edited out of the last post that had it
			delete(got, key)
			continue
		}
		got[key] = d
	}
	if d := cmp.Diff(want, got); d != "" {
		w.t.Fatalf("the index is not what the tables are: (-tables +index)\n%s", d)
	}
}

// documents are those of all things and of the hashtags in use, by key.
func (w *searchWorld) documents() map[string]readmodels.Document {
	w.t.Helper()
	all := map[string]readmodels.Document{}
	must(w.t, w.reads.Read(w.t.Context(), func(r readmodels.Reader) error {
		for kind, ids := range map[readmodels.Kind][]uuid.UUID{
			readmodels.SearchPosts: w.order, readmodels.SearchAccounts: w.people, readmodels.SearchBoards: w.boards,
		} {
			for chunk := range slices.Chunk(ids, 500) {
				things := make([]readmodels.Thing, len(chunk))
				for i, id := range chunk {
					things[i] = readmodels.Thing{Kind: kind, ID: id}
				}
				changes, err := readmodels.SearchChanges(w.t.Context(), r, kind, things)
				if err != nil {
					return err
				}
				for _, c := range changes {
					if c.Gone {
						continue
					}
					if c.Kind == readmodels.SearchHashtags { // when it was used last may be older in the index
						c.At = time.Time{}
					}
					all[c.Key()] = c.Document
				}
			}
		}
		return nil
	}))
	return all
}

// Invariant 5, F10: the index is a function of the tables, whatever fails on
// the way: writes before and after they were made, restarts, duplicates.
func TestF10_IndexFollowsTables(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newSearchWorld(t, seed)
			failing := rand.New(rand.NewPCG(seed, 9)) //nolint:gosec // a repeatable test
			w.engine.fail = func(what string) error {
				if failing.IntN(5) == 0 {
					return fmt.Errorf("%w: %s", readmodels.ErrUnavailable, what)
				}
				return nil
			}
			w.log.Again = func(position uint64) bool { return position%11 == 0 }
			for range 4 {
				x, stop := w.start(w.config())
				for range 60 {
					w.act()
				}
				w.indexed(x)
				stop()
				for range 20 {
					w.act()
				}
			}
			x, _ := w.start(w.config())
			w.indexed(x)
			if !x.Ready() || x.Name() != "search" {
				t.Error("it is not ready")
			}
			if lag, err := x.Lag(t.Context()); err != nil || lag != 0 {
				t.Errorf("lag %d, %v", lag, err)
			}
		})
	}
}

// F2, invariant 9: no document says who wrote an anonymous post; drafts and
// deleted posts have none.
func TestF10_AnonymousDocuments(t *testing.T) {
	t.Parallel()
	w := newSearchWorld(t, 1)
	x, _ := w.start(w.config())
	for range 200 {
		w.act()
	}
	w.indexed(x)
	docs, anonymous := w.engine.documents(searchFamily), 0
	for id, p := range w.posts {
		d, found := docs["post-"+id.String()]
		switch {
		case found != (p.published && !p.deleted):
			t.Errorf("published %v, deleted %v: found %v", p.published, p.deleted, found)
		case found && p.anonymous:
			anonymous++
			if d.Author != uuid.Nil {
				t.Errorf("an anonymous post says %s", d.Author)
			}
		case found && d.Author != p.owner:
			t.Errorf("a signed post says %s", d.Author)
		}
	}
	if anonymous == 0 {
		t.Fatal("no anonymous post is in it")
	}
}

// O2: the lead is lost again and again, by leaders who notice and by those who
// do not; all processes hear of each position, and nothing older stays.
func TestF10_TheLeadIsLost(t *testing.T) {
	t.Parallel()
	w := newSearchWorld(t, 5)
	var all []projections.Projection
	for range 2 {
		x, _ := w.start(w.shared())
		all = append(all, x)
	}
	hub := projections.NewHub(projections.HubConfig{Announcements: w.cluster, RetryMin: time.Microsecond})
	w.background(hub.Run)
	f := projections.NewFollower(projections.FollowerConfig{Projection: "search", Family: searchFamily, Store: w.log, Hub: hub})
	w.background(f.Run)
	all = append(all, f)
	for n := range 20 {
		for range 15 {
			w.act()
		}
		if n%2 == 0 {
			w.cluster.Depose(searchFamily)
		} else {
			w.cluster.Usurp(searchFamily)
		}
		w.indexed(all...)
	}
	if terms := w.cluster.Terms(searchFamily); terms < 5 {
		t.Errorf("%d terms", terms)
	}
}

// O5: whoever empties the engine finds everything built again, though nothing
// happens meanwhile; until then there is no answer, and no wrong one.
func TestF10_Emptied(t *testing.T) {
	t.Parallel()
	w := newSearchWorld(t, 6)
	x, _ := w.start(w.config())
	for range 50 {
		w.act()
	}
	w.indexed(x)
	want := w.documents()
	w.engine.empty()
	until(t, "built again", func() bool {
		got := w.engine.documents(searchFamily)
		if len(got) != 0 && len(got) != len(want) {
			t.Fatalf("half an index is live: %d of %d", len(got), len(want))
		}
		return len(got) == len(want)
	})
	w.act()
	w.indexed(x)
}

// Q7: a rebuild goes on beside the live index while people write; no search
// fails meanwhile, or misses what its caller has seen.
func TestF10_Rebuild(t *testing.T) {
	t.Parallel()
	w := newSearchWorld(t, 7)
	x, _ := w.start(w.config())
	if err := projections.NewIndexer(w.config()).Rebuild(t.Context(), nil); !errors.Is(err, projections.ErrNotLeading) {
		t.Errorf("before it leads: %v", err)
	}
	for range 50 {
		w.act()
	}
	w.indexed(x)
	for range 5 {
		before, err := w.engine.Live(t.Context(), searchFamily)
		must(t, err)
		rebuilt := make(chan error, 1)
		var told uint64
		go func() { rebuilt <- x.Rebuild(t.Context(), func(done, _ uint64) { told = done }) }()
		for range 20 {
			w.act()
			w.indexed(x)
		}
		must(t, <-rebuilt)
		w.indexed(x)
		after, err := w.engine.Live(t.Context(), searchFamily)
		must(t, err)
		if after == before || told == 0 {
			t.Errorf("live before %s, after %s; told of %d", before, after, told)
		}
	}
	if _, _, building := x.Rebuilding(); building {
		t.Error("it says that it still builds")
	}
	w.engine.mu.Lock()
	defer w.engine.mu.Unlock()
	if len(w.engine.indexes) != 1 {
		t.Errorf("%d indexes are left", len(w.engine.indexes))
	}
}

// Q11: refreshes are shared by everything that was written meanwhile, and
// whoever waits is told after them alone.
func TestF10_RefreshesAreShared(t *testing.T) {
	t.Parallel()
	w := newSearchWorld(t, 8)
	cfg := w.config()
	cfg.Refresh, cfg.BatchSize = 50*time.Millisecond, 1
	x, _ := w.start(cfg)
	w.indexed(x)
	w.engine.mu.Lock()
	w.engine.refreshes = 0
	w.engine.mu.Unlock()
	begun := time.Now()
	for range 300 {
		w.act()
	}
	w.indexed(x)
	most := int(time.Since(begun)/cfg.Refresh) + 2
	w.engine.mu.Lock()
	defer w.engine.mu.Unlock()
	if n := w.engine.refreshes; n == 0 || n > most {
		t.Errorf("%d refreshes, want at most %d", n, most)
	}
}

// Q11, F10: an index that rests between batches takes in what came meanwhile
// together, and at once when somebody waits for it.
func TestF10_RestsUnlessAwaited(t *testing.T) {
	t.Parallel()
	w := newSearchWorld(t, 10)
	cfg := w.config()
	cfg.Rest, cfg.BatchSize, cfg.BatchWait = time.Hour, 1000, 10*time.Millisecond
	x, _ := w.start(cfg)
	w.indexed(x)
	for range 3 {
		w.post(commands.Actor{Account: w.people[0]})
		w.indexed(x) // or it takes an hour
		w.engine.mu.Lock()
		w.engine.refreshes = 0
		w.engine.mu.Unlock()
		const acts = 200
		for range acts {
			w.act()
		}
		w.indexed(x)
		w.engine.mu.Lock()
		if n := w.engine.refreshes; n == 0 || n > acts/4 {
			t.Errorf("%d refreshes of %d acts", n, acts)
		}
		w.engine.mu.Unlock()
	}
}

// Q7: what is asked of any process is done by the one that leads.
func TestF10_RebuildOnRequest(t *testing.T) {
	t.Parallel()
	w := newSearchWorld(t, 9)
	requests, err := projections.NewRequests(t.Context(), projections.RequestsConfig{
		DB: w.state, NewID: uuid.New, Now: time.Now, Every: time.Millisecond, RetryMin: time.Microsecond,
	})
	must(t, err)
	cfg := w.shared()
	cfg.Requests = requests
	x, _ := w.start(cfg)
	w.post(commands.Actor{Account: w.people[0]})
	w.indexed(x)
	before, err := w.engine.Live(t.Context(), searchFamily)
	must(t, err)
	asked, err := requests.Ask(t.Context(), "search", projections.TaskRebuild, "")
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), projectiontest.Patience)
	defer cancel()
	done, err := requests.Await(ctx, asked.ID, nil)
	must(t, err)
	if after, err := w.engine.Live(t.Context(), searchFamily); done.State != readmodels.Done || err != nil || after == before {
		t.Errorf("%+v; live before %s, after %s, %v", done, before, after, err)
	}
	w.indexed(x)
}
