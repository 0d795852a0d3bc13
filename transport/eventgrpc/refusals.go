package eventgrpc

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	rpc "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/parleyhq/parley/domain/event"
)

// refusal is an error that a client is told: as a status with trailers, or as
// the detail of an answer of BatchAppend.
type refusal struct {
	code    codes.Code
	text    string
	trailer metadata.MD
	detail  proto.Message // nil: Unknown
}

func (r *refusal) Error() string { return r.text }

func badRequest(format string, args ...any) *refusal {
	text := fmt.Sprintf(format, args...)
	return &refusal{code: codes.InvalidArgument, text: text, detail: &shared.BadRequest{Message: text}}
}

func accessDenied(stream string) *refusal {
	return &refusal{
		code: codes.PermissionDenied, text: fmt.Sprintf("Access to stream '%s' is denied: it is read-only here.", stream),
		trailer: metadata.Pairs("exception", "access-denied", "stream-name", header(stream)),
		detail:  &shared.AccessDenied{},
	}
}

func streamDeleted(stream string) *refusal {
	return &refusal{
		code: codes.FailedPrecondition, text: fmt.Sprintf("Event stream '%s' is deleted.", stream),
		trailer: metadata.Pairs("exception", "stream-deleted", "stream-name", header(stream)),
		detail:  &shared.StreamDeleted{StreamIdentifier: identifier(stream)},
	}
}

// wrongVersion is the refusal of what was asked of a stream. Only deletions
// are answered with it as a status; appends have an answer of their own.
func wrongVersion(verb string, w *event.WrongRevision) *refusal {
	expected, actual := strconv.FormatInt(int64(w.Expected), 10), strconv.FormatInt(int64(w.Actual), 10)
	detail := &shared.WrongExpectedVersion{}
	if w.Actual < 0 {
		detail.CurrentStreamRevisionOption = &shared.WrongExpectedVersion_CurrentNoStream{CurrentNoStream: &emptypb.Empty{}}
	} else {
		detail.CurrentStreamRevisionOption = &shared.WrongExpectedVersion_CurrentStreamRevision{CurrentStreamRevision: uint64(w.Actual)}
	}
	switch w.Expected {
	case event.Any:
		detail.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedAny{ExpectedAny: &emptypb.Empty{}}
	case event.NoStream:
		detail.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedNoStream{ExpectedNoStream: &emptypb.Empty{}}
	case event.Exists:
		detail.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedStreamExists{ExpectedStreamExists: &emptypb.Empty{}}
	default:
		detail.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedStreamPosition{ExpectedStreamPosition: uint64(w.Expected)}
	}
	return &refusal{
		code: codes.FailedPrecondition,
		text: fmt.Sprintf("%s failed due to WrongExpectedVersion. Stream: %s, Expected version: %s, Actual version: %s", verb, w.Stream, expected, actual),
		trailer: metadata.Pairs("exception", "wrong-expected-version", "stream-name", header(w.Stream),
			"expected-version", expected, "actual-version", actual),
		detail: detail,
	}
}

func tooLarge(err error) *refusal {
	return &refusal{
		code: codes.InvalidArgument, text: err.Error(),
		trailer: metadata.Pairs("exception", "maximum-append-size-exceeded", "maximum-append-size", strconv.Itoa(event.MaxSize)),
		detail:  &shared.MaximumAppendSizeExceeded{MaxAppendSize: event.MaxSize},
	}
}

// header is a text as a trailer may hold it: printable ASCII.
func header(text string) string {
	for _, c := range []byte(text) {
		if c < ' ' || c > '~' {
			return strconv.QuoteToASCII(text)
		}
	}
	return text
}

// refusalOf is what a client is told of an error, nil where it is none of its
// business.
func refusalOf(err error) *refusal {
	var known *refusal
	var wrong *event.WrongRevision
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &wrong):
		return wrongVersion("Append", wrong)
	case errors.Is(err, event.ErrTooLarge):
		return tooLarge(err)
	case errors.Is(err, event.ErrBadEvent):
		return badRequest("%s", err)
	case errors.Is(err, event.ErrFull):
		return &refusal{code: codes.ResourceExhausted, text: err.Error()}
	case errors.Is(err, event.ErrUnsynced), errors.Is(err, event.ErrClosed):
		return &refusal{code: codes.Unavailable, text: err.Error()}
	case errors.Is(err, event.ErrCorrupt):
		return &refusal{code: codes.DataLoss, text: err.Error()}
	case errors.Is(err, context.DeadlineExceeded):
		return &refusal{code: codes.DeadlineExceeded, text: "the deadline is over", detail: &shared.Timeout{}}
	case errors.Is(err, context.Canceled):
		return &refusal{code: codes.Canceled, text: "the call was cancelled"}
	}
	return nil
}

var errStopping = &refusal{code: codes.Unavailable, text: "the server is stopping"}

// answer turns the end of a call into its status. crash is what it panicked
// with.
func (s *Server) answer(ctx context.Context, method string, err error, crash any) error {
	if crash != nil {
		s.cfg.Log.ErrorContext(ctx, "call panicked", "method", method, "panic", crash, "stack", string(debug.Stack()))
		return status.Error(codes.Internal, "internal error")
	}
	if err == nil {
		return nil
	}
	if s.stopping.Err() != nil && errors.Is(err, context.Canceled) && ctx.Err() == nil {
		err = errStopping
	}
	if _, ok := status.FromError(err); ok {
		return err // of grpc itself: the connection is gone
	}
	r := s.told(ctx, method, err)
	if len(r.trailer) > 0 {
		_ = grpc.SetTrailer(ctx, r.trailer)
	}
	return status.Error(r.code, r.text)
}

// told is the refusal for any error; one that is nobody's business is logged.
func (s *Server) told(ctx context.Context, method string, err error) *refusal {
	if r := refusalOf(err); r != nil {
		return r
	}
	s.cfg.Log.ErrorContext(ctx, "call failed", "method", method, "error", err)
	return &refusal{code: codes.Internal, text: "internal error"}
}

// batchError is a refusal as BatchAppend says it.
func batchError(r *refusal) *rpc.Status {
	detail := r.detail
	if detail == nil {
		detail = &shared.Unknown{}
	}
	packed, err := anypb.New(detail)
	if err != nil { // these messages always marshal
		return &rpc.Status{Code: int32(r.code), Message: r.text}
	}
	return &rpc.Status{Code: int32(r.code), Message: r.text, Details: []*anypb.Any{packed}}
}
