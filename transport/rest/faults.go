package rest

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

// statuses is the one table from kinds of faults to HTTP.
var statuses = map[fault.Kind]int{
	fault.Malformed:    http.StatusBadRequest,
	fault.Unauthorized: http.StatusUnauthorized,
	fault.Forbidden:    http.StatusForbidden,
	fault.NotFound:     http.StatusNotFound,
	fault.Method:       http.StatusMethodNotAllowed,
	fault.TooLarge:     http.StatusRequestEntityTooLarge,
	fault.TooLong:      http.StatusRequestURITooLong,
	fault.Media:        http.StatusUnsupportedMediaType,
	fault.HeaderTooBig: http.StatusRequestHeaderFieldsTooLarge,
	fault.Invalid:      http.StatusUnprocessableEntity,
	fault.Precondition: http.StatusPreconditionFailed,
	fault.Conflict:     http.StatusConflict,
	fault.Gone:         http.StatusGone,
	fault.Limited:      http.StatusTooManyRequests,
	fault.Unavailable:  http.StatusServiceUnavailable,
	fault.Full:         http.StatusInsufficientStorage,
	fault.Internal:     http.StatusInternalServerError,
}

// statusOf is the status of a fault; a kind without a row is a bug of ours.
func statusOf(f *fault.Fault) int {
	if s, ok := statuses[f.Kind]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// Faults of HTTP itself.
var (
	errAuthMissing = fault.New(fault.Unauthorized, "auth.missing", "Please sign in.")
	errAuthInvalid = fault.New(fault.Unauthorized, "auth.invalid", "This token is not valid.")

	errOriginForeign = fault.New(fault.Forbidden, "origin.foreign", "This is not allowed from that origin.")
	errMethod        = fault.New(fault.Method, "method.not_allowed", "This method is not allowed here.")
	errURLTooLong    = fault.New(fault.TooLong, "request.url_too_long", "The URL is longer than 8 KiB.")
	errHeaders       = fault.New(fault.HeaderTooBig, "request.headers_too_large", "The headers are larger than 64 KiB.")
	errQuery         = fault.New(fault.Malformed, "request.query", "The query string is malformed.")

	errBodyTooLarge   = fault.New(fault.TooLarge, "body.too_large", "The body is too large.")
	errBodyEncoding   = fault.New(fault.Media, "body.encoding", "Bodies are taken without a Content-Encoding.")
	errBodyType       = fault.New(fault.Media, "body.type", "This Content-Type is not taken here.")
	errBodyIncomplete = fault.New(fault.Malformed, "body.incomplete", "The body did not arrive whole.")
	errJSONMalformed  = fault.New(fault.Malformed, "json.malformed", "The body is not valid JSON.")
	errJSONEmpty      = fault.New(fault.Malformed, "json.malformed", "The body is empty; this takes JSON.")
	errJSONUTF8       = fault.New(fault.Malformed, "json.utf8", "The body is not valid UTF-8.")
	errJSONDuplicate  = fault.New(fault.Malformed, "json.duplicate_key", "An object of the body names a key twice.")
	errJSONDepth      = fault.New(fault.Malformed, "json.depth", "The body is nested deeper than 64 levels.")
	errText           = fault.New(fault.Invalid, "text.invalid", "A text holds characters that it cannot hold.")

	errPosition      = fault.New(fault.Malformed, "position.invalid", "This is not a position token.")
	errPositionEpoch = fault.New(fault.Conflict, "position.epoch", "This position is of another epoch of the log; please read again without it.")
	errPositionLate  = fault.New(fault.Unavailable, "position.not_reached", "That position was not reached in time; please try again.").After(time.Second)
	errCursor        = fault.New(fault.Malformed, "list.cursor", "This cursor was not issued for this list and reader.")
	errMatch         = fault.New(fault.Malformed, "match.malformed", `If-Match takes entity tags in quotes, or "*".`)
	errMatchOld      = fault.New(fault.Precondition, "match.failed", "It has changed since; please read it again.")

	errBusy     = fault.New(fault.Unavailable, "unavailable.busy", "There is too much to do right now; please try again.").After(time.Second)
	errTimeout  = fault.New(fault.Unavailable, "unavailable.timeout", "This took too long; please try again.").After(time.Second)
	errFull     = fault.New(fault.Full, "storage.full", "The storage is full; reading goes on.").After(30 * time.Second)
	errUnsynced = fault.New(fault.Unavailable, "storage.unavailable", "The storage does not take writes right now; reading goes on.").After(30 * time.Second)
	errInternal = fault.New(fault.Internal, "internal", "Something went wrong on our side.")
)

// visible is the fault that a caller may see of err, or nil where err is an
// internal failure: a 500 that has to be logged.
func visible(err error) *fault.Fault {
	if f := fault.As(err); f != nil && statusOf(f) != http.StatusInternalServerError {
		return f
	}
	switch {
	case errors.Is(err, event.ErrPosition):
		return errPosition
	case errors.Is(err, event.ErrEpoch):
		return errPositionEpoch
	case errors.Is(err, event.ErrFull):
		return errFull
	case errors.Is(err, event.ErrUnsynced), errors.Is(err, event.ErrClosed), errors.Is(err, event.ErrUnavailable), errors.Is(err, event.ErrKeysUnavailable):
		return errUnsynced
	case errors.Is(err, context.DeadlineExceeded):
		return errTimeout
	}
	return nil
}
