package eventstore

import (
	"context"
	"errors"
	"io"
	"iter"
	"math"
	"sync"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/parleyhq/parley/domain/event"
)

// ahead is how many messages of a subscription are read before somebody wants
// them. gRPC holds back the rest.
const ahead = 64

// Tail implements event.Store. The server filters what is there when it
// begins. Of what comes later every event but the server's own is sent, and the
// filter is ours: whoever waits for a position must hear of it although its
// event is not for the tail, and a server says how far it has looked only now
// and then.
//
// A subscription that breaks is made anew where it was, as often as it takes.
// Besides the context's error and event.ErrClosed, only a server that refuses
// ends a tail.
func (s *Store) Tail(ctx context.Context, after uint64, filter event.Filter) iter.Seq2[event.Message, error] {
	return func(yield func(event.Message, error) bool) {
		t := &tail{store: s, at: after, filter: filter, yield: yield}
		if err := t.run(ctx); !errors.Is(err, errLeft) {
			yield(event.Message{}, err)
		}
	}
}

// errLeft says that the consumer went away.
var errLeft = errors.New("left")

type tail struct {
	store  *Store
	filter event.Filter
	yield  func(event.Message, error) bool

	at   uint64 // how far it has looked
	goal uint64 // it is live once it has looked this far
	said bool   // that it has caught up, since it last moved
}

// run follows the log, with one subscription after another.
func (t *tail) run(ctx context.Context) error {
	pause, log := t.store.pause(), t.store.opts.Log
	for {
		before := t.at
		err := t.follow(ctx)
		switch over := t.store.over(ctx); {
		case errors.Is(err, errLeft):
			return err
		case over != nil:
			return over
		case !transient(err):
			return err
		}
		if t.at != before {
			pause.reset()
		}
		if pause.fresh() { // once for each outage
			log.WarnContext(ctx, "the tail of the event store broke; it will go on where it was", "position", t.at, "error", err)
		}
		waiting, cancel := t.store.during(ctx)
		err = pause.wait(waiting)
		cancel()
		if err != nil {
			return t.store.over(ctx)
		}
	}
}

// follow is one subscription. It ends with an error always.
func (t *tail) follow(ctx context.Context) error {
	head, err := t.store.Head(ctx)
	if err != nil {
		return err
	}
	t.goal, t.said = head, false
	ctx, cancel := t.store.during(ctx)
	var receiver sync.WaitGroup
	defer receiver.Wait()
	defer cancel()
	if err := t.past(ctx, head); err != nil {
		return err
	}
	conn, client, err := t.store.client(ctx)
	var call streams.Streams_ReadClient
	if err == nil {
		call, err = client.Read(metadata.AppendToOutgoingContext(ctx, "requires-leader", "true"), tailRequest(min(t.at, head)))
	}
	if err != nil {
		t.store.link.lost(conn, err)
		return err
	}
	messages := make(chan *streams.ReadResp, ahead)
	var ended error
	receiver.Go(func() {
		defer close(messages)
		ended = pump(ctx, call, messages)
	})
	for {
		m, ok, err := t.next(ctx, messages)
		if err != nil {
			return err
		}
		if !ok {
			t.store.link.lost(conn, ended)
			return ended
		}
		if err := t.take(ctx, m); err != nil {
			return err
		}
	}
}

// past reads what is there already, where a filter spares most of it.
func (t *tail) past(ctx context.Context, head uint64) error {
	if t.at >= head || len(t.filter.Categories)+len(t.filter.Types) == 0 {
		return nil
	}
	err := t.store.receive(ctx, nil, allRequest(t.at, t.filter), func(m *streams.ReadResp) (bool, error) {
		r, err := recordOf(m.GetEvent())
		if err != nil || r.Position > head {
			return false, err
		}
		return true, t.offer(ctx, r)
	})
	if err == nil {
		t.at = head
	}
	return err
}

// pump receives until the call ends.
func pump(ctx context.Context, call streams.Streams_ReadClient, messages chan<- *streams.ReadResp) error {
	for {
		m, err := call.Recv()
		if errors.Is(err, io.EOF) {
			return status.Error(codes.Unavailable, "the server ended the subscription")
		}
		if err != nil {
			return broken(call, err)
		}
		select {
		case messages <- m:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// next is the next message. Where none waits and the tail is live, it first
// says so.
func (t *tail) next(ctx context.Context, messages <-chan *streams.ReadResp) (*streams.ReadResp, bool, error) {
	select {
	case m, ok := <-messages:
		return m, ok, nil
	default:
	}
	if !t.said && t.at >= max(t.goal, t.store.written.Load()) {
		t.said = true
		if err := ctx.Err(); err != nil {
			return nil, false, err
		}
		if !t.yield(event.Message{CaughtUp: true, Position: t.at}, nil) {
			return nil, false, errLeft
		}
	}
	select {
	case m, ok := <-messages:
		return m, ok, nil
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
}

// take takes a message of a subscription. Checkpoints say nothing new: the events between two
// of them were the server's own.
func (t *tail) take(ctx context.Context, m *streams.ReadResp) error {
	switch content := m.GetContent().(type) {
	case *streams.ReadResp_Event:
		r, err := recordOf(content.Event)
		if err != nil {
			return err
		}
		return t.offer(ctx, r)
	case *streams.ReadResp_CaughtUp_:
		t.goal = 0
	case *streams.ReadResp_FellBehind_:
		t.goal = math.MaxUint64 // until it says that it has caught up
	}
	return nil
}

// offer hands a record out that is new and for the tail.
func (t *tail) offer(ctx context.Context, r event.Record) error {
	if r.Position <= t.at || isSystem(r) { // no head names the server's own, and nobody waits for them
		return nil
	}
	t.at, t.said = r.Position, false
	if !t.filter.Match(r.Stream, r.Type) {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if !t.yield(event.Message{Record: r, Position: r.Position}, nil) {
		return errLeft
	}
	return nil
}

func tailRequest(after uint64) *streams.ReadReq {
	o := options(streams.ReadReq_Options_Forwards, 0)
	o.CountOption = &streams.ReadReq_Options_Subscription{Subscription: &streams.ReadReq_Options_SubscriptionOptions{}}
	o.StreamOption = position(after)
	o.FilterOption = notSystem()
	return &streams.ReadReq{Options: o}
}
