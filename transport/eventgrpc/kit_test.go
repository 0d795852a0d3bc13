package eventgrpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/pebble"
	"github.com/parleyhq/parley/transport/eventgrpc"
)

// kit is a server over a log in a folder of its own, on a real socket.
type kit struct {
	testing.TB
	ctx     context.Context
	store   event.Store
	address string
	stop    func() error // ends the server and waits; a second call does nothing
}

// patience bounds every wait.
const patience = 60 * time.Second

func start(t testing.TB) *kit { return startOn(t, t.TempDir(), time.Now) }

func startOn(t testing.TB, dir string, now func() time.Time, edit ...func(*eventgrpc.Config)) *kit {
	t.Helper()
	store, err := pebble.Open(dir, pebble.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := eventgrpc.Config{
		Store: store, Now: now,
		Owns: func(c string) bool { return c == "account" || c == "post" },
	}
	for _, e := range edit {
		e(&cfg)
	}
	server := eventgrpc.New(cfg)
	running, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(running, l, patience) }()
	stopped := false
	k := &kit{TB: t, store: store, address: l.Addr().String()}
	k.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return errors.Join(<-ended, store.Close())
	}
	t.Cleanup(func() {
		if err := k.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	ctx, done := context.WithTimeout(t.Context(), 3*patience) // of all waits of a test
	t.Cleanup(done)
	k.ctx = ctx
	return k
}

// client is an official client with a connection of its own.
func (k *kit) client() *esdb.Client {
	k.Helper()
	config, err := esdb.ParseConnectionString("esdb://" + k.address + "?tls=false")
	if err != nil {
		k.Fatal(err)
	}
	config.Logger = esdb.NoopLogging()
	c, err := esdb.NewClient(config)
	if err != nil {
		k.Fatal(err)
	}
	k.Cleanup(func() { _ = c.Close() })
	return c
}

// raw is the protocol without a client around it.
func (k *kit) raw() streams.StreamsClient { return streams.NewStreamsClient(k.conn()) }

func (k *kit) conn() *grpc.ClientConn {
	k.Helper()
	conn, err := grpc.NewClient(k.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		k.Fatal(err)
	}
	k.Cleanup(func() { _ = conn.Close() })
	return conn
}

func proposed(n int) []esdb.EventData {
	out := make([]esdb.EventData, n)
	for i := range out {
		out[i] = esdb.EventData{
			EventID: uuid.New(), EventType: "thing-happened", ContentType: esdb.ContentTypeJson,
			Data: fmt.Appendf(nil, `{"n":%d}`, i), Metadata: []byte(`{"who":"me"}`),
		}
	}
	return out
}

// append appends n events and returns them.
func (k *kit) append(c *esdb.Client, stream string, n int) []esdb.EventData {
	k.Helper()
	es := proposed(n)
	if _, err := c.AppendToStream(k.ctx, stream, esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, es...); err != nil {
		k.Fatalf("append to %s: %v", stream, err)
	}
	return es
}

// drain reads a read to its end.
func (k *kit) drain(r *esdb.ReadStream, err error) ([]*esdb.RecordedEvent, error) {
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var out []*esdb.RecordedEvent
	for {
		e, err := r.Recv()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out = append(out, e.OriginalEvent())
	}
}

// revisions are what a read of a stream shows.
func (k *kit) revisions(c *esdb.Client, stream string, o esdb.ReadStreamOptions, count uint64) []uint64 {
	k.Helper()
	es, err := k.drain(c.ReadStream(k.ctx, stream, o, count))
	if err != nil {
		k.Fatalf("read %s: %v", stream, err)
	}
	out := []uint64{}
	for _, e := range es {
		if e.StreamID != stream {
			k.Fatalf("a read of %s shows an event of %s", stream, e.StreamID)
		}
		out = append(out, e.EventNumber)
	}
	return out
}

// code wants an error of the client with that code.
func (k *kit) code(err error, want esdb.ErrorCode) {
	k.Helper()
	var e *esdb.Error
	if !errors.As(err, &e) || e.Code() != want {
		k.Fatalf("got %v, want an error of code %d", err, want)
	}
}
