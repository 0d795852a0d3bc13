package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/goleak"

	"github.com/parleyhq/parley/domain"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/ops"
	"github.com/parleyhq/parley/infra/kafka"
	"github.com/parleyhq/parley/infra/pebble"
	"github.com/parleyhq/parley/infra/sqlite"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/readmodels"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a log with an epoch, a state database and brokers.
type world struct {
	t         testing.TB
	store     *pebble.Log
	state     readmodels.DB
	catalogue *event.Catalogue
	url       string
	prefix    string
	brokers   *kfake.Cluster // nil: real ones
	epoch     uuid.UUID
}

func newWorld(t *testing.T) *world {
	t.Helper()
	brokers, err := kfake.NewCluster(kfake.NumBrokers(3))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(brokers.Close)
	w := worldAt(t, "kafka://"+brokers.ListenAddrs()[0])
	w.brokers = brokers
	return w
}

func worldAt(t testing.TB, url string) *world {
	t.Helper()
	log, err := pebble.Open("log", pebble.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	state, err := sqlite.OpenState(context.Background(), filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = state.Close() })
	catalogue, err := domain.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, store: log, state: state, catalogue: catalogue, url: url, prefix: "t" + uuid.NewString()[:8]}
	w.begin()
	return w
}

// begin begins an epoch of the log.
func (w *world) begin() {
	w.t.Helper()
	w.epoch = uuid.New()
	w.put(ops.EpochStream, event.Event{ID: w.epoch, Type: "log.epoch_begun.v1", Data: []byte(`{"reason":"created"}`), Metadata: []byte(`{"actor":"system"}`)})
}

func (w *world) put(stream string, events ...event.Event) uint64 {
	w.t.Helper()
	for i := range events {
		events[i].Time = time.Now().UTC().Truncate(time.Millisecond)
		if events[i].ID == uuid.Nil {
			events[i].ID = uuid.New()
		}
		if events[i].ContentType == "" {
			events[i].ContentType = event.ContentJSON
		}
	}
	res, err := w.store.Append(context.Background(), stream, event.Any, events)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.Position
}

// say appends messages to some rooms, in ours and outside categories.
func (w *world) say(count int) {
	w.t.Helper()
	for n := range count {
		stream, typ, data := fmt.Sprintf("game-%d", n%7), "played", `{"n":1}`
		if n%2 == 0 {
			stream, typ = "inbox-"+uuid.NewSHA1(uuid.Nil, []byte{byte(n % 11)}).String(), "inbox.read.v1"
			data = `{"number":1}`
		}
		w.put(stream, event.Event{Type: typ, Data: []byte(data), Metadata: []byte(`{"actor":"someone"}`)})
	}
}

func (w *world) client() *kafka.Client {
	w.t.Helper()
	c, err := kafka.Open(kafka.Config{
		URL: w.url, Partitions: 4, Timeout: patience, MetadataAge: 200 * time.Millisecond,
		RetryFirst: 5 * time.Millisecond, RetryLongest: 50 * time.Millisecond, Log: w.log(),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = c.Close() })
	return c
}

func (w *world) log() *slog.Logger {
	l := &testWriter{t: w.t}
	w.t.Cleanup(func() { l.over.Store(true) })
	return slog.New(slog.NewTextHandler(l, nil))
}

type testWriter struct {
	t    testing.TB
	over atomic.Bool
}

func (w *testWriter) Write(b []byte) (int, error) {
	if !w.over.Load() {
		w.t.Logf("%s", b)
	}
	return len(b), nil
}

// running is a relay that runs until it is stopped, or the test ends.
type running struct {
	*Relay
	stop func() error
}

func (w *world) run(adjust func(*Config)) *running {
	w.t.Helper()
	c := w.client()
	p, err := c.NewPublisher(kafka.PublisherConfig{})
	if err != nil {
		w.t.Fatal(err)
	}
	cfg := Config{
		Store: w.store, Catalogue: w.catalogue, Publisher: p, Ensure: c.EnsureTopics, State: w.state, Prefix: w.prefix,
		Batch: 50, SaveEvery: 10 * time.Millisecond, RetryFirst: 5 * time.Millisecond, RetryLongest: 50 * time.Millisecond, Log: w.log(),
	}
	if adjust != nil {
		adjust(&cfg)
	}
	r := &running{Relay: New(cfg)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	r.stop = sync.OnceValue(func() error {
		cancel()
		err := <-done
		_ = p.Close()
		return err
	})
	w.t.Cleanup(func() { _ = r.stop() })
	return r
}

// patience bounds every wait for what must happen.
const patience = time.Minute

func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			w.t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// relayed waits until a relay has everything.
func (w *world) relayed(r *running) {
	w.t.Helper()
	head, err := w.store.Head(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	w.eventually("everything to be relayed", func() bool { return r.Position() == head })
}

// arrived is what one partition's messages say, in their order.
type arrived struct {
	topic  string
	key    string
	epoch  uuid.UUID
	record event.Record
}

// read reads all topics to their ends through a consumer group of one member,
// whose messages come in the order of each partition.
func (w *world) read(least int) []arrived {
	w.t.Helper()
	c := w.client()
	s, err := c.NewSubscriber(kafka.SubscriberConfig{
		Group: uuid.NewString(), Window: 1, Heartbeat: 100 * time.Millisecond, Rejoin: 50 * time.Millisecond, Fetch: kafka.FetchConfig{Wait: 20 * time.Millisecond},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	defer s.Close()
	var mu sync.Mutex
	var all []arrived
	var crew sync.WaitGroup
	for _, topic := range Topics(w.catalogue, w.prefix, event.Filter{}) {
		messages, err := s.Subscribe(context.Background(), topic)
		if err != nil {
			w.t.Fatal(err)
		}
		crew.Go(func() {
			for m := range messages {
				rec, epoch, err := Decode(m)
				if err != nil {
					w.t.Error(err)
				}
				mu.Lock()
				all = append(all, arrived{topic, m.Metadata[kafka.KeyMetadata], epoch, rec})
				mu.Unlock()
				m.Ack()
			}
		})
	}
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(all)
	}
	w.eventually(fmt.Sprintf("%d messages", least), func() bool { return count() >= least })
	for seen := -1; seen != count(); { // and whatever comes on top
		seen = count()
		time.Sleep(100 * time.Millisecond)
	}
	_ = s.Close()
	crew.Wait()
	return all
}

// complete fails unless the messages are every record of the log, exactly as
// it stands there, each key in the log's order once repeated ones are left
// out. It gives how many were repeated.
func (w *world) complete(all []arrived) (repeated int) {
	w.t.Helper()
	newest := map[string]uint64{}
	got := map[uint64]event.Record{}
	for _, a := range all {
		if a.epoch != w.epoch {
			continue
		}
		lane := a.topic + " " + a.key
		if a.record.Position <= newest[lane] {
			repeated++
			continue
		}
		newest[lane] = a.record.Position
		got[a.record.Position] = a.record
	}
	count := 0
	for rec, err := range w.store.All(context.Background(), 0, event.Filter{}) {
		if err != nil {
			w.t.Fatal(err)
		}
		count++
		if have, ok := got[rec.Position]; !ok {
			w.t.Errorf("position %d is missing", rec.Position)
		} else if problem := differ(have, rec); problem != "" {
			w.t.Errorf("position %d: %s", rec.Position, problem)
		}
	}
	if len(got) != count {
		w.t.Errorf("%d events came, %d are in the log", len(got), count)
	}
	return repeated
}

// differ says what of two records is not the same.
func differ(a, b event.Record) string {
	if string(a.Data) != string(b.Data) || string(a.Metadata) != string(b.Metadata) {
		return fmt.Sprintf("data %q, metadata %q instead of %q, %q", a.Data, a.Metadata, b.Data, b.Metadata)
	}
	a.Data, a.Metadata, b.Data, b.Metadata = nil, nil, nil, nil
	if fmt.Sprintf("%+v", a) != fmt.Sprintf("%+v", b) {
		return fmt.Sprintf("%+v instead of %+v", a, b)
	}
	return ""
}

// dying stands for a process that is killed: it does what is asked of it after
// a number of publishes.
type dying struct {
	message.Publisher
	after atomic.Int64
	then  func() error
}

func (d *dying) Publish(topic string, messages ...*message.Message) error {
	if err := d.Publisher.Publish(topic, messages...); err != nil {
		return err
	}
	if d.after.Add(-1) < 0 {
		return d.then()
	}
	return nil
}

// seats is a lease for several relays of one process: as with a database, the
// one that lost it does not know at once.
type seats struct {
	mu     sync.Mutex
	holder *seat
}

type seat struct{ s *seats }

func (s *seats) take(me *seat) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holder = me
}

// Lead leads at once when nobody does, or with force when the test says so.
func (s *seats) Lead(ctx context.Context, _ string, f func(context.Context, projections.Fence) error) error {
	me := &seat{s}
	for {
		s.mu.Lock()
		if s.holder == nil {
			s.holder = me
			s.mu.Unlock()
			break
		}
		s.mu.Unlock()
		if !pause(ctx, time.Millisecond) {
			return ctx.Err()
		}
	}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.holder == me {
			s.holder = nil
		}
	}()
	return f(ctx, me)
}

// Check implements projections.Fence.
func (s *seat) Check(context.Context, readmodels.Batch) error {
	s.s.mu.Lock()
	defer s.s.mu.Unlock()
	if s.s.holder != s {
		return projections.ErrDeposed
	}
	return nil
}

var errKilled = errors.New("killed")

func sorted(all []string) []string { slices.Sort(all); return all }
