package eventgrpc

import (
	"context"
	"errors"
	"io"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/protobuf/proto"

	"github.com/parleyhq/parley/domain/event"
)

// Append appends the events of one call: first its options, then each event.
func (s *Server) Append(call streams.Streams_AppendServer) error {
	stream, expected, events, err := s.proposed(call)
	if err != nil {
		drain(call.Recv)
		return err
	}
	p, err := s.append(call.Context(), stream, expected, events)
	var wrong *event.WrongRevision
	if errors.As(err, &wrong) {
		return call.SendAndClose(wrongAppend(wrong, expected))
	}
	if err != nil {
		return err
	}
	return call.SendAndClose(appended(p))
}

// proposed reads a call, within the bounds of an append.
func (s *Server) proposed(call streams.Streams_AppendServer) (stream string, expected event.Expected, events []event.Event, err error) {
	first, err := call.Recv()
	if err != nil && !errors.Is(err, io.EOF) {
		return "", 0, nil, err
	}
	options := first.GetOptions()
	if options == nil {
		return "", 0, nil, badRequest("an append begins with its options")
	}
	if stream, err = nameOf(options.GetStreamIdentifier()); err != nil {
		return "", 0, nil, err
	}
	if expected, err = expectedOf(options.GetExpectedStreamRevision()); err != nil {
		return "", 0, nil, err
	}
	if err := s.writable(stream); err != nil {
		return "", 0, nil, err
	}
	events, err = eventsOf(call)
	return stream, expected, events, err
}

// drain reads the rest of a refused call, as far as an append may be long:
// Go's client takes a call that ends while it sends for a broken connection.
func drain(next func() (*streams.AppendReq, error)) {
	for left := maxAppend; left > 0; {
		m, err := next()
		if err != nil {
			return
		}
		left -= proto.Size(m) + 1
	}
}

// eventsOf reads the events that follow the options.
func eventsOf(call streams.Streams_AppendServer) ([]event.Event, error) {
	var events []event.Event
	size := 0
	for {
		m, err := call.Recv()
		if errors.Is(err, io.EOF) {
			return events, nil
		}
		if err != nil {
			return nil, err
		}
		p := m.GetProposedMessage()
		if p == nil {
			return nil, badRequest("an append has its options once, and then events")
		}
		e, err := eventOf(p.GetId(), p.GetMetadata(), p.GetData(), p.GetCustomMetadata())
		if err != nil {
			return nil, err
		}
		events = append(events, e)
		if size += len(e.Data) + len(e.Metadata); size > maxAppend || len(events) > maxEvents {
			return nil, tooLarge(errAppendTooLarge)
		}
	}
}

var errAppendTooLarge = errors.New("an append has at most 10,000 events and 32 MiB")

// expectedOf reads the revision that a call expects; each call has types of
// its own for the same four choices.
func expectedOf(option any) (event.Expected, error) {
	switch o := option.(type) {
	case *streams.AppendReq_Options_Any, *streams.DeleteReq_Options_Any, *streams.TombstoneReq_Options_Any, *streams.BatchAppendReq_Options_Any:
		return event.Any, nil
	case *streams.AppendReq_Options_NoStream, *streams.DeleteReq_Options_NoStream, *streams.TombstoneReq_Options_NoStream, *streams.BatchAppendReq_Options_NoStream:
		return event.NoStream, nil
	case *streams.AppendReq_Options_StreamExists, *streams.DeleteReq_Options_StreamExists, *streams.TombstoneReq_Options_StreamExists, *streams.BatchAppendReq_Options_StreamExists:
		return event.Exists, nil
	case *streams.AppendReq_Options_Revision:
		return revision(o.Revision)
	case *streams.DeleteReq_Options_Revision:
		return revision(o.Revision)
	case *streams.TombstoneReq_Options_Revision:
		return revision(o.Revision)
	case *streams.BatchAppendReq_Options_StreamPosition:
		return revision(o.StreamPosition)
	}
	return 0, badRequest("the expected revision is missing")
}

func appended(p place) *streams.AppendResp {
	success := &streams.AppendResp_Success{
		CurrentRevisionOption: &streams.AppendResp_Success_CurrentRevision{CurrentRevision: p.Revision},
		PositionOption: &streams.AppendResp_Success_Position{Position: &streams.AppendResp_Position{
			CommitPosition: p.Position, PreparePosition: p.Position,
		}},
	}
	if p.nothing {
		success.PositionOption = &streams.AppendResp_Success_NoPosition{NoPosition: &shared.Empty{}}
	}
	if p.absent {
		success.CurrentRevisionOption = &streams.AppendResp_Success_NoStream{NoStream: &shared.Empty{}}
	}
	return &streams.AppendResp{Result: &streams.AppendResp_Success_{Success: success}}
}

// wrongAppend says what was expected, in the caller's words, and what is
// there, in the fields of both generations of clients.
func wrongAppend(w *event.WrongRevision, expected event.Expected) *streams.AppendResp {
	m := &streams.AppendResp_WrongExpectedVersion{}
	if w.Actual < 0 {
		m.CurrentRevisionOption = &streams.AppendResp_WrongExpectedVersion_CurrentNoStream{CurrentNoStream: &shared.Empty{}}
		m.CurrentRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_NoStream_20_6_0{NoStream_20_6_0: &shared.Empty{}}
	} else {
		m.CurrentRevisionOption = &streams.AppendResp_WrongExpectedVersion_CurrentRevision{CurrentRevision: uint64(w.Actual)}
		m.CurrentRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_CurrentRevision_20_6_0{CurrentRevision_20_6_0: uint64(w.Actual)}
	}
	switch expected {
	case event.Any:
		m.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedAny{ExpectedAny: &shared.Empty{}}
		m.ExpectedRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_Any_20_6_0{Any_20_6_0: &shared.Empty{}}
	case event.Exists:
		m.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedStreamExists{ExpectedStreamExists: &shared.Empty{}}
		m.ExpectedRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_StreamExists_20_6_0{StreamExists_20_6_0: &shared.Empty{}}
	case event.NoStream:
		m.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedNoStream{ExpectedNoStream: &shared.Empty{}}
	default:
		m.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedRevision{ExpectedRevision: uint64(expected)}
		m.ExpectedRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_ExpectedRevision_20_6_0{ExpectedRevision_20_6_0: uint64(expected)}
	}
	return &streams.AppendResp{Result: &streams.AppendResp_WrongExpectedVersion_{WrongExpectedVersion: m}}
}

// Delete hides what a stream holds; it can be written again.
func (s *Server) Delete(ctx context.Context, req *streams.DeleteReq) (*streams.DeleteResp, error) {
	p, err := s.remove(ctx, req.GetOptions().GetStreamIdentifier(), req.GetOptions().GetExpectedStreamRevision(), false)
	if err != nil {
		return nil, err
	}
	return &streams.DeleteResp{PositionOption: &streams.DeleteResp_Position_{Position: &streams.DeleteResp_Position{
		CommitPosition: p.Position, PreparePosition: p.Position,
	}}}, nil
}

// Tombstone ends a stream for good.
func (s *Server) Tombstone(ctx context.Context, req *streams.TombstoneReq) (*streams.TombstoneResp, error) {
	p, err := s.remove(ctx, req.GetOptions().GetStreamIdentifier(), req.GetOptions().GetExpectedStreamRevision(), true)
	if err != nil {
		return nil, err
	}
	return &streams.TombstoneResp{PositionOption: &streams.TombstoneResp_Position_{Position: &streams.TombstoneResp_Position{
		CommitPosition: p.Position, PreparePosition: p.Position,
	}}}, nil
}
