package eventstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	rpc "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/parleyhq/parley/domain/event"
)

// Errors of a Store, besides those of the port.
var (
	// ErrDoubt says that the server took an append and then fell silent, and
	// that nothing could be found out within AppendTimeout. It may have taken
	// effect, or may still.
	ErrDoubt = fmt.Errorf("%w: it is unknown whether the append took effect", event.ErrUnavailable)
	// ErrDeleted says that a stream has a tombstone.
	ErrDeleted = errors.New("event store: the stream was deleted for good")

	errNotLeader = errors.New("the node is not the leader of its cluster")
	errSilent    = fmt.Errorf("%w: it is silent", event.ErrUnavailable)
)

// transient says whether the same call may succeed later.
func transient(err error) bool {
	if errors.Is(err, errNotLeader) || errors.Is(err, errSilent) {
		return true
	}
	s, ok := status.FromError(err)
	if !ok {
		return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
	}
	switch s.Code() {
	case codes.Unavailable, codes.Unknown, codes.Internal, codes.Aborted, codes.Canceled, codes.DeadlineExceeded, codes.ResourceExhausted:
		return true
	}
	return false
}

// broken is the error with which a call ended, seen through its trailers.
func broken(call grpc.ClientStream, err error) error {
	return excepted(call.Trailer(), "", 0, err)
}

// excepted is what trailers say of a call's error.
func excepted(trailer metadata.MD, stream string, expected event.Expected, err error) error {
	exception := ""
	if exceptions := trailer.Get("exception"); len(exceptions) > 0 {
		exception = exceptions[0]
	}
	switch exception {
	case "not-leader":
		return fmt.Errorf("%w: %w", errNotLeader, err)
	case "stream-deleted":
		return ErrDeleted
	case "wrong-expected-version":
		if actual := trailer.Get("actual-version"); len(actual) > 0 {
			if n, broken := strconv.ParseInt(actual[0], 10, 64); broken == nil {
				return &event.WrongRevision{Stream: stream, Expected: expected, Actual: max(event.Expected(n), event.NoStream)}
			}
		}
	}
	return err
}

// refusal is what the server says of an append that it did not do, as an
// error of the port. doubt is set where it does not know that itself.
func refusal(stream string, expected event.Expected, s *rpc.Status) (err error, doubt bool) {
	err = status.FromProto(s).Err()
	if len(s.GetDetails()) > 0 {
		if detail, broken := s.GetDetails()[0].UnmarshalNew(); broken == nil {
			switch d := detail.(type) {
			case *shared.WrongExpectedVersion:
				w := &event.WrongRevision{Stream: stream, Expected: expected, Actual: event.NoStream}
				if r, ok := d.GetCurrentStreamRevisionOption().(*shared.WrongExpectedVersion_CurrentStreamRevision); ok {
					w.Actual = event.At(r.CurrentStreamRevision)
				}
				return w, false
			case *shared.StreamDeleted:
				return ErrDeleted, false
			case *shared.MaximumAppendSizeExceeded:
				return fmt.Errorf("%w, or all of an append's events larger than the server's %d bytes", event.ErrTooLarge, d.GetMaxAppendSize()), false
			case *shared.BadRequest:
				return fmt.Errorf("%w: %s", event.ErrBadEvent, d.GetMessage()), false
			case *shared.AccessDenied:
				return err, false
			}
		}
	}
	switch codes.Code(s.GetCode()) {
	case codes.ResourceExhausted:
		return fmt.Errorf("%w: %w", event.ErrFull, err), false
	case codes.InvalidArgument, codes.PermissionDenied, codes.Unauthenticated, codes.Unimplemented, codes.FailedPrecondition:
		return err, false
	}
	return err, true
}
