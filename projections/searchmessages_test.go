package projections_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/projections/projectiontest"
	"github.com/parleyhq/parley/readmodels"
)

// C5, C6, F10: whatever happens in rooms, the index holds what stands in them,
// and each member finds just the messages that a naive fold of the log lets it
// see: none of other rooms, none from before it came where that is not shown,
// no deleted one, and none of a room that it has left.
func TestF10_MessagesForTheirReaders(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newChatWorld(t, seed, 6)
			place, engine := newPlace(t), newSharedEngine()
			tables, _ := projectiontest.Start(t, projectiontest.Config(projections.Tables(feeds), w.log, w.codec, place))
			reads := readmodels.NewTables(place)
			x := projections.NewIndexer(projections.IndexerConfig{
				Store: w.log, Engine: engine, Tables: tables, Reads: reads, BatchSize: 7,
				Epoch:    func(context.Context) (uuid.UUID, error) { return projectiontest.Epoch, nil },
				RetryMin: time.Microsecond, RetryMax: time.Millisecond,
			})
			background(t, x.Run)
			for range 3 {
				for range 150 {
					w.act()
				}
				ctx, cancel := context.WithTimeout(t.Context(), projectiontest.Patience)
				head, err := w.log.Head(ctx)
				must(t, err)
				must(t, x.Wait(ctx, head))
				cancel()
				if d := cmp.Diff(w.messageDocuments(reads), engine.documents(searchFamily), onlyMessages); d != "" {
					t.Fatalf("the index is not what the tables are: (-tables +index)\n%s", d)
				}
				w.checkFound(&readmodels.Finder{Tables: reads, Engine: engine, Family: searchFamily})
			}
		})
	}
}

var onlyMessages = cmp.FilterPath(func(p cmp.Path) bool {
	i, ok := p.Last().(cmp.MapIndex)
	return ok && !strings.HasPrefix(i.Key().String(), "message-")
}, cmp.Ignore())

// messageDocuments are those of all messages that were ever sent, by key.
func (w *chatWorld) messageDocuments(reads *readmodels.Tables) map[string]readmodels.Document {
	w.t.Helper()
	var sent []readmodels.Thing
	for rec, err := range w.log.All(w.t.Context(), 0, event.Filter{Types: []string{"chat.message_sent.v1"}}) {
		must(w.t, err)
		sent = append(sent, readmodels.Thing{
			Kind: readmodels.SearchMessages, ID: uuid.MustParse(event.StreamID(rec.Stream)), Number: rec.Revision + 1,
		})
	}
	all := map[string]readmodels.Document{}
	must(w.t, reads.Read(w.t.Context(), func(r readmodels.Reader) error {
		for chunk := range slices.Chunk(sent, 100) {
			changes, err := readmodels.SearchChanges(w.t.Context(), r, readmodels.SearchMessages, chunk)
			if err != nil {
				return err
			}
			for _, c := range changes {
				if !c.Gone {
					all[c.Key()] = c.Document
				}
			}
		}
		return nil
	}))
	return all
}

// checkFound compares what each person finds with the naive model.
func (w *chatWorld) checkFound(f *readmodels.Finder) {
	w.t.Helper()
	model, found := w.model(), 0
	for _, person := range append(w.people, uuid.Nil, uuid.New()) {
		var want, got []string
		for room, members := range model {
			for _, m := range members[person].Messages {
				if !m.Deleted {
					want = append(want, readmodels.Thing{Kind: readmodels.SearchMessages, ID: room, Number: m.Number}.Key()+" "+m.Text)
				}
			}
		}
		q := readmodels.SearchQuery{Kind: readmodels.SearchMessages, Words: readmodels.Words("text"), Limit: 20}
		var from *readmodels.SearchCursor
		for {
			hits, next, err := f.Find(w.t.Context(), person, readmodels.BoardTags{}, q, from)
			must(w.t, err)
			for _, h := range hits {
				got = append(got, h.Place.Key+" "+h.Message.Text)
				if h.People[h.Message.Sender].ID != h.Message.Sender {
					w.t.Errorf("no summary of who sent %s", h.Place.Key)
				}
			}
			if from = next; next == nil {
				break
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if d := cmp.Diff(want, got); d != "" {
			w.t.Errorf("what %s finds: (-want +got)\n%s", person, d)
		}
		found += len(got)
	}
	if found == 0 {
		w.t.Error("nobody finds anything")
	}
}
