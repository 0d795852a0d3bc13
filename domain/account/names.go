package account

import (
	"time"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

// ErrSuperseded is a change of a name that another one, or somebody who took
// the name over, came before. Whoever meets it begins again.
var ErrSuperseded = fault.New(fault.Conflict, "account.superseded", "Another change came between; please try again.")

// Naming is what a change of a name saw when it began; identities and passkeys
// are names too. The account's claims are another set since where the numbers
// differ, also when they look the same: the way there may have released the
// very name that was claimed.
type Naming int

// Naming is what a change that begins now sees.
func (a *Account) Naming() Naming { return a.naming }

// claims are the streams that hold what the account is named by, or is about
// to be. What it has several of counts where it is folded in.
func (a *Account) claims() [3]string {
	return [3]string{a.EmailClaim, a.HandleClaim, a.verification.claim}
}

// Seeks says whether the name that the stream claim holds is that of an address
// which the account changes to, with a proof that is still good.
func (a *Account) Seeks(claim string, now time.Time) bool {
	return a.Exists() && claim != "" && a.verification.claim == claim && a.verification.open(now)
}

// ChangeHandle gives the account another handle, which claim holds for it.
// Nothing is said where it has that one. Errors: ErrSuperseded.
func (a *Account) ChangeHandle(handle, claim string, begun Naming) ([]event.Data, error) {
	switch {
	case !a.Exists():
		return nil, fault.ErrNotFound
	case begun != a.naming:
		return nil, ErrSuperseded
	case a.Handle == handle && a.HandleClaim == claim:
		return nil, nil
	}
	return []event.Data{HandleChanged{Handle: handle, Claim: claim}}, nil
}

// EmailChange is the address that the account changes to, and the stream that
// holds it; empty where none is under way.
func (a *Account) EmailChange() (email, claim string) {
	if v := &a.verification; v.claim != "" && v.email != a.Email {
		return v.email, v.claim
	}
	return "", ""
}

// ChangeEmail notes that a link and a code are on their way to another
// address, which v.Claim holds for the account. An earlier change is over.
// Errors: ErrSuperseded.
func (a *Account) ChangeEmail(v VerificationRequested, begun Naming) ([]event.Data, error) {
	switch {
	case !a.Exists():
		return nil, fault.ErrNotFound
	case begun != a.naming:
		return nil, ErrSuperseded
	}
	return []event.Data{v}, nil
}

// WithdrawEmail ends whatever mail asked for a proof. always says so though
// there was none.
func (a *Account) WithdrawEmail(always bool) ([]event.Data, error) {
	_, changing := a.EmailChange()
	switch {
	case !a.Exists():
		return nil, fault.ErrNotFound
	case changing == "" && !always:
		return nil, nil
	}
	return []event.Data{EmailChangeWithdrawn{}}, nil
}

// HandleChanged is another handle. Claim is the stream that holds it; the one
// that held the old one may be the same.
type HandleChanged struct {
	Handle string `json:"handle" seal:"personal"`
	Claim  string `json:"claim"`
}

// EmailChangeWithdrawn says that no link or code proves an address any more:
// the account keeps the one it has, or another change has begun elsewhere.
type EmailChangeWithdrawn struct{}

func (a *Account) applyHandleChanged(d HandleChanged) { a.Handle, a.HandleClaim = d.Handle, d.Claim }
