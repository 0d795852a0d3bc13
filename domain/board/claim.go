package board

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/text"
)

// Claim is which board owns a name: the state of a stream boardname-<hmac>.
type Claim struct {
	Owner uuid.UUID // uuid.Nil: free
	At    time.Time // when Owner claimed it, the last time
	ID    uuid.UUID // event of that claim; uuid.Nil: free
}

// NewClaim is a name that no board owns.
func NewClaim() *Claim { return &Claim{} }

// Apply folds one event in.
func (c *Claim) Apply(e event.Decoded) {
	switch d := e.Payload.(type) {
	case NameClaimed:
		c.Owner, c.At, c.ID = d.Board, e.Time, e.ID
	case NameReleased:
		*c = Claim{}
	}
}

// Give makes board the owner in place of whichever made the claim seen
// (uuid.Nil: of none), which was looked at. A board that has the name claims it
// anew, so that neither a take-over nor a release which is under way takes it
// from there. ok is false when another one claimed it since.
func (c *Claim) Give(board, seen uuid.UUID) (events []event.Data, ok bool) {
	if c.Owner != board && c.ID != seen {
		return nil, false
	}
	return []event.Data{NameClaimed{Board: board}}, true
}

// Release frees the name if the claim is still that of the event id.
func (c *Claim) Release(id uuid.UUID) []event.Data {
	if c.Owner == uuid.Nil || c.ID != id {
		return nil
	}
	return []event.Data{NameReleased{Board: c.Owner}}
}

// CleanName is a name as it is kept: without white space at its ends.
func CleanName(name string) string { return strings.TrimSpace(name) }

// FoldName is the form under which names are the same. It is frozen for names
// in which all can be seen, because streams are named after it. A board whose
// name was claimed under another form keeps that claim until it is named again.
func FoldName(name string) string { return text.FoldName(name) }
