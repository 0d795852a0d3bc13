package readmodels

import "errors"

// ErrUnavailable says that the engine failed, not the statement: a disk, a
// lock, a connection. The same call may succeed later. Every other error of a
// statement is the statement's own, and of the event that led to it.
var ErrUnavailable = errors.New("readmodels: the engine does not answer")
