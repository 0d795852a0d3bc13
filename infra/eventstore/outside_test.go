package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/eventstore"
)

func official(t *testing.T, url string) *esdb.Client {
	t.Helper()
	config, err := esdb.ParseConnectionString(url)
	if err != nil {
		t.Fatal(err)
	}
	config.Logger = esdb.NoopLogging()
	c, err := esdb.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Q4: events of outside writers come as they were written, with the server's
// time; events of ours reach outside readers with the same data.
func TestOutsideWriters(t *testing.T) {
	t.Parallel()
	ctx, b := bounded(t), serve(t)
	s, c := open(t, b.url(), eventstore.Options{}), official(t, b.url())
	before := time.Now().Add(-time.Second)
	data := esdb.EventData{EventID: uuid.New(), EventType: "order-placed", ContentType: esdb.ContentTypeBinary, Data: []byte{1, 0}, Metadata: []byte(`{"$correlationId":"x"}`)}
	if _, err := c.AppendToStream(ctx, "order-1", esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}, data); err != nil {
		t.Fatal(err)
	}
	rs := read(ctx, t, s, "order-1")
	if len(rs) != 1 || rs[0].Time.Before(before) || rs[0].Time.After(time.Now().Add(time.Second)) {
		t.Fatalf("read %+v", rs)
	}
	want := event.Record{Position: rs[0].Position, Stream: "order-1", ID: data.EventID, Type: "order-placed", Time: rs[0].Time, ContentType: event.ContentBinary, Data: data.Data, Metadata: data.Metadata}
	if diff := cmp.Diff(want, rs[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	es := made(1)
	if _, err := s.Append(ctx, "order-1", event.At(0), es); err != nil {
		t.Fatal(err)
	}
	stream, err := c.ReadStream(ctx, "order-1", esdb.ReadStreamOptions{From: esdb.Revision(1)}, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	e, err := stream.Recv()
	if err != nil || string(e.Event.Data) != string(es[0].Data) || string(e.Event.UserMetadata) != `{"actor":"a","parley.time":1700000000000}` {
		t.Errorf("an outside reader gets %+v: %v", e, err)
	}
}

// What the server writes for itself is nobody's: All, Tail and Head pass over
// it, however much there is.
func TestSystemEvents(t *testing.T) {
	t.Parallel()
	ctx, b := bounded(t), serve(t)
	s, c := open(t, b.url(), eventstore.Options{}), official(t, b.url())
	r, err := s.Append(ctx, "thing-1", event.NoStream, made(2))
	if err != nil {
		t.Fatal(err)
	}
	var metadata esdb.StreamMetadata
	metadata.SetMaxCount(10)
	for i := range 40 {
		stream := fmt.Sprintf("gone-%d", i)
		if _, err := c.SetStreamMetadata(ctx, "thing-1", esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, metadata); err != nil {
			t.Fatal(err)
		}
		if _, err := c.TombstoneStream(ctx, stream, esdb.TombstoneStreamOptions{ExpectedRevision: esdb.NoStream{}}); err != nil {
			t.Fatal(err)
		}
	}
	if head, err := s.Head(ctx); err != nil || head != r.Position {
		t.Errorf("head %d: %v, want %d", head, err, r.Position)
	}
	n := 0
	for _, err := range s.All(ctx, 0, event.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 2 {
		t.Errorf("all: %d events, want 2", n)
	}
	n = 0
	for m, err := range s.Tail(ctx, 0, event.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if m.CaughtUp {
			if m.Position != r.Position {
				t.Errorf("caught up at %d, want %d", m.Position, r.Position)
			}
			break
		}
		n++
	}
	if n != 2 {
		t.Errorf("tail: %d events, want 2", n)
	}
	if err := last(s.Stream(ctx, "gone-1", 0, event.Forward)); err == nil || !strings.Contains(err.Error(), "deleted") {
		t.Errorf("a stream with a tombstone: %v", err)
	}
	if _, err := s.Append(ctx, "gone-1", event.NoStream, made(1)); err == nil || !strings.Contains(err.Error(), "deleted") {
		t.Errorf("append to a stream with a tombstone: %v", err)
	}
}

// A tail tells how far the log has come although nothing of it is for the
// tail: whoever waits for a position waits for that.
func TestTailPassesOverOthers(t *testing.T) {
	t.Parallel()
	ctx, b := bounded(t), serve(t)
	s := open(t, b.url(), eventstore.Options{})
	var want uint64
	for m, err := range s.Tail(ctx, 0, event.Filter{Types: []string{"never.v1"}}) {
		if err != nil || !m.CaughtUp {
			t.Fatalf("got %+v: %v", m, err)
		}
		if m.Position >= want && want > 0 {
			return
		}
		r, err := s.Append(ctx, "thing-1", event.Any, made(1))
		if err != nil {
			t.Fatal(err)
		}
		want = r.Position
	}
}

// One append may be larger than one message.
func TestLargeAppend(t *testing.T) {
	t.Parallel()
	ctx, b := bounded(t), serve(t)
	s := open(t, b.url(), eventstore.Options{})
	es := made(10)
	for i := range es {
		es[i].ContentType, es[i].Data = event.ContentBinary, make([]byte, 400<<10)
	}
	if r, err := s.Append(ctx, "thing-1", event.NoStream, es); err != nil || r.Revision != 9 {
		t.Fatalf("%+v: %v", r, err)
	}
	if rs := read(ctx, t, s, "thing-1"); len(rs) != 10 {
		t.Errorf("%d events", len(rs))
	}
}

// O2: a cluster is asked for its leader.
func TestDiscover(t *testing.T) {
	t.Parallel()
	ctx, b := bounded(t), serve(t)
	s := open(t, "esdb+discover://"+b.address+"?tls=false", quick)
	for i := range 3 {
		if _, err := s.Append(ctx, "thing-1", event.Expected(i)-1, made(1)); err != nil {
			t.Fatal(err)
		}
		b.stop()
		b.start()
	}
	seeds := open(t, "esdb://127.0.0.1:1,"+b.address+"?tls=false", quick)
	if rs := read(ctx, t, seeds, "thing-1"); len(rs) != 3 {
		t.Errorf("%d events", len(rs))
	}
}

// O6: what is wrong with a URL or a server is said in a sentence, without the
// password.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"":                                       "scheme",
		"http://127.0.0.1:1":                     "esdb://",
		"esdb://user:hush@[::1":                  "URL of the event store",
		"esdb://user:hush@127.0.0.1:1?tls=false": "127.0.0.1:1 does not answer",
		"esdb+discover://user:hush@127.0.0.1:1?tls=false": "does not answer",
		"esdb://127.0.0.1:1?tls=perhaps":                  "tls",
	} {
		o := quick
		o.URL, o.ConnectTimeout = url, 100*time.Millisecond
		s, err := eventstore.Open(t.Context(), o)
		if err == nil {
			_ = s.Close()
			t.Errorf("%s: opened", url)
			continue
		}
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", url, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := eventstore.Open(ctx, eventstore.Options{URL: "esdb://127.0.0.1:1?tls=false"}); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that is over: %v", err)
	}
}

// An append succeeds although the stream's metadata hide it at once.
func TestHiddenAppend(t *testing.T) {
	t.Parallel()
	ctx, b := bounded(t), serve(t)
	s, c := open(t, b.url(), eventstore.Options{}), official(t, b.url())
	var metadata esdb.StreamMetadata
	metadata.SetMaxCount(1)
	if _, err := c.SetStreamMetadata(ctx, "order-1", esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, metadata); err != nil {
		t.Fatal(err)
	}
	r, err := s.Append(ctx, "order-1", event.NoStream, made(3))
	if err != nil || r.Revision != 2 || r.First != r.Position {
		t.Errorf("%+v: %v", r, err)
	}
	if err := s.Tombstone(ctx, "order-1", event.At(1)); !errors.As(err, new(*event.WrongRevision)) {
		t.Errorf("a tombstone at another revision: %v", err)
	}
	for range 2 {
		if err := s.Tombstone(ctx, "order-1", event.At(2)); err != nil {
			t.Errorf("a tombstone: %v", err)
		}
	}
	if _, err := s.Append(ctx, "order-1", event.At(2), made(1)); !errors.Is(err, eventstore.ErrDeleted) {
		t.Errorf("append after it: %v", err)
	}
}
