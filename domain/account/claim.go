package account

import (
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// Claim is who owns a name: the state of the streams email-…, handle-…,
// passkey-… and setup-administrator.
type Claim struct {
	Owner uuid.UUID // uuid.Nil: free
	At    time.Time // when Owner claimed it
}

// NewClaim is a name that nobody owns.
func NewClaim() *Claim { return &Claim{} }

// Apply folds one event in.
func (c *Claim) Apply(e event.Decoded) {
	switch d := e.Payload.(type) {
	case EmailClaimed:
		c.Owner, c.At = d.Account, e.Time
	case HandleClaimed:
		c.Owner, c.At = d.Account, e.Time
	case SetupCompleted:
		c.Owner, c.At = d.Account, e.Time
	case PasskeyClaimed:
		c.Owner, c.At = d.Account, e.Time
	case EmailReleased, HandleReleased, SetupReleased, PasskeyReleased:
		*c = Claim{}
	}
}

// Give makes account the owner in place of from (uuid.Nil: of nobody), who
// was looked at. ok is false when somebody else owns the name by now; nothing
// is said when account owns it already.
func (c *Claim) Give(account, from uuid.UUID, claimed func(uuid.UUID) event.Data) (events []event.Data, ok bool) {
	switch c.Owner {
	case account:
		return nil, true
	case from:
		return []event.Data{claimed(account)}, true
	}
	return nil, false
}

// Release frees the name if account owns it.
func (c *Claim) Release(account uuid.UUID, released func(uuid.UUID) event.Data) []event.Data {
	if c.Owner != account {
		return nil
	}
	return []event.Data{released(account)}
}
