package eventstore_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/eventstore"
)

// payload is the data of one event that is measured, in bytes.
const payload = 256

// BenchmarkAppend lets writers, each with a stream of its own, append one event
// after another through the adapter, and through the official client on the
// same endpoint.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 64, 512} {
		b.Run(fmt.Sprintf("adapter/%d", writers), func(b *testing.B) { measure(b, writers, throughAdapter(b)) })
		b.Run(fmt.Sprintf("client/%d", writers), func(b *testing.B) { measure(b, writers, throughClient(b)) })
	}
}

// appendOne appends one event at a revision, -1 being none.
type appendOne func(stream string, revision int) error

func throughAdapter(t testing.TB) appendOne {
	s := open(t, serve(t).url(), eventstore.Options{})
	data := make([]byte, payload)
	return func(stream string, revision int) error {
		_, err := s.Append(t.Context(), stream, event.Expected(revision), []event.Event{{ID: uuid.New(), Type: "bench.ran.v1", ContentType: event.ContentBinary, Data: data}})
		return err
	}
}

func throughClient(t testing.TB) appendOne {
	config, err := esdb.ParseConnectionString(serve(t).url())
	if err != nil {
		t.Fatal(err)
	}
	config.Logger = esdb.NoopLogging()
	c, err := esdb.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	data := make([]byte, payload)
	return func(stream string, revision int) error {
		o := esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}
		if revision >= 0 {
			o.ExpectedRevision = esdb.Revision(uint64(revision))
		}
		_, err := c.AppendToStream(t.Context(), stream, o, esdb.EventData{EventID: uuid.New(), EventType: "bench.ran.v1", ContentType: esdb.ContentTypeBinary, Data: data})
		return err
	}
}

func measure(b *testing.B, writers int, one appendOne) {
	b.Helper()
	var next atomic.Int64
	var crowd sync.WaitGroup
	b.ResetTimer()
	for w := range writers {
		crowd.Go(func() {
			stream := event.StreamName("bench", fmt.Sprint(w))
			for revision := -1; next.Add(1) <= int64(b.N); revision++ {
				if err := one(stream, revision); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	crowd.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// O2: many writers go at least half as fast through the adapter as through the
// official client, which keeps no time and resolves no doubt. It is usually
// several times faster: its appends share calls.
func TestAppendFloor(t *testing.T) {
	if testing.Short() {
		t.Skip("measuring takes seconds; -short asks for none")
	}
	run := func(make func(testing.TB) appendOne) float64 {
		best := 0.0
		for range 2 {
			r := testing.Benchmark(func(b *testing.B) { measure(b, 64, make(b)) })
			best = max(best, float64(r.N)/r.T.Seconds())
		}
		return best
	}
	ours, bare := run(throughAdapter), run(throughClient)
	t.Logf("64 writers: %.0f events/s through the adapter, %.0f through the official client", ours, bare)
	if ours < bare/2 {
		t.Errorf("%.0f events/s are less than half of the official client's %.0f", ours, bare)
	}
}
