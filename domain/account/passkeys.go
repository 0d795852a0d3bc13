package account

import (
	"bytes"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/text"
)

// Bounds of passkeys that are no settings.
const (
	MaxPasskeys    = 20 // of an account
	MaxPasskeyName = 50 // characters
)

// Faults of passkeys.
var (
	ErrPasskeyTaken = fault.New(fault.Conflict, "passkey.taken", "This passkey is an account's already.")
	ErrPasskeys     = fault.New(fault.Conflict, "passkey.too_many", "There are as many passkeys as an account may have; please remove one first.")
)

// passkeyEvents are this file's part of the catalogue.
var passkeyEvents = []event.Definition{
	event.Of[PasskeyAdded]("account.passkey_added.v1", event.People, nil),
	event.Of[PasskeyUsed]("account.passkey_used.v1", event.People, nil),
	event.Of[PasskeyRefused]("account.passkey_refused.v1", event.People, nil),
	event.Of[PasskeyRemoved]("account.passkey_removed.v1", event.People, nil),
	event.Of("passkey.claimed.v1", event.People, func(d PasskeyClaimed) string { return d.Account.String() }),
	event.Of("passkey.released.v1", event.People, func(d PasskeyReleased) string { return d.Account.String() }),
}

// PasskeyAdded is a WebAuthn credential that signs the account in from here on.
// The claim is the name of the stream that holds the credential's id for this
// account.
type PasskeyAdded struct {
	Passkey    uuid.UUID `json:"passkey"`
	Claim      string    `json:"claim"`
	Name       string    `json:"name" seal:"personal"`
	Credential []byte    `json:"credential" seal:"secret"` // the id that the authenticator gave it
	PublicKey  []byte    `json:"publicKey" seal:"secret"`  // COSE_Key
	Counter    uint32    `json:"counter"`                  // of signatures; 0: it does not count
	Synced     bool      `json:"synced"`                   // may be backed up ("backup eligible"); never changes
}

// PasskeyUsed is a sign-in with a passkey.
type PasskeyUsed struct {
	Passkey uuid.UUID `json:"passkey"`
	Counter uint32    `json:"counter"`
}

// PasskeyRefused is a right signature whose counter has been before: somebody
// may have copied the authenticator.
type PasskeyRefused struct {
	Passkey uuid.UUID `json:"passkey"`
	Counter uint32    `json:"counter"`
}

// PasskeyRemoved ends a passkey.
type PasskeyRemoved struct {
	Passkey uuid.UUID `json:"passkey"`
}

// PasskeyClaimed gives a credential's id to an account, whoever had it before.
type PasskeyClaimed struct {
	Account uuid.UUID `json:"account"`
}

// PasskeyReleased frees a credential's id.
type PasskeyReleased struct {
	Account uuid.UUID `json:"account"` // who had it
}

// Passkey is one of an account's passkeys.
type Passkey struct {
	ID         uuid.UUID
	Claim      string
	Name       string
	Credential []byte
	PublicKey  []byte
	Counter    uint32
	Synced     bool
	CreatedAt  time.Time
	LastUsedAt time.Time // zero: never
}

// passkeys are those of one account, oldest first.
type passkeys []Passkey

func (p *passkeys) apply(e event.Decoded) {
	switch d := e.Payload.(type) {
	case PasskeyAdded:
		*p = append(*p, Passkey{
			ID: d.Passkey, Claim: d.Claim, Name: d.Name, Credential: d.Credential, PublicKey: d.PublicKey,
			Counter: d.Counter, Synced: d.Synced, CreatedAt: e.Time,
		})
	case PasskeyUsed:
		if at := p.index(d.Passkey); at >= 0 {
			(*p)[at].Counter, (*p)[at].LastUsedAt = d.Counter, e.Time
		}
	case PasskeyRemoved:
		*p = slices.DeleteFunc(*p, func(k Passkey) bool { return k.ID == d.Passkey })
	}
}

func (p passkeys) index(id uuid.UUID) int {
	return slices.IndexFunc(p, func(k Passkey) bool { return k.ID == id })
}

func (p passkeys) names(claim string) bool {
	return slices.ContainsFunc(p, func(k Passkey) bool { return k.Claim == claim })
}

// Passkeys are the account's, oldest first.
func (a *Account) Passkeys() []Passkey { return slices.Clone(a.passkeys) }

// Passkey is the one whose credential has that id.
func (a *Account) Passkey(credential []byte) (Passkey, bool) {
	for _, k := range a.passkeys {
		if len(credential) > 0 && bytes.Equal(k.Credential, credential) {
			return k, true
		}
	}
	return Passkey{}, false
}

// CheckPasskeyName gathers what is wrong with a name.
func CheckPasskeyName(name string, c *text.Check) { c.Line("name", name, MaxPasskeyName) }

// MayAddPasskey is nil while there is room for another. Errors: ErrPasskeys.
func (a *Account) MayAddPasskey() error {
	switch {
	case !a.Exists():
		return fault.ErrNotFound
	case len(a.passkeys) >= MaxPasskeys:
		return ErrPasskeys
	}
	return nil
}

// AddPasskey adds a passkey whose credential was claimed for the account after
// begun was seen. The same passkey again says nothing.
// Errors: fault.ErrNotFound, ErrPasskeys, ErrPasskeyTaken, ErrSuperseded.
func (a *Account) AddPasskey(p PasskeyAdded, begun Naming) ([]event.Data, error) {
	switch at := a.passkeys.index(p.Passkey); {
	case at >= 0:
		return nil, nil
	case a.MayAddPasskey() != nil:
		return nil, a.MayAddPasskey()
	case a.passkeys.names(p.Claim):
		return nil, ErrPasskeyTaken
	case begun != a.naming:
		return nil, ErrSuperseded
	}
	return []event.Data{p}, nil
}

// UsePasskey notes a sign-in by a right signature. A counter that does not
// rise is refused (WebAuthn Level 3, 6.1.1): the events say so, and the caller
// answers as to a wrong signature. Errors: fault.ErrNotFound.
func (a *Account) UsePasskey(id uuid.UUID, counter uint32) (events []event.Data, refused bool, err error) {
	at := a.passkeys.index(id)
	if !a.Exists() || at < 0 {
		return nil, false, fault.ErrNotFound
	}
	if was := a.passkeys[at].Counter; counter <= was && (counter != 0 || was != 0) {
		return []event.Data{PasskeyRefused{Passkey: id, Counter: counter}}, true, nil
	}
	return []event.Data{PasskeyUsed{Passkey: id, Counter: counter}}, false, nil
}

// RemovePasskey ends a passkey, but not the last way in.
// Errors: fault.ErrNotFound, ErrLastWayIn.
func (a *Account) RemovePasskey(id uuid.UUID) ([]event.Data, error) {
	switch {
	case !a.Exists() || a.passkeys.index(id) < 0:
		return nil, fault.ErrNotFound
	case a.WaysIn() < 2:
		return nil, ErrLastWayIn
	}
	return []event.Data{PasskeyRemoved{Passkey: id}}, nil
}
