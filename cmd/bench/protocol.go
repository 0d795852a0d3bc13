package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/eventstore"
	"github.com/parleyhq/parley/infra/pebble/pebblebench"
	"github.com/parleyhq/parley/infra/stack"
	"github.com/parleyhq/parley/transport/eventgrpc"
)

// overProtocol are durable appends to a new bare log each turn, in the
// EventStoreDB protocol over a socket of this machine: through the adapter,
// and through the official client alone.
func (p Plan) overProtocol(writers int) Pair {
	what := fmt.Sprintf("append over the EventStoreDB protocol, %d B, %d writers", pebblebench.Payload, writers)
	if writers == 1 {
		what = fmt.Sprintf("append over the EventStoreDB protocol, %d B, 1 writer", pebblebench.Payload)
	}
	in := func(measure func(ctx context.Context, url string, writers int, d time.Duration) (float64, error)) Turn {
		return func(ctx context.Context, d time.Duration) (perSecond float64, err error) {
			url, stop, err := p.endpoint(ctx)
			if err != nil {
				return 0, err
			}
			defer func() { err = errors.Join(err, stop()) }()
			return measure(ctx, url, writers, d)
		}
	}
	return Pair{
		What: what, Unit: "events/s", Floor: "the official Go client, the same events", Aim: "≥ 0.7",
		Open: ready(in(throughAdapter), in(throughClient)),
	}
}

// endpoint is what the role log serves: the log of a new folder in the
// EventStoreDB protocol.
func (p Plan) endpoint(ctx context.Context) (url string, stop func() error, err error) {
	var open closers
	defer func() {
		if err != nil {
			err = errors.Join(err, open.close())
		}
	}()
	dir, drop, err := p.folder()
	if err != nil {
		return "", nil, err
	}
	open.add(drop)
	log, err := stack.BareLog(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		return "", nil, err
	}
	open.add(log.Close)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := eventgrpc.New(eventgrpc.Config{Store: log})
	serving, end := context.WithCancel(context.WithoutCancel(ctx))
	served := make(chan error, 1)
	go func() { served <- server.Run(serving, listener, time.Second) }()
	open.add(func() error { end(); return <-served })
	return "esdb://" + listener.Addr().String() + "?tls=false", open.close, nil
}

// one is the event that everybody appends, again and again.
func one(writer int) event.Event {
	return event.Event{Type: "bench.ran.v1", ContentType: event.ContentBinary, Data: pebblebench.Data(writer)}
}

func throughAdapter(ctx context.Context, url string, writers int, d time.Duration) (perSecond float64, err error) {
	s, err := eventstore.Open(ctx, eventstore.Options{URL: url})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return pebblebench.Run(ctx, writers, d, func(ctx context.Context, writer int) func() error {
		stream, expected, e := event.StreamName("bench", fmt.Sprint(writer)), event.NoStream, one(writer)
		return func() error {
			e.ID = uuid.New()
			done, err := s.Append(ctx, stream, expected, []event.Event{e})
			expected = event.At(done.Revision)
			return err
		}
	})
}

func throughClient(ctx context.Context, url string, writers int, d time.Duration) (perSecond float64, err error) {
	config, err := esdb.ParseConnectionString(url)
	if err != nil {
		return 0, err
	}
	config.Logger = esdb.NoopLogging()
	c, err := esdb.NewClient(config)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	return pebblebench.Run(ctx, writers, d, func(ctx context.Context, writer int) func() error {
		stream, e := event.StreamName("bench", fmt.Sprint(writer)), one(writer)
		o := esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}
		return func() error {
			done, err := c.AppendToStream(ctx, stream, o, esdb.EventData{EventID: uuid.New(), EventType: e.Type, ContentType: esdb.ContentTypeBinary, Data: e.Data})
			if err == nil {
				o.ExpectedRevision = esdb.Revision(done.NextExpectedVersion)
			}
			return err
		}
	})
}
