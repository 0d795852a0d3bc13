package account

import (
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

// ErrLastWayIn keeps people from locking themselves out.
var ErrLastWayIn = fault.New(fault.Conflict, "account.last_way_in", "This is the only way into this account; please add another one first.")

// WaysIn is in how many ways one can sign in to the account: the last one is
// never removed.
func (a *Account) WaysIn() int {
	ways := len(a.passkeys) + len(a.identities)
	if a.PasswordHash != "" {
		ways++
	}
	return ways
}

// dropWays takes every way in but the password away, and the second factor.
// Their claims go to whoever claims them next: the account names them no more.
func (a *Account) dropWays() (events []event.Data) {
	for _, i := range a.identities {
		events = append(events, IdentityUnlinked{Provider: i.Provider, Claim: i.Claim})
	}
	for _, k := range a.passkeys {
		events = append(events, PasskeyRemoved{Passkey: k.ID})
	}
	if a.totp.enabled || a.totp.pending != nil {
		events = append(events, TOTPDisabled{})
	}
	return events
}
