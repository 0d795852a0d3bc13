package account

import "github.com/parleyhq/parley/domain/fault"

// ErrLastWayIn keeps people from locking themselves out.
var ErrLastWayIn = fault.New(fault.Conflict, "account.last_way_in", "This is the only way into this account; please add another one first.")

// WaysIn is in how many ways one can sign in to the account: the last one is
// never removed.
func (a *Account) WaysIn() int {
	ways := len(a.passkeys) + len(a.identities.linked)
	if a.PasswordHash != "" {
		ways++
	}
	return ways
}
