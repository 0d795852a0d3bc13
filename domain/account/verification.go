package account

import (
	"crypto/subtle"
	"time"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

// ErrVerification is every proof that proves nothing: used, old, unknown.
var ErrVerification = fault.New(fault.Invalid, "verification.invalid", "This link or code is not valid any more.")

// verification is the newest mail that asked for a proof of an address.
type verification struct {
	claim, email string
	token, code  []byte
	expires      time.Time
	wrong        int
}

func (v *verification) open(now time.Time) bool { return v.claim != "" && now.Before(v.expires) }

func matches(hash, proof []byte) bool {
	return len(hash) > 0 && subtle.ConstantTimeCompare(hash, proof) == 1
}

// RequestVerification notes that a new link and code are on their way to the
// address that the account changes to, or else to its own. Nothing is said
// where that is verified, or lost.
func (a *Account) RequestVerification(tokenHash, codeHash []byte, expires time.Time) ([]event.Data, error) {
	if !a.Exists() {
		return nil, fault.ErrNotFound
	}
	email, claim := a.Unproven()
	if claim == "" {
		return nil, nil
	}
	return []event.Data{VerificationRequested{
		Email: email, Claim: claim, TokenHash: tokenHash, CodeHash: codeHash, ExpiresAt: expires,
	}}, nil
}

// Unproven is the address that waits for a proof, and the stream that holds
// it: the one that the account changes to, or its own; empty where none does.
func (a *Account) Unproven() (email, claim string) {
	if email, claim = a.EmailChange(); claim == "" && !a.EmailVerified {
		email, claim = a.Email, a.EmailClaim
	}
	return email, claim
}

// VerifyToken uses the link of the newest mail. Errors: ErrVerification.
func (a *Account) VerifyToken(tokenHash []byte, now time.Time) ([]event.Data, error) {
	if !a.Exists() || !a.verification.open(now) || !matches(a.verification.token, tokenHash) {
		return nil, ErrVerification
	}
	return []event.Data{EmailVerified{Email: a.verification.email, Claim: a.verification.claim}}, nil
}

// VerifyCode uses the code of the newest mail, which went to the address that
// claim holds. wrong says that what is said counts a wrong try: the caller
// answers ErrVerification. After l.VerificationTries of them the code is dead.
// Errors: ErrVerification where nothing is to be said.
func (a *Account) VerifyCode(claim string, codeHash []byte, now time.Time, l Limits) (events []event.Data, wrong bool, err error) {
	v := &a.verification
	if !a.Exists() || !v.open(now) || v.claim != claim || v.wrong >= l.VerificationTries {
		return nil, false, ErrVerification
	}
	if !matches(v.code, codeHash) {
		return []event.Data{VerificationFailed{}}, true, nil
	}
	return []event.Data{EmailVerified{Email: v.email, Claim: v.claim}}, false, nil
}
