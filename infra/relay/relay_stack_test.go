//go:build stack

package relay

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	driver "github.com/segmentio/kafka-go"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/kafka"
	"github.com/parleyhq/parley/projections"
)

func realURL(t testing.TB) string {
	t.Helper()
	url := os.Getenv("PARLEY_TEST_KAFKA")
	if url == "" {
		t.Fatal("PARLEY_TEST_KAFKA names no broker: kafka://host:port")
	}
	return url
}

// realWorld is a world on a real broker, whose topics go with it.
func realWorld(t testing.TB) *world {
	t.Helper()
	w := worldAt(t, realURL(t))
	t.Cleanup(func() {
		transport := &driver.Transport{}
		defer transport.CloseIdleConnections()
		c := driver.Client{Addr: driver.TCP(realURL(t)[len("kafka://"):]), Transport: transport}
		_, err := c.DeleteTopics(context.Background(), &driver.DeleteTopicsRequest{Topics: Topics(w.catalogue, w.prefix, event.Filter{})})
		if err != nil {
			t.Error(err)
		}
	})
	return w
}

// Q2: every event reaches a real broker, as it stands in the log, each key in
// order; who goes on after a stop repeats nothing.
func TestEveryEventArrivesReal(t *testing.T) {
	t.Parallel()
	w := realWorld(t)
	w.say(2000)
	r := w.run(nil)
	w.relayed(r)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	w.say(500)
	w.relayed(w.run(nil))
	if n := w.complete(w.read(2501)); n != 0 {
		t.Errorf("%d events came twice", n)
	}
}

// Q2: how fast the relay is, beside kafka-go's own writer with the same
// messages on the same broker: `go test -tags stack -run '^$' -bench Relay`.
func BenchmarkRelay(b *testing.B) {
	const events = 50_000
	w := realWorld(b)
	c, err := kafka.Open(kafka.Config{URL: w.url, Partitions: 4})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	w.shared = c
	for n := 0; n < events; n += 500 {
		batch := make([]event.Event, 500)
		for i := range batch {
			batch[i] = event.Event{Type: "inbox.read.v1", Data: []byte(`{"number":1}`), Metadata: []byte(`{"actor":"0190a000-0000-7000-8000-000000000001","correlation":"0190a000-0000-7000-8000-000000000002"}`)}
		}
		w.put("inbox-"+uuid.NewString(), batch...)
	}
	b.Run("writer", func(b *testing.B) {
		var messages []driver.Message
		for rec, err := range w.store.All(context.Background(), 0, event.Filter{}) {
			if err != nil {
				b.Fatal(err)
			}
			_, m, err := NewEncoder(w.catalogue, w.prefix).Encode(context.Background(), w.epoch, rec)
			if err != nil {
				b.Fatal(err)
			}
			one := driver.Message{Key: []byte(m.Metadata[headerPartitionKey]), Value: m.Payload, Headers: []driver.Header{{Key: "ce_id", Value: []byte(m.UUID)}}}
			for name, value := range m.Metadata {
				one.Headers = append(one.Headers, driver.Header{Key: name, Value: []byte(value)})
			}
			messages = append(messages, one)
		}
		if err := w.client().EnsureTopics(context.Background(), Topic(w.prefix, event.Inbox)); err != nil {
			b.Fatal(err)
		}
		transport := &driver.Transport{}
		defer transport.CloseIdleConnections()
		for b.Loop() {
			bare := &driver.Writer{
				Addr: driver.TCP(realURL(b)[len("kafka://"):]), Topic: Topic(w.prefix, event.Inbox), Balancer: driver.Murmur2Balancer{},
				Transport: transport, RequiredAcks: driver.RequireAll, BatchSize: 500, BatchBytes: 1 << 20, BatchTimeout: 10 * time.Millisecond,
			}
			for part := range slices.Chunk(messages, 5000) {
				if err := bare.WriteMessages(context.Background(), part...); err != nil {
					b.Fatal(err)
				}
			}
			_ = bare.Close()
		}
		b.ReportMetric(events*float64(b.N)/b.Elapsed().Seconds(), "events/s")
	})
	for _, batch := range []int{500, 5000} {
		b.Run(fmt.Sprintf("relay/%d", batch), func(b *testing.B) {
			took, relayed := time.Duration(0), uint64(0)
			for b.Loop() {
				w.forget()
				r := w.run(func(cfg *Config) { cfg.Batch, cfg.SaveEvery = batch, 500*time.Millisecond })
				w.eventually("a start", func() bool { return r.Position() > 0 }) // what it takes to lead is no matter
				from, begun := r.Position(), time.Now()
				w.relayed(r)
				took, relayed = took+time.Since(begun), relayed+events-from
				if err := r.stop(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(relayed)/took.Seconds(), "events/s")
		})
	}
}

// forget takes the checkpoint away.
func (w *world) forget() {
	w.t.Helper()
	c := checkpoint{db: w.state, name: lease}
	if err := c.prepare(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	if err := c.save(context.Background(), projections.Alone{}, uuid.Nil, 0); err != nil {
		w.t.Fatal(err)
	}
}
