package commands

import (
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/fault"
)

// Match is what a caller expects of a thing before it changes it: nil or an
// error for the id of the newest event that changed it, which is its ETag. A
// nil Match expects nothing.
type Match func(version uuid.UUID) error

func (m Match) check(version uuid.UUID) error {
	if m == nil {
		return nil
	}
	return m(version)
}

// ErrChanged is an If-Match that does not hold.
var ErrChanged = fault.New(fault.Precondition, "match.failed", "It has changed since; please read it again.")
