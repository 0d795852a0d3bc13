package eventstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/metadata"

	"github.com/parleyhq/parley/domain/event"
)

// searchWindow is how many events a server looks at before it sends what a
// filter kept of them.
const searchWindow = 1024

// Stream implements event.Store. It goes on where it was when the server
// restarts, unless that takes longer than ReadTimeout.
func (s *Store) Stream(ctx context.Context, stream string, from uint64, dir event.Direction) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		if dir == event.Forward && from > math.MaxInt64 {
			return
		}
		next := from
		request := func() *streams.ReadReq { return streamRequest(stream, next, dir) }
		s.records(ctx, yield, request, func(r event.Record) (keep, more bool) {
			if dir == event.Forward {
				next = r.Revision + 1
				return true, true
			}
			next = r.Revision - 1
			return true, r.Revision > 0
		})
	}
}

// All implements event.Store; it ends at the head of when it began.
func (s *Store) All(ctx context.Context, after uint64, filter event.Filter) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		head, err := s.Head(ctx)
		if err != nil {
			yield(event.Record{}, err)
			return
		}
		at := after
		if at >= head { // also positions to come, which a server would take for broken ones
			return
		}
		request := func() *streams.ReadReq { return allRequest(at, filter) }
		s.records(ctx, yield, request, func(r event.Record) (keep, more bool) {
			if r.Position <= at || r.Position > head { // a read begins with the position itself
				return false, r.Position <= head
			}
			at = r.Position
			return !isSystem(r) && filter.Match(r.Stream, r.Type), at < head
		})
	}
}

// Head implements event.Store.
func (s *Store) Head(ctx context.Context) (head uint64, err error) {
	err = s.read(ctx, func(ctx context.Context, _ *watch) error {
		head, err = s.headOnce(ctx)
		return err
	})
	return head, err
}

// headOnce asks for the newest event, and for more where the newest ones are
// the server's own.
func (s *Store) headOnce(ctx context.Context) (uint64, error) {
	before := uint64(math.MaxUint64)
	for count := uint64(1); ; count = searchWindow {
		var head, oldest uint64
		err := s.receive(ctx, nil, headRequest(before, count), func(m *streams.ReadResp) (bool, error) {
			r, err := recordOf(m.GetEvent())
			if oldest = r.Position; err == nil && !isSystem(r) {
				head = r.Position
			}
			return head == 0, err
		})
		if err != nil || head > 0 || oldest == 0 {
			return head, err
		}
		before = oldest
	}
}

// records reads and hands out records, and an error once, as the last element.
// take moves what request begins with, and says whether to hand the record out
// and whether to go on.
func (s *Store) records(ctx context.Context, yield func(event.Record, error) bool, request func() *streams.ReadReq, take func(event.Record) (keep, more bool)) {
	left := false
	err := s.read(ctx, func(reading context.Context, w *watch) error {
		return s.receive(reading, w, request(), func(m *streams.ReadResp) (bool, error) {
			r, err := recordOf(m.GetEvent())
			if err != nil {
				return false, err
			}
			if err := s.over(ctx); err != nil {
				return false, err
			}
			keep, more := take(r)
			if keep && !yield(r, nil) {
				left = true
				return false, nil
			}
			return more, nil
		})
	})
	if err != nil && !left {
		yield(event.Record{}, err)
	}
}

// watch ends a read when nothing happened for too long. A nil watch never does.
type watch struct {
	timer *time.Timer
	after time.Duration
}

// stop stops the watch while the consumer works.
func (w *watch) stop() {
	if w != nil {
		w.timer.Stop()
	}
}

// begin begins to watch anew.
func (w *watch) begin() {
	if w != nil {
		w.timer.Reset(w.after)
	}
}

// read calls once until it succeeds, is refused, or was silent for
// ReadTimeout.
func (s *Store) read(ctx context.Context, once func(context.Context, *watch) error) error {
	if err := s.over(ctx); err != nil {
		return err
	}
	reading, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	unhook := context.AfterFunc(s.life, func() { cancel(event.ErrClosed) })
	defer unhook()
	w := &watch{after: s.opts.ReadTimeout, timer: time.AfterFunc(s.opts.ReadTimeout, func() { cancel(errSilent) })}
	defer w.stop()
	for pause := s.pause(); ; {
		err := once(reading, w)
		if err == nil {
			return nil
		}
		if over := s.over(ctx); over != nil {
			return over
		}
		if errors.Is(err, ErrDeleted) || !transient(err) {
			return err
		}
		if pause.wait(reading) != nil {
			if over := s.over(ctx); over != nil {
				return over
			}
			return fmt.Errorf("%w for %s: %v", errSilent, w.after, err) // by value: the cancelling is ours, not the caller's
		}
	}
}

// receive makes one call and gives take its events until it says false. The
// time that take needs does not count as silence.
func (s *Store) receive(ctx context.Context, w *watch, request *streams.ReadReq, take func(*streams.ReadResp) (more bool, err error)) error {
	calling, cancel := context.WithCancel(metadata.AppendToOutgoingContext(ctx, "requires-leader", "true"))
	defer cancel()
	conn, client, err := s.client(calling)
	var call streams.Streams_ReadClient
	if err == nil {
		call, err = client.Read(calling, request)
	}
	if err != nil {
		s.link.lost(conn, err)
		return err
	}
	for {
		m, err := call.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			err = broken(call, err)
			s.link.lost(conn, err)
			return err
		}
		if _, none := m.GetContent().(*streams.ReadResp_StreamNotFound_); none {
			return nil
		}
		if m.GetEvent() == nil {
			continue // what newer servers add
		}
		w.stop()
		more, err := take(m)
		if err != nil || !more {
			return err
		}
		w.begin()
	}
}

func options(direction streams.ReadReq_Options_ReadDirection, count uint64) *streams.ReadReq_Options {
	return &streams.ReadReq_Options{
		ReadDirection: direction,
		CountOption:   &streams.ReadReq_Options_Count{Count: count},
		FilterOption:  &streams.ReadReq_Options_NoFilter{NoFilter: &shared.Empty{}},
		UuidOption:    &streams.ReadReq_Options_UUIDOption{Content: &streams.ReadReq_Options_UUIDOption_Structured{Structured: &shared.Empty{}}},
	}
}

func streamRequest(stream string, from uint64, dir event.Direction) *streams.ReadReq {
	at := &streams.ReadReq_Options_StreamOptions{StreamIdentifier: identifier(stream)}
	direction := streams.ReadReq_Options_Forwards
	if dir == event.Backward {
		direction = streams.ReadReq_Options_Backwards
	}
	if from > math.MaxInt64 {
		at.RevisionOption = &streams.ReadReq_Options_StreamOptions_End{End: &shared.Empty{}}
	} else {
		at.RevisionOption = &streams.ReadReq_Options_StreamOptions_Revision{Revision: from}
	}
	o := options(direction, math.MaxInt64)
	o.StreamOption = &streams.ReadReq_Options_Stream{Stream: at}
	return &streams.ReadReq{Options: o}
}

// position is a place in the whole log; 0 is its start.
func position(at uint64) *streams.ReadReq_Options_All {
	all := &streams.ReadReq_Options_AllOptions{AllOption: &streams.ReadReq_Options_AllOptions_Start{Start: &shared.Empty{}}}
	if at > 0 {
		all.AllOption = &streams.ReadReq_Options_AllOptions_Position{Position: &streams.ReadReq_Options_Position{CommitPosition: at, PreparePosition: at}}
	}
	return &streams.ReadReq_Options_All{All: all}
}

// allRequest lets the server drop most of what the filter does not keep: it
// compares beginnings.
func allRequest(from uint64, filter event.Filter) *streams.ReadReq {
	o := options(streams.ReadReq_Options_Forwards, math.MaxInt64)
	o.StreamOption = position(from)
	switch {
	case len(filter.Types) > 0:
		o.FilterOption = kept(&streams.ReadReq_Options_FilterOptions_EventType{EventType: &streams.ReadReq_Options_FilterOptions_Expression{Prefix: filter.Types}})
	case len(filter.Categories) > 0:
		o.FilterOption = kept(&streams.ReadReq_Options_FilterOptions_StreamIdentifier{StreamIdentifier: &streams.ReadReq_Options_FilterOptions_Expression{Prefix: filter.Categories}})
	default:
		o.FilterOption = notSystem()
	}
	return &streams.ReadReq{Options: o}
}

func headRequest(before, count uint64) *streams.ReadReq {
	o := options(streams.ReadReq_Options_Backwards, count)
	o.StreamOption = position(before)
	if before == math.MaxUint64 {
		o.StreamOption = &streams.ReadReq_Options_All{All: &streams.ReadReq_Options_AllOptions{
			AllOption: &streams.ReadReq_Options_AllOptions_End{End: &shared.Empty{}},
		}}
	}
	o.FilterOption = notSystem()
	return &streams.ReadReq{Options: o}
}

// notSystem drops the server's own streams.
func notSystem() *streams.ReadReq_Options_Filter {
	return kept(&streams.ReadReq_Options_FilterOptions_StreamIdentifier{
		StreamIdentifier: &streams.ReadReq_Options_FilterOptions_Expression{Regex: `^[^\$]`},
	})
}

// kept is a filter; its two types share an interface without a name.
func kept(filter any) *streams.ReadReq_Options_Filter {
	o := &streams.ReadReq_Options_FilterOptions{
		Window:                       &streams.ReadReq_Options_FilterOptions_Max{Max: searchWindow},
		CheckpointIntervalMultiplier: 1,
	}
	switch f := filter.(type) {
	case *streams.ReadReq_Options_FilterOptions_EventType:
		o.Filter = f
	case *streams.ReadReq_Options_FilterOptions_StreamIdentifier:
		o.Filter = f
	}
	return &streams.ReadReq_Options_Filter{Filter: o}
}
