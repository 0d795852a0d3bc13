package eventgrpc

import (
	"context"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"github.com/parleyhq/parley/domain/event"
)

// behind is how many positions a subscription that was live may wait for its
// client until it is told that it fell behind.
const behind = 2048

// pace says whether a subscription is live, and tells its client.
type pace struct {
	out  sender
	live bool
}

func (p *pace) caughtUp() error {
	p.live = true
	return p.out.call.Send(&streams.ReadResp{Content: &streams.ReadResp_CaughtUp_{CaughtUp: &streams.ReadResp_CaughtUp{}}})
}

// at looks whether the event at position is an old one.
func (p *pace) at(ctx context.Context, s *Server, position uint64) error {
	if !p.live {
		return nil
	}
	head, err := s.cfg.Store.Head(ctx)
	if err != nil || position+behind > head {
		return err
	}
	p.live = false
	return p.out.call.Send(&streams.ReadResp{Content: &streams.ReadResp_FellBehind_{FellBehind: &streams.ReadResp_FellBehind{}}})
}

func (s *Server) confirm(out sender) error {
	return out.call.Send(&streams.ReadResp{Content: &streams.ReadResp_Confirmation{
		Confirmation: &streams.ReadResp_SubscriptionConfirmation{SubscriptionId: s.cfg.NewID().String()},
	}})
}

// followStream sends a stream's events after a revision, for ever: first those
// that are there, then those of the log that have come since it looked.
func (s *Server) followStream(ctx context.Context, stream string, at any, out sender) error {
	head, err := s.cfg.Store.Head(ctx)
	if err != nil {
		return err
	}
	st, err := s.look(ctx, stream)
	if err != nil {
		return err
	}
	if st.tombstoned {
		return streamDeleted(stream)
	}
	w, err := s.window(ctx, stream, st)
	if err != nil {
		return err
	}
	next := w.first
	switch r := at.(type) {
	case *streams.ReadReq_Options_StreamOptions_Revision:
		next = max(next, after(r.Revision))
	case *streams.ReadReq_Options_StreamOptions_End:
		next = w.next
	}
	if err := s.confirm(out); err != nil {
		return err
	}
	for r, err := range s.cfg.Store.Stream(ctx, stream, next, event.Forward) {
		if err != nil {
			return err
		}
		if r.Type == tombstoneType {
			return streamDeleted(stream)
		}
		if !w.hides(r) {
			if err := out.event(r); err != nil {
				return err
			}
		}
		next = r.Revision + 1
	}
	return s.tailStream(ctx, stream, head, next, out)
}

func (s *Server) tailStream(ctx context.Context, stream string, head, next uint64, out sender) error {
	p := pace{out: out}
	for m, err := range s.cfg.Store.Tail(ctx, head, event.Filter{Categories: []string{event.Category(stream)}}) {
		switch {
		case err != nil:
			return err
		case m.CaughtUp:
			if !p.live {
				err = p.caughtUp()
			}
		case m.Record.Stream != stream || m.Record.Revision < next:
		case m.Record.Type == tombstoneType:
			return streamDeleted(stream)
		default:
			if err = p.at(ctx, s, m.Position); err == nil {
				err = out.event(m.Record)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// followAll sends the log's events after a position, for ever. Where a filter
// drops many, checkpoints tell how far it has looked.
func (s *Server) followAll(ctx context.Context, at any, keep *filter, out sender) error {
	after := uint64(0)
	switch p := at.(type) {
	case *streams.ReadReq_Options_AllOptions_Position:
		after = p.Position.GetCommitPosition()
	case *streams.ReadReq_Options_AllOptions_End:
		head, err := s.cfg.Store.Head(ctx)
		if err != nil {
			return err
		}
		after = head
	}
	if err := s.confirm(out); err != nil {
		return err
	}
	f := following{server: s, keep: keep, pace: pace{out: out}}
	for m, err := range s.cfg.Store.Tail(ctx, after, event.Filter{}) {
		if err == nil {
			err = f.take(ctx, m)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// following is a subscription to the whole log.
type following struct {
	server *Server
	keep   *filter
	pace
	looked uint64 // events since the last checkpoint
}

func (f *following) take(ctx context.Context, m event.Message) error {
	if m.CaughtUp {
		if f.live {
			return nil
		}
		if f.looked > 0 {
			if err := f.checkpoint(m.Position); err != nil {
				return err
			}
		}
		return f.caughtUp()
	}
	if err := f.at(ctx, f.server, m.Position); err != nil {
		return err
	}
	kept, err := f.keep.keeps(m.Record)
	if err != nil {
		return err
	}
	if kept {
		if err := f.out.event(m.Record); err != nil {
			return err
		}
	}
	if f.keep == nil {
		return nil
	}
	if f.looked++; f.looked < f.keep.every {
		return nil
	}
	return f.checkpoint(m.Position)
}

func (f *following) checkpoint(position uint64) error {
	f.looked = 0
	return f.out.call.Send(&streams.ReadResp{Content: &streams.ReadResp_Checkpoint_{
		Checkpoint: &streams.ReadResp_Checkpoint{CommitPosition: position, PreparePosition: position},
	}})
}
