package account

import (
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// Claim is who owns a name: the state of the streams email-…, handle-…,
// passkey-…, identity-… and setup-administrator.
type Claim struct {
	Owner uuid.UUID // uuid.Nil: free
	At    time.Time // when Owner claimed it, the last time
	ID    uuid.UUID // event of that claim; uuid.Nil: free
}

// NewClaim is a name that nobody owns.
func NewClaim() *Claim { return &Claim{} }

// Apply folds one event in.
func (c *Claim) Apply(e event.Decoded) {
	switch d := e.Payload.(type) {
	case EmailClaimed:
		c.Owner, c.At, c.ID = d.Account, e.Time, e.ID
	case HandleClaimed:
		c.Owner, c.At, c.ID = d.Account, e.Time, e.ID
	case SetupCompleted:
		c.Owner, c.At, c.ID = d.Account, e.Time, e.ID
	case IdentityClaimed:
		c.Owner, c.At, c.ID = d.Account, e.Time, e.ID
	case PasskeyClaimed:
		c.Owner, c.At, c.ID = d.Account, e.Time, e.ID
	case EmailReleased, HandleReleased, SetupReleased, PasskeyReleased, IdentityReleased:
		*c = Claim{}
	}
}

// Give makes account the owner in place of whoever made the claim seen
// (uuid.Nil: of nobody), which was looked at. An account that has the name
// claims it anew, so that neither a take-over nor a release which is under way
// takes it from there. ok is false when somebody else claimed it since.
func (c *Claim) Give(account, seen uuid.UUID, claimed func(uuid.UUID) event.Data) (events []event.Data, ok bool) {
	if c.Owner != account && c.ID != seen {
		return nil, false
	}
	return []event.Data{claimed(account)}, true
}

// Release frees the name if account owns it, by the claim that was made by the
// event id (uuid.Nil: by any).
func (c *Claim) Release(account, id uuid.UUID, released func(uuid.UUID) event.Data) []event.Data {
	if c.Owner != account || id != uuid.Nil && c.ID != id {
		return nil
	}
	return []event.Data{released(account)}
}
