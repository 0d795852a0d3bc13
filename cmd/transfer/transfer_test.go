package transfer_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/parleyhq/parley/cmd/transfer"
	"github.com/parleyhq/parley/domain"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/ops"
	"github.com/parleyhq/parley/infra/eventstore"
	"github.com/parleyhq/parley/infra/pebble"
	"github.com/parleyhq/parley/transport/eventgrpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 60 * time.Second

// O7: a copy holds the same events in the same order, at the same revisions,
// whatever was cut off on the way, and outside streams end as they ended.
func TestCopyAcrossCuts(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) (target event.Store, raw *pebble.Log){
		"embedded": func(t *testing.T) (event.Store, *pebble.Log) {
			l := newLog(t)
			return l, l
		},
		"server": func(t *testing.T) (event.Store, *pebble.Log) {
			l := newLog(t)
			s, err := eventstore.Open(t.Context(), eventstore.Options{URL: serve(t, l)})
			must(t, err)
			t.Cleanup(func() { must(t, s.Close()) })
			return s, l
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.fill()
			target, raw := open(t)
			w.cfg.Target = target
			cuts := 0
			for w.cut = 1; ; w.cut++ { // each run dies at another append; towards the end they are near one another
				w.cfg.Target = w.cutting(target)
				_, err := transfer.Run(w.ctx, w.cfg)
				if err == nil {
					break
				}
				if !errors.Is(err, errCut) {
					t.Fatal(err)
				}
				cuts++
			}
			if cuts < 12 {
				t.Fatalf("only %d cuts", cuts)
			}
			w.cfg.Target = target
			r, err := transfer.Run(w.ctx, w.cfg) // once more is no harm
			must(t, err)
			w.same(raw, name == "embedded", r)
			if w.target.epoch != r.Epoch || w.target.position != r.Position {
				t.Errorf("told up to %d of %s, want %d of %s", w.target.position, w.target.epoch, r.Position, r.Epoch)
			}
			w.outside(raw)
			_, err = target.Append(w.ctx, "post-9", event.NoStream, made(1))
			must(t, err)
			if _, err := transfer.Run(w.ctx, w.cfg); !errors.Is(err, transfer.ErrWentOn) {
				t.Errorf("the target went on: %v", err)
			}
		})
	}
}

// O7: what is no beginning of the source is not written to.
func TestForeignTargets(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(w *world, target event.Store){
		"other events": func(w *world, target event.Store) {
			_, err := target.Append(w.ctx, "post-1", event.NoStream, made(1))
			must(w.T, err)
		},
		"another epoch": func(w *world, target event.Store) {
			_, err := target.Append(w.ctx, ops.EpochStream, event.NoStream, made(1))
			must(w.T, err)
		},
		"a later beginning": func(w *world, target event.Store) {
			for r, err := range w.cfg.Source.All(w.ctx, 1, event.Filter{Categories: []string{"post"}}) {
				must(w.T, err)
				_, err = target.Append(w.ctx, r.Stream, event.Any, []event.Event{{ID: r.ID, Type: r.Type, Data: r.Data}})
				must(w.T, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.fill()
			target := newLog(t)
			prepare(w, target)
			before, err := target.Head(w.ctx)
			must(t, err)
			w.cfg.Target = target
			_, err = transfer.Run(w.ctx, w.cfg)
			if !errors.Is(err, transfer.ErrForeign) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v", err)
			}
			if after, err := target.Head(w.ctx); err != nil || after != before || w.keys != 0 {
				t.Errorf("something was written: head %d, was %d, %d times keys: %v", after, before, w.keys, err)
			}
		})
	}
}

// O7: an empty source is told, and one whose people were not told yet; where
// that is wanted, it is copied all the same.
func TestSources(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.Target = newLog(t)
	if _, err := transfer.Run(w.ctx, w.cfg); !errors.Is(err, transfer.ErrEmpty) {
		t.Errorf("empty: %v", err)
	}
	w.fill()
	_, err := w.log.Append(w.ctx, "inbox-1", event.NoStream, made(1)) // of notify itself: asks for nothing
	must(t, err)
	_, err = w.log.Append(w.ctx, "post-1", event.Any, made(2))
	must(t, err)
	if _, err := transfer.Run(w.ctx, w.cfg); !errors.Is(err, transfer.ErrUntold) || !strings.Contains(err.Error(), ": 2 events") {
		t.Errorf("untold: %v", err)
	}
	w.cfg.LeaveUntold = true
	if _, err := transfer.Run(w.ctx, w.cfg); err != nil {
		t.Errorf("untold, and wanted: %v", err)
	}
}

// world is a source that can be copied.
type world struct {
	*testing.T
	ctx            context.Context
	log            *pebble.Log
	cfg            transfer.Config
	source, target told
	keys           int
	cut            int // the append that dies
}

type told struct {
	epoch    uuid.UUID
	position uint64
}

func (t *told) Load(context.Context) (uuid.UUID, uint64, error) { return t.epoch, t.position, nil }
func (t *told) Save(_ context.Context, epoch uuid.UUID, position uint64) error {
	t.epoch, t.position = epoch, position
	return nil
}

// Copy counts; what it stands for is tested with the keyring.
func (w *world) Copy(context.Context) (int, error) {
	w.keys++
	return 7, nil
}

func newWorld(t *testing.T) *world {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	catalogue, err := domain.Catalogue()
	must(t, err)
	w := &world{T: t, ctx: ctx, log: newLog(t)}
	w.cfg = transfer.Config{
		Source: w.log, Keys: w, SourceTold: &w.source, TargetTold: &w.target, Codec: event.NewCodec(catalogue, nil),
		NewID: uuid.New, Now: time.Now,
	}
	return w
}

// fill writes an epoch, events of ours, and what outside writers do: metadata,
// a stream that was deleted and written again, one deleted, one with a
// tombstone, and binary data.
func (w *world) fill() {
	w.Helper()
	epoch := made(1)
	_, err := w.log.Append(w.ctx, ops.EpochStream, event.NoStream, epoch)
	must(w.T, err)
	for i := range 300 {
		_, err := w.log.Append(w.ctx, fmt.Sprintf("post-%d", i%7), event.Any, made(1+i%3))
		must(w.T, err)
	}
	large := made(4)
	for i := range large {
		large[i].ContentType, large[i].Data = event.ContentBinary, make([]byte, 300<<10)
	}
	_, err = w.log.Append(w.ctx, "post-1", event.Any, large)
	must(w.T, err)
	c := official(w.T, serve(w.T, w.log))
	outside := func(stream string, n int) {
		for range n {
			_, err := c.AppendToStream(w.ctx, stream, esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}},
				esdb.EventData{EventID: uuid.New(), EventType: "placed", ContentType: esdb.ContentTypeBinary, Data: []byte{0, 255}, Metadata: []byte("not JSON")})
			must(w.T, err)
		}
	}
	for _, stream := range []string{"order-kept", "order-revived", "order-deleted", "order-buried"} {
		outside(stream, 3)
	}
	var metadata esdb.StreamMetadata
	metadata.SetMaxCount(2)
	_, err = c.SetStreamMetadata(w.ctx, "order-kept", esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, metadata)
	must(w.T, err)
	for _, stream := range []string{"order-revived", "order-deleted"} {
		_, err = c.DeleteStream(w.ctx, stream, esdb.DeleteStreamOptions{ExpectedRevision: esdb.Any{}})
		must(w.T, err)
	}
	outside("order-revived", 2)
	_, err = c.SetStreamMetadata(w.ctx, "order-buried", esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, metadata)
	must(w.T, err)
	_, err = c.TombstoneStream(w.ctx, "order-buried", esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}})
	must(w.T, err)
	_, err = c.TombstoneStream(w.ctx, "order-never", esdb.TombstoneStreamOptions{ExpectedRevision: esdb.NoStream{}})
	must(w.T, err)
	head, err := w.log.Head(w.ctx)
	must(w.T, err)
	w.source = told{epoch[0].ID, head}
}

// same wants the target to hold the source and its own epoch.
func (w *world) same(target *pebble.Log, tombstones bool, result transfer.Result) {
	w.Helper()
	here, there := all(w, w.log), all(w, target)
	epoch := there[len(there)-1]
	if epoch.Stream != ops.EpochStream || epoch.Revision != 1 || epoch.ID != result.Epoch || string(epoch.Data) != `{"reason":"copied"}` {
		w.Errorf("the last event is %+v", epoch)
	}
	there = there[:len(there)-1]
	ignored := cmpopts.IgnoreFields(event.Record{}, "Position")
	if !tombstones { // those and the times of metadata are the server's, and times of ours are in the metadata there
		server := func(r event.Record) bool { return r.Type == "$streamDeleted" }
		here, there = slices.DeleteFunc(here, server), slices.DeleteFunc(there, server)
		ignored = cmpopts.IgnoreFields(event.Record{}, "Position", "Time", "Metadata")
	}
	if diff := cmp.Diff(here, there, ignored, cmpopts.EquateEmpty()); diff != "" {
		w.Fatalf("(-source +target):\n%s", diff)
	}
	n := 0
	seen := 0
	for r, err := range w.cfg.Target.All(w.ctx, 0, event.Filter{}) {
		must(w.T, err)
		if strings.HasPrefix(r.Stream, "$") || strings.HasPrefix(r.Type, "$") {
			continue
		}
		if n++; r.Stream == ops.EpochStream && r.Revision == 1 {
			continue
		}
		for strings.HasPrefix(here[seen].Stream, "$") || strings.HasPrefix(here[seen].Type, "$") {
			seen++
		}
		if diff := cmp.Diff(here[seen], short(r), cmpopts.IgnoreFields(event.Record{}, "Position"), cmpopts.EquateEmpty()); diff != "" {
			w.Fatalf("as the target shows it (-source +target):\n%s", diff)
		}
		seen++
	}
	if n != result.Events || result.Resumed != n || result.Keys != 7 {
		w.Errorf("%d events are there, and %+v is told", n, result)
	}
}

// outside reads the target as outside writers do.
func (w *world) outside(target *pebble.Log) {
	w.Helper()
	c := official(w.T, serve(w.T, target))
	for stream, want := range map[string]string{
		"order-kept": "[1 2]", "order-revived": "[3 4]", "order-deleted": "not found", "order-buried": "deleted", "order-never": "deleted",
	} {
		if got := shown(w.ctx, c, stream); got != want {
			w.Errorf("%s shows %s, want %s", stream, got, want)
		}
	}
}

func shown(ctx context.Context, c *esdb.Client, stream string) string {
	r, err := c.ReadStream(ctx, stream, esdb.ReadStreamOptions{From: esdb.Start{}}, 100)
	if err != nil {
		return err.Error()
	}
	defer r.Close()
	revisions := []uint64{}
	for {
		e, err := r.Recv()
		var refused *esdb.Error
		switch {
		case errors.As(err, &refused) && refused.Code() == esdb.ErrorCodeResourceNotFound:
			return "not found"
		case errors.As(err, &refused) && refused.Code() == esdb.ErrorCodeStreamDeleted:
			return "deleted"
		case err != nil:
			return fmt.Sprint(revisions)
		}
		revisions = append(revisions, e.Event.EventNumber)
	}
}

var errCut = errors.New("cut off")

// cutting is a store that dies at an append: before it takes effect, or, every
// other time, after.
type cutting struct {
	event.Store
	left, number int
}

func (w *world) cutting(s event.Store) event.Store {
	c := &cutting{Store: s, left: max(60-6*w.cut, w.cut-8), number: w.cut}
	if buries, ok := s.(interface {
		Tombstone(context.Context, string, event.Expected) error
	}); ok {
		return &cuttingServer{cutting: c, bury: buries.Tombstone}
	}
	return c
}

func (c *cutting) Append(ctx context.Context, stream string, expected event.Expected, es []event.Event) (event.Result, error) {
	if c.left--; c.left > 0 {
		return c.Store.Append(ctx, stream, expected, es)
	}
	if c.number%2 == 0 {
		if _, err := c.Store.Append(ctx, stream, expected, es); err != nil {
			return event.Result{}, err
		}
	}
	return event.Result{}, errCut
}

type cuttingServer struct {
	*cutting
	bury func(context.Context, string, event.Expected) error
}

func (c *cuttingServer) Tombstone(ctx context.Context, stream string, expected event.Expected) error {
	if err := c.bury(ctx, stream, expected); err != nil || c.number%2 == 0 {
		return err
	}
	return nil
}

func made(n int) []event.Event {
	es := make([]event.Event, n)
	for i := range es {
		es[i] = event.Event{ID: uuid.New(), Type: "thing.happened.v1", Time: time.UnixMilli(1_600_000_000_000), Data: fmt.Appendf(nil, `{"n":%d}`, i), Metadata: []byte(`{"actor":"a"}`)}
	}
	return es
}

func all(w *world, s event.Store) []event.Record {
	w.Helper()
	var rs []event.Record
	for r, err := range s.All(w.ctx, 0, event.Filter{}) {
		must(w.T, err)
		rs = append(rs, short(r))
	}
	return rs
}

// short has a sum instead of long data, which take long to compare.
func short(r event.Record) event.Record {
	if len(r.Data) > 100 {
		sum := sha256.Sum256(r.Data)
		r.Data = sum[:]
	}
	return r
}

func newLog(t *testing.T) *pebble.Log {
	t.Helper()
	l, err := pebble.Open(t.TempDir(), pebble.Options{MaxEvent: 1 << 20})
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	return l
}

// serve serves a log in the EventStoreDB protocol and returns its URL. Only
// one server at a time may write to a log.
func serve(t *testing.T, log *pebble.Log) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	running, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- eventgrpc.New(eventgrpc.Config{Store: log}).Run(running, l, time.Second) }()
	t.Cleanup(func() {
		cancel()
		must(t, <-ended)
	})
	return "esdb://" + l.Addr().String() + "?tls=false"
}

func official(t *testing.T, url string) *esdb.Client {
	t.Helper()
	config, err := esdb.ParseConnectionString(url)
	must(t, err)
	config.Logger = esdb.NoopLogging()
	c, err := esdb.NewClient(config)
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
