package eventstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/parleyhq/parley/domain/event"
)

const (
	maxQueued  = 256     // appends that wait to be sent, in one lane; more wait for a place
	chunkBytes = 1 << 20 // of one message; an append may be several
)

// proposal is an append as it is sent. It may be sent several times.
type proposal struct {
	options *streams.BatchAppendReq_Options
	chunks  [][]*streams.BatchAppendReq_ProposedMessage
}

// propose copies the bytes of the events: the caller may go before they are
// sent.
func propose(stream string, expected event.Expected, events []event.Event) *proposal {
	p := &proposal{options: &streams.BatchAppendReq_Options{StreamIdentifier: identifier(stream)}}
	switch expected {
	case event.Any:
		p.options.ExpectedStreamPosition = &streams.BatchAppendReq_Options_Any{Any: &emptypb.Empty{}}
	case event.NoStream:
		p.options.ExpectedStreamPosition = &streams.BatchAppendReq_Options_NoStream{NoStream: &emptypb.Empty{}}
	case event.Exists:
		p.options.ExpectedStreamPosition = &streams.BatchAppendReq_Options_StreamExists{StreamExists: &emptypb.Empty{}}
	default:
		p.options.ExpectedStreamPosition = &streams.BatchAppendReq_Options_StreamPosition{StreamPosition: uint64(expected)}
	}
	var chunk []*streams.BatchAppendReq_ProposedMessage
	size := 0
	for _, e := range events {
		if n := len(e.Data) + len(e.Metadata); size > 0 && size+n > chunkBytes {
			p.chunks, chunk, size = append(p.chunks, chunk), nil, 0
		}
		content := e.ContentType
		if content == "" {
			content = event.ContentJSON
		}
		chunk = append(chunk, &streams.BatchAppendReq_ProposedMessage{
			Id: idMessage(e.ID), Metadata: map[string]string{keyType: e.Type, keyContentType: content},
			CustomMetadata: addTime(bytes.Clone(e.Metadata), e.Time), Data: bytes.Clone(e.Data),
		})
		size += len(e.Data) + len(e.Metadata)
	}
	p.chunks = append(p.chunks, chunk)
	return p
}

// outcome is what became of one try.
type outcome struct {
	result event.Result
	err    error
	again  bool // it is worth another try
	doubt  bool // it may have taken effect all the same
}

// sending is one try.
type sending struct {
	ctx      context.Context // of who waits
	proposal *proposal
	done     chan outcome

	// Of the lane, with its lock.
	id   uuid.UUID // correlates the answer; nil: not sent yet
	gone bool      // nobody waits
}

// lane sends appends over one long call and hands out the answers. The call is
// made when there is something to send, and anew when it broke.
type lane struct {
	store *Store
	queue chan *sending

	mu      sync.Mutex
	number  uint64 // of the newest try
	lane    uint64
	waiting map[uuid.UUID]*sending // sent and not answered
}

func newLane(s *Store, n uint64) *lane {
	return &lane{store: s, lane: n, queue: make(chan *sending, maxQueued), waiting: map[uuid.UUID]*sending{}}
}

// append tries once. When ctx ends before the answer is there, it is in doubt.
func (l *lane) append(ctx context.Context, p *proposal) outcome {
	t := &sending{ctx: ctx, proposal: p, done: make(chan outcome, 1)}
	select {
	case l.queue <- t:
	case <-ctx.Done():
		return outcome{err: ctx.Err(), again: true}
	}
	select {
	case o := <-t.done:
		return o
	case <-ctx.Done():
		return outcome{err: ctx.Err(), again: true, doubt: l.forget(t)}
	}
}

// forget drops a try that nobody waits for any more, and says whether it was
// sent.
func (l *lane) forget(t *sending) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	t.gone = true
	delete(l.waiting, t.id)
	return t.id != uuid.Nil
}

// run serves the lane until the store is closed.
func (l *lane) run() {
	for {
		select {
		case t := <-l.queue:
			l.serve(t)
		case <-l.store.life.Done():
			return
		}
	}
}

// serve makes a call, sends t and whatever comes after it, and returns when
// the call broke.
func (l *lane) serve(t *sending) {
	if t.ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithCancel(metadata.AppendToOutgoingContext(l.store.life, "requires-leader", "true"))
	defer cancel()
	conn, client, err := l.store.client(ctx)
	var call streams.Streams_BatchAppendClient
	if err == nil {
		call, err = client.BatchAppend(ctx)
	}
	if err != nil {
		l.store.link.lost(conn, err)
		t.done <- outcome{err: err, again: transient(err)}
		return
	}
	ended := make(chan error, 1)
	go func() { ended <- l.receive(call) }()
	finish := func(err error) {
		l.store.link.lost(conn, err)
		l.fail(err)
	}
	for {
		if l.send(call, t) != nil {
			finish(<-ended) // Send failed because the call did; Recv says why
			return
		}
		select {
		case t = <-l.queue:
		case err := <-ended:
			finish(err)
			return
		case <-l.store.life.Done():
			cancel()
			finish(<-ended)
			return
		}
	}
}

// send sends one append. An error is the call's.
func (l *lane) send(call streams.Streams_BatchAppendClient, t *sending) error {
	left := l.store.opts.AppendTimeout
	if deadline, ok := t.ctx.Deadline(); ok {
		left = max(time.Until(deadline), time.Millisecond)
	}
	if !l.register(t) {
		return nil
	}
	options := &streams.BatchAppendReq_Options{
		StreamIdentifier:       t.proposal.options.StreamIdentifier,
		ExpectedStreamPosition: t.proposal.options.ExpectedStreamPosition,
		DeadlineOption:         &streams.BatchAppendReq_Options_Deadline{Deadline: durationpb.New(left)},
	}
	for i, chunk := range t.proposal.chunks {
		err := call.Send(&streams.BatchAppendReq{
			CorrelationId: idMessage(t.id), Options: options, ProposedMessages: chunk, IsFinal: i == len(t.proposal.chunks)-1,
		})
		if err != nil {
			return err
		}
		options = nil
	}
	return nil
}

// register gives a try its id; false if nobody waits for it.
func (l *lane) register(t *sending) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.gone {
		return false
	}
	l.number++
	binary.BigEndian.PutUint64(t.id[:8], l.lane+1)
	binary.BigEndian.PutUint64(t.id[8:], l.number)
	l.waiting[t.id] = t
	return true
}

// receive hands out answers until the call ends, with an error always.
func (l *lane) receive(call streams.Streams_BatchAppendClient) error {
	for {
		answer, err := call.Recv()
		if errors.Is(err, io.EOF) {
			return status.Error(codes.Unavailable, "the server ended the call")
		}
		if err != nil {
			return broken(call, err)
		}
		id, err := idOf(answer.GetCorrelationId())
		if err != nil {
			return fmt.Errorf("an answer to an append: %w", err)
		}
		l.mu.Lock()
		t := l.waiting[id]
		delete(l.waiting, id)
		l.mu.Unlock()
		if t != nil {
			t.done <- answered(t.proposal, answer)
		}
	}
}

// fail answers all that were sent: whether they took effect is unknown, unless
// the server refuses whoever calls.
func (l *lane) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	o := outcome{err: err, again: true, doubt: true}
	switch status.Code(err) {
	case codes.PermissionDenied, codes.Unauthenticated, codes.Unimplemented:
		o.again, o.doubt = false, false
	}
	for _, t := range l.waiting {
		t.done <- o
	}
	clear(l.waiting)
}

func answered(p *proposal, answer *streams.BatchAppendResp) outcome {
	if success := answer.GetSuccess(); success != nil {
		r := event.Result{Revision: success.GetCurrentRevision()}
		if at := success.GetPosition(); at != nil {
			r.Position = at.GetCommitPosition()
		}
		return outcome{result: r}
	}
	if answer.GetError() == nil {
		return outcome{err: errors.New("an answer to an append that is none"), again: true, doubt: true}
	}
	err, doubt := refusal(string(p.options.GetStreamIdentifier().GetStreamName()), expectedOf(p.options), answer.GetError())
	return outcome{err: err, again: doubt, doubt: doubt}
}

// expectedOf is what a proposal expects.
func expectedOf(o *streams.BatchAppendReq_Options) event.Expected {
	switch e := o.GetExpectedStreamPosition().(type) {
	case *streams.BatchAppendReq_Options_StreamPosition:
		return event.At(e.StreamPosition)
	case *streams.BatchAppendReq_Options_NoStream:
		return event.NoStream
	case *streams.BatchAppendReq_Options_StreamExists:
		return event.Exists
	}
	return event.Any
}

func identifier(stream string) *shared.StreamIdentifier {
	return &shared.StreamIdentifier{StreamName: []byte(stream)}
}
