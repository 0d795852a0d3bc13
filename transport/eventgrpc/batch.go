package eventgrpc

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/parleyhq/parley/domain/event"
)

// Bounds of one call of BatchAppend.
const (
	maxOpen      = 64       // batches whose last chunk has not come
	maxOpenBytes = 64 << 20 // and their bytes
	maxRunning   = 64       // batches that wait for the log; more are read later
)

// batch is an append that comes in chunks.
type batch struct {
	correlation *shared.UUID
	options     *streams.BatchAppendReq_Options
	stream      string
	expected    event.Expected
	until       time.Time // zero: as long as any append
	events      []event.Event
	size        int
	err         error // why it will be refused when its last chunk is there
}

// batching is one call of BatchAppend. Batches run at once, those of one
// stream in the order of their last chunks.
type batching struct {
	server *Server
	call   streams.Streams_BatchAppendServer
	open   map[string]*batch // by correlation id
	size   int               // of open

	sending sync.Mutex
	running sync.WaitGroup
	slots   chan struct{}
	turns   map[string]chan struct{} // of the newest batch of a stream: closed when it is done
}

// BatchAppend appends batches as they come and answers each when it is done.
func (s *Server) BatchAppend(call streams.Streams_BatchAppendServer) error {
	ctx, cancel := s.during(call.Context())
	defer cancel()
	b := &batching{server: s, call: call, open: map[string]*batch{}, slots: make(chan struct{}, maxRunning), turns: map[string]chan struct{}{}}
	defer b.running.Wait()
	chunks, ended := s.receive(ctx, call)
	for {
		select {
		case c := <-chunks:
			if err := b.take(ctx, c); err != nil {
				return err
			}
		case err := <-ended:
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// receive reads chunks in a task of its own, because a call that waits for
// its client cannot be told that the server stops. The task ends with the
// call.
func (s *Server) receive(ctx context.Context, call streams.Streams_BatchAppendServer) (<-chan *streams.BatchAppendReq, <-chan error) {
	chunks, ended := make(chan *streams.BatchAppendReq), make(chan error, 1)
	s.tasks.Go(func() {
		for {
			c, err := call.Recv()
			if err != nil {
				ended <- err
				return
			}
			select {
			case chunks <- c:
			case <-ctx.Done():
				return
			}
		}
	})
	return chunks, ended
}

// take adds a chunk to its batch, and starts the batch with the last one. An
// error ends the call.
func (b *batching) take(ctx context.Context, c *streams.BatchAppendReq) error {
	id, err := idOf(c.GetCorrelationId())
	if err != nil {
		return err
	}
	key := id.String()
	t := b.open[key]
	if t == nil {
		if len(b.open) == maxOpen {
			return &refusal{code: codes.ResourceExhausted, text: "too many batches were begun and not ended"}
		}
		t = b.server.begin(c)
		b.open[key] = t
	}
	b.size -= t.size
	t.add(c.GetProposedMessages())
	b.size += t.size
	if b.size > maxOpenBytes {
		return &refusal{code: codes.ResourceExhausted, text: "too many bytes wait for the ends of their batches"}
	}
	if !c.GetIsFinal() {
		return nil
	}
	delete(b.open, key)
	b.size -= t.size
	return b.start(ctx, t)
}

// begin reads the first chunk of a batch, without its events.
func (s *Server) begin(c *streams.BatchAppendReq) *batch {
	t := &batch{correlation: c.GetCorrelationId(), options: c.GetOptions()}
	if t.options == nil {
		t.err = badRequest("a batch begins with its options")
		return t
	}
	if t.stream, t.err = nameOf(t.options.GetStreamIdentifier()); t.err != nil {
		return t
	}
	if t.expected, t.err = expectedOf(t.options.GetExpectedStreamPosition()); t.err != nil {
		return t
	}
	switch d := t.options.GetDeadlineOption().(type) {
	case *streams.BatchAppendReq_Options_Deadline:
		t.until = time.Now().Add(d.Deadline.AsDuration())
	case *streams.BatchAppendReq_Options_Deadline_21_10_0:
		t.until = d.Deadline_21_10_0.AsTime()
	}
	t.err = s.writable(t.stream)
	return t
}

// add keeps a chunk's events; of a batch that will be refused nothing is kept.
func (t *batch) add(messages []*streams.BatchAppendReq_ProposedMessage) {
	for _, m := range messages {
		if t.err != nil {
			t.events, t.size = nil, 0
			return
		}
		e, err := eventOf(m.GetId(), m.GetMetadata(), m.GetData(), m.GetCustomMetadata())
		if err != nil {
			t.err = err
			continue
		}
		t.events = append(t.events, e)
		if t.size += len(e.Data) + len(e.Metadata); t.size > maxAppend || len(t.events) > maxEvents {
			t.err = tooLarge(errAppendTooLarge)
		}
	}
}

// start runs a batch after those of its stream before it.
func (b *batching) start(ctx context.Context, t *batch) error {
	select {
	case b.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if len(b.turns) > 2*maxRunning {
		b.forgetTurns()
	}
	before, mine := b.turns[t.stream], make(chan struct{})
	b.turns[t.stream] = mine
	b.running.Go(func() {
		defer func() { <-b.slots }()
		defer close(mine)
		if before != nil {
			select {
			case <-before:
			case <-ctx.Done():
			}
		}
		b.run(b.call.Context(), t) // to its end, even when the server stops
	})
	return nil
}

// forgetTurns drops the streams whose newest batch is done.
func (b *batching) forgetTurns() {
	for stream, turn := range b.turns {
		select {
		case <-turn:
			delete(b.turns, stream)
		default:
		}
	}
}

// run appends a batch and answers it.
func (b *batching) run(ctx context.Context, t *batch) {
	if !t.until.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, t.until)
		defer cancel()
	}
	var p place
	err := t.err
	if err == nil {
		p, err = b.server.append(ctx, t.stream, t.expected, t.events)
	}
	answer := &streams.BatchAppendResp{CorrelationId: t.correlation, StreamIdentifier: t.options.GetStreamIdentifier()}
	echo(answer, t.options.GetExpectedStreamPosition())
	switch {
	case err != nil:
		r := b.server.told(b.call.Context(), streams.Streams_BatchAppend_FullMethodName, err)
		answer.Result = &streams.BatchAppendResp_Error{Error: batchError(r)}
	default:
		answer.Result = &streams.BatchAppendResp_Success_{Success: batchSuccess(p)}
	}
	b.sending.Lock()
	defer b.sending.Unlock()
	_ = b.call.Send(answer) // fails when the call is over, which its reader sees too
}

func batchSuccess(p place) *streams.BatchAppendResp_Success {
	success := &streams.BatchAppendResp_Success{
		CurrentRevisionOption: &streams.BatchAppendResp_Success_CurrentRevision{CurrentRevision: p.Revision},
		PositionOption: &streams.BatchAppendResp_Success_Position{Position: &shared.AllStreamPosition{
			CommitPosition: p.Position, PreparePosition: p.Position,
		}},
	}
	if p.nothing {
		success.PositionOption = &streams.BatchAppendResp_Success_NoPosition{NoPosition: &emptypb.Empty{}}
	}
	if p.absent {
		success.CurrentRevisionOption = &streams.BatchAppendResp_Success_NoStream{NoStream: &emptypb.Empty{}}
	}
	return success
}

// echo repeats what the batch expected.
func echo(answer *streams.BatchAppendResp, expected any) {
	switch e := expected.(type) {
	case *streams.BatchAppendReq_Options_StreamPosition:
		answer.ExpectedStreamPosition = &streams.BatchAppendResp_StreamPosition{StreamPosition: e.StreamPosition}
	case *streams.BatchAppendReq_Options_NoStream:
		answer.ExpectedStreamPosition = &streams.BatchAppendResp_NoStream{NoStream: &emptypb.Empty{}}
	case *streams.BatchAppendReq_Options_Any:
		answer.ExpectedStreamPosition = &streams.BatchAppendResp_Any{Any: &emptypb.Empty{}}
	case *streams.BatchAppendReq_Options_StreamExists:
		answer.ExpectedStreamPosition = &streams.BatchAppendResp_StreamExists{StreamExists: &emptypb.Empty{}}
	}
}
