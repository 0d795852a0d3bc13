package eventgrpc

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"github.com/parleyhq/parley/domain/event"
)

// sender writes the answers of one read.
type sender struct {
	call       streams.Streams_ReadServer
	structured bool // form of ids
}

func (o sender) event(r event.Record) error { return o.call.Send(recorded(r, o.structured)) }

func (o sender) notFound(stream string) error {
	return o.call.Send(&streams.ReadResp{Content: &streams.ReadResp_StreamNotFound_{
		StreamNotFound: &streams.ReadResp_StreamNotFound{StreamIdentifier: identifier(stream)},
	}})
}

// Read reads a stream or the whole log, once or as a subscription. Links are
// events like any others: they are not resolved.
func (s *Server) Read(req *streams.ReadReq, call streams.Streams_ReadServer) error {
	if err := closed(call); err != nil {
		return err
	}
	o := req.GetOptions()
	_, structured := o.GetUuidOption().GetContent().(*streams.ReadReq_Options_UUIDOption_Structured)
	out := sender{call: call, structured: structured}
	keep, err := filterOf(o.GetFilterOption())
	if err != nil {
		return err
	}
	backwards := o.GetReadDirection() == streams.ReadReq_Options_Backwards
	count, once := o.GetCountOption().(*streams.ReadReq_Options_Count)
	_, follow := o.GetCountOption().(*streams.ReadReq_Options_Subscription)
	ctx, cancel := s.during(call.Context())
	defer cancel()
	switch at := o.GetStreamOption().(type) {
	case *streams.ReadReq_Options_Stream:
		stream, err := nameOf(at.Stream.GetStreamIdentifier())
		switch {
		case err != nil:
			return err
		case keep != nil:
			return badRequest("filters are for reads of all streams")
		case at.Stream.GetRevisionOption() == nil:
			return badRequest("the revision to begin at is missing")
		case follow && !backwards:
			return s.followStream(ctx, stream, at.Stream.GetRevisionOption(), out)
		case once && backwards:
			return s.readBackwards(ctx, stream, at.Stream.GetRevisionOption(), count.Count, out)
		case once:
			return s.readForwards(ctx, stream, at.Stream.GetRevisionOption(), count.Count, out)
		}
	case *streams.ReadReq_Options_All:
		switch {
		case at.All.GetAllOption() == nil:
			return badRequest("the position to begin at is missing")
		case follow && !backwards:
			return s.followAll(ctx, at.All.GetAllOption(), keep, out)
		case once && backwards:
			return s.allBackwards(ctx, at.All.GetAllOption(), count.Count, keep, out)
		case once:
			return s.allForwards(ctx, at.All.GetAllOption(), count.Count, keep, out)
		}
	}
	return badRequest("a read has a stream or all, and a count or, forwards, a subscription")
}

// closed waits for the end of a request of one message, which may come after
// the message. Who is answered before it has said so is also told to stop
// talking, and KurrentDB's client for Node then takes the answer for lost.
func closed(call streams.Streams_ReadServer) error {
	err := call.RecvMsg(&streams.ReadReq{})
	if err == nil {
		return badRequest("a read is one message")
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// shown is the window of a stream that is there to be read; false after it was
// said that there is none.
func (s *Server) shown(ctx context.Context, stream string, out sender) (window, bool, error) {
	st, err := s.look(ctx, stream)
	if err != nil {
		return window{}, false, err
	}
	if st.tombstoned {
		return window{}, false, streamDeleted(stream)
	}
	w, err := s.window(ctx, stream, st)
	if err == nil && !w.exists {
		err = out.notFound(stream)
	}
	return w, w.exists, err
}

func (s *Server) readForwards(ctx context.Context, stream string, at any, count uint64, out sender) error {
	w, ok, err := s.shown(ctx, stream, out)
	if !ok || err != nil {
		return err
	}
	from := uint64(0)
	switch r := at.(type) {
	case *streams.ReadReq_Options_StreamOptions_Revision:
		from = r.Revision
	case *streams.ReadReq_Options_StreamOptions_End:
		return nil
	}
	if count == 0 {
		return nil
	}
	for r, err := range s.cfg.Store.Stream(ctx, stream, max(from, w.first), event.Forward) {
		if err != nil {
			return err
		}
		if r.Type == tombstoneType {
			return nil
		}
		if w.hides(r) {
			continue
		}
		if err := out.event(r); err != nil {
			return err
		}
		if count--; count == 0 {
			return nil
		}
	}
	return nil
}

func (s *Server) readBackwards(ctx context.Context, stream string, at any, count uint64, out sender) error {
	w, ok, err := s.shown(ctx, stream, out)
	if !ok || err != nil {
		return err
	}
	from := uint64(0)
	switch r := at.(type) {
	case *streams.ReadReq_Options_StreamOptions_Revision:
		from = r.Revision
	case *streams.ReadReq_Options_StreamOptions_End:
		from = event.End
	}
	if count == 0 {
		return nil
	}
	for r, err := range s.cfg.Store.Stream(ctx, stream, from, event.Backward) {
		if err != nil {
			return err
		}
		if r.Revision < w.first {
			return nil
		}
		if r.Type == tombstoneType || w.hides(r) {
			continue
		}
		if err := out.event(r); err != nil {
			return err
		}
		if count--; count == 0 {
			return nil
		}
	}
	return nil
}

// allForwards begins with the event at the position, if there is one.
func (s *Server) allForwards(ctx context.Context, at any, count uint64, keep *filter, out sender) error {
	after := uint64(0)
	switch p := at.(type) {
	case *streams.ReadReq_Options_AllOptions_Position:
		after = max(p.Position.GetCommitPosition(), 1) - 1
	case *streams.ReadReq_Options_AllOptions_End:
		return nil
	}
	if count == 0 {
		return nil
	}
	for r, err := range s.cfg.Store.All(ctx, after, event.Filter{}) {
		if err != nil {
			return err
		}
		kept, err := keep.keeps(r)
		if err != nil {
			return err
		}
		if !kept {
			continue
		}
		if err := out.event(r); err != nil {
			return err
		}
		if count--; count == 0 {
			return nil
		}
	}
	return nil
}

// allBackwards begins with the event before the position. The log is read
// forwards only, so it takes one span of positions after the other, and each
// from its end.
func (s *Server) allBackwards(ctx context.Context, at any, count uint64, keep *filter, out sender) error {
	head, err := s.cfg.Store.Head(ctx)
	if err != nil {
		return err
	}
	before := uint64(0)
	switch p := at.(type) {
	case *streams.ReadReq_Options_AllOptions_Position:
		before = min(p.Position.GetCommitPosition(), head+1)
	case *streams.ReadReq_Options_AllOptions_End:
		before = head + 1
	}
	for size := uint64(firstSpan); before > 1 && count > 0; {
		after := before - 1 - min(size, before-1)
		records, bytes, err := s.span(ctx, after, before, keep)
		if err != nil {
			return err
		}
		for _, r := range slices.Backward(records) {
			if err := out.event(r); err != nil {
				return err
			}
			if count--; count == 0 {
				return nil
			}
		}
		before = after + 1
		if bytes < spanBytes/2 {
			size = min(2*size, maxSpan)
		} else {
			size = max(size/2, 1)
		}
	}
	return nil
}

// Positions that are read at once; the more the smaller the events are.
const (
	firstSpan = 16
	maxSpan   = 4096
	spanBytes = 1 << 20
)

// span is what is kept after one position and before another.
func (s *Server) span(ctx context.Context, after, before uint64, keep *filter) (records []event.Record, bytes int, err error) {
	for r, err := range s.cfg.Store.All(ctx, after, event.Filter{}) {
		if err != nil {
			return nil, 0, err
		}
		if r.Position >= before {
			break
		}
		kept, err := keep.keeps(r)
		if err != nil {
			return nil, 0, err
		}
		if bytes += len(r.Data) + len(r.Metadata); kept {
			records = append(records, r)
		}
	}
	return records, bytes, nil
}

// after is the revision that follows r; there is none after the greatest.
func after(r uint64) uint64 {
	if r == math.MaxUint64 {
		return r
	}
	return r + 1
}
