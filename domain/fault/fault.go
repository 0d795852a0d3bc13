package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind is the class of a fault; transports map kinds, never slugs.
type Kind uint8

// The kinds, in the order in which a request meets them.
const (
	Malformed    Kind = iota + 1 // 400: cannot be understood
	Unauthorized                 // 401: not signed in, or no longer
	Forbidden                    // 403: signed in, not allowed
	NotFound                     // 404: not there, or not for this caller
	Method                       // 405
	TooLarge                     // 413
	TooLong                      // 414: the URL
	Media                        // 415
	HeaderTooBig                 // 431
	Invalid                      // 422: understood and wrong; Details name the fields
	Precondition                 // 412: If-Match does not hold
	Conflict                     // 409: another fact stands against it
	Gone                         // 410
	Limited                      // 429: RetryAfter is set
	Unavailable                  // 503: RetryAfter is set
	Full                         // 507: storage is full; RetryAfter is set
	Internal                     // 500: a bug of ours
)

// Detail is one wrong field: its JSON path and what is wrong with it, as a
// short stable word or phrase.
type Detail struct {
	Field   string `json:"field"`
	Problem string `json:"problem"`
}

// Fault is an error that a caller may see.
type Fault struct {
	Kind       Kind
	Slug       string // stable, for programs: "account.handle_taken"
	Message    string // one English sentence, for people
	Details    []Detail
	RetryAfter time.Duration // for Limited, Unavailable and Full
	cause      error
}

// New makes a fault.
func New(kind Kind, slug, message string, details ...Detail) *Fault {
	return &Fault{Kind: kind, Slug: slug, Message: message, Details: details}
}

// Error is the slug and the sentence, and the cause where there is one.
func (f *Fault) Error() string {
	if f.cause != nil {
		return fmt.Sprintf("%s: %s: %v", f.Slug, f.Message, f.cause)
	}
	return f.Slug + ": " + f.Message
}

// Unwrap gives the cause, for logs.
func (f *Fault) Unwrap() error { return f.cause }

// Is makes two faults of one slug equal for errors.Is, so that a catalogue
// variable matches a copy that carries details.
func (f *Fault) Is(target error) bool {
	other, ok := target.(*Fault)
	return ok && other.Slug == f.Slug
}

// With is a copy with the details added.
func (f *Fault) With(details ...Detail) *Fault {
	c := *f
	c.Details = append(append([]Detail(nil), f.Details...), details...)
	return &c
}

// After is a copy that tells the caller when to come back.
func (f *Fault) After(d time.Duration) *Fault {
	c := *f
	c.RetryAfter = d
	return &c
}

// Because is a copy that carries the internal cause; it is logged, not shown.
func (f *Fault) Because(err error) *Fault {
	c := *f
	c.cause = err
	return &c
}

// As finds the fault in err, or nil.
func As(err error) *Fault {
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return nil
}

// Field gathers a wrong field: Field("handle", "taken").
func Field(field, problem string) Detail { return Detail{Field: field, Problem: problem} }

// Faults that every part may answer.
var (
	ErrNotFound    = New(NotFound, "not_found", "There is nothing here, or not for you.")
	ErrForbidden   = New(Forbidden, "auth.forbidden", "You are not allowed to do this.")
	ErrInvalid     = New(Invalid, "request.invalid", "Some fields are not valid.")
	ErrConflict    = New(Conflict, "conflict.busy", "Too many changes at once; please try again.")
	ErrUnavailable = New(Unavailable, "unavailable", "This is not available right now.").After(time.Second)
)

// Checks gathers the wrong fields of one request, so that a caller hears of
// all of them at once.
type Checks []Detail

// Add notes that field has problem.
func (c *Checks) Add(field, problem string) { *c = append(*c, Field(field, problem)) }

// Err is ErrInvalid with everything gathered, or nil.
func (c Checks) Err() error {
	if len(c) == 0 {
		return nil
	}
	return ErrInvalid.With(c...)
}
