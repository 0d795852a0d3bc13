package account

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

// Faults of identities.
var (
	ErrIdentityTaken  = fault.New(fault.Conflict, "identity.taken", "Somebody else signs in with that.")
	ErrIdentityExists = fault.New(fault.Conflict, "identity.exists", "You sign in with another account of that provider already; unlink it first.")
)

// identityEvents are this file's part of the catalogue.
var identityEvents = []event.Definition{
	event.Of[IdentityLinked]("account.identity_linked.v1", event.People, nil),
	event.Of[IdentityUnlinked]("account.identity_unlinked.v1", event.People, nil),
	event.Of("identity.claimed.v1", event.People, func(d IdentityClaimed) string { return d.Account.String() }),
	event.Of("identity.released.v1", event.People, func(d IdentityReleased) string { return d.Account.String() }),
}

// IdentityLinked lets whom a provider vouches for sign in to the account.
type IdentityLinked struct {
	Provider string `json:"provider"` // its name here
	Issuer   string `json:"issuer"`   // its name in the world
	Claim    string `json:"claim"`    // name of the stream that holds the identity
	Subject  string `json:"subject" seal:"personal"`
	Email    string `json:"email,omitzero" seal:"personal"` // that the provider told, verified or not
}

// IdentityUnlinked ends that.
type IdentityUnlinked struct {
	Provider string `json:"provider"`
	Claim    string `json:"claim"`
}

// IdentityClaimed gives an identity to an account, also where it has it.
type IdentityClaimed struct {
	Account uuid.UUID `json:"account"`
}

// IdentityReleased frees an identity.
type IdentityReleased struct {
	Account uuid.UUID `json:"account"` // who had it
}

// Identity is a provider by which the account is signed in to.
type Identity struct {
	Provider, Claim, Email string
	LinkedAt               time.Time
}

// identities are those of one account, the oldest first: one a provider.
type identities []Identity

func (s *identities) apply(e event.Decoded) {
	switch d := e.Payload.(type) {
	case IdentityLinked:
		*s = append(*s, Identity{d.Provider, d.Claim, d.Email, e.Time})
	case IdentityUnlinked:
		s.drop(d.Claim)
	}
}

func (s *identities) drop(claim string) {
	*s = slices.DeleteFunc(slices.Clone(*s), func(i Identity) bool { return i.Claim == claim })
}

func (s identities) names(claim string) bool {
	return slices.ContainsFunc(s, func(i Identity) bool { return i.Claim == claim })
}

// Identities are the account's, the oldest first.
func (a *Account) Identities() []Identity { return slices.Clone(a.identities) }

// LinkIdentity links an identity that was claimed for the account after begun
// was seen; nothing is said where it is linked.
// Errors: not found, ErrIdentityExists, ErrSuperseded.
func (a *Account) LinkIdentity(l IdentityLinked, begun Naming) ([]event.Data, error) {
	switch {
	case !a.Exists():
		return nil, fault.ErrNotFound
	case a.identities.names(l.Claim):
		return nil, nil
	case a.HasIdentityOf(l.Provider):
		return nil, ErrIdentityExists
	case begun != a.naming:
		return nil, ErrSuperseded
	}
	return []event.Data{l}, nil
}

// HasIdentityOf says whether the account is signed in to by that provider.
func (a *Account) HasIdentityOf(provider string) bool {
	return slices.ContainsFunc(a.identities, func(i Identity) bool { return i.Provider == provider })
}

// UnlinkIdentity takes the identity of a provider away, which must not be the
// last way in. Errors: not found, ErrLastWayIn.
func (a *Account) UnlinkIdentity(provider string) (claim string, events []event.Data, err error) {
	at := slices.IndexFunc(a.identities, func(i Identity) bool { return i.Provider == provider })
	switch {
	case !a.Exists() || at < 0:
		return "", nil, fault.ErrNotFound
	case a.WaysIn() < 2:
		return "", nil, ErrLastWayIn
	}
	claim = a.identities[at].Claim
	return claim, []event.Data{IdentityUnlinked{Provider: provider, Claim: claim}}, nil
}
