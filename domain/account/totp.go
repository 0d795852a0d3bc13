package account

import (
	"slices"
	"time"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

// Faults of second factors.
var (
	ErrOTPWrong         = fault.New(fault.Unauthorized, "session.otp_wrong", "This code is not valid, or was used before.")
	ErrTOTPEnabled      = fault.New(fault.Conflict, "totp.enabled", "There is an authenticator app already; please remove it first.")
	ErrTOTPNotRequested = fault.New(fault.Conflict, "totp.not_requested", "There is no new authenticator app to be confirmed.")
)

// totpEvents are this file's part of the catalogue.
var totpEvents = []event.Definition{
	event.Of[TOTPRequested]("account.totp_requested.v1", event.People, nil),
	event.Of[TOTPEnabled]("account.totp_enabled.v1", event.People, nil),
	event.Of[TOTPUsed]("account.totp_used.v1", event.People, nil),
	event.Of[RecoveryCodeUsed]("account.recovery_code_used.v1", event.People, nil),
	event.Of[TOTPDisabled]("account.totp_disabled.v1", event.People, nil),
}

// TOTPRequested is a new secret (RFC 6238) that is not in force yet, in the
// place of any before it.
type TOTPRequested struct {
	Secret []byte `json:"secret" seal:"secret"`
}

// TOTPEnabled puts the newest secret in force: somebody has shown a code of it.
type TOTPEnabled struct {
	Step     int64    `json:"step"`                   // of that code, which is used by it
	Recovery [][]byte `json:"recovery" seal:"secret"` // hashes of the recovery codes
}

// TOTPUsed is a code that was taken. No code of its step is taken again.
type TOTPUsed struct {
	Step int64 `json:"step"` // periods of 30 s since 1970
}

// RecoveryCodeUsed is a recovery code that was taken in the place of one.
type RecoveryCodeUsed struct {
	Index int `json:"index"` // in TOTPEnabled.Recovery, from 0
}

// TOTPDisabled ends the second factor, its recovery codes too.
type TOTPDisabled struct{}

// TOTPSkew is how many steps before and after its own a code is taken.
const TOTPSkew = 1

// totp is the second factor: a secret that is in force, or one that waits for
// its first code.
type totp struct {
	pending  []byte
	made     time.Time // when pending was
	enabled  bool
	secret   []byte
	used     []int64  // the steps that can still come up, ascending; at most 2*TOTPSkew+1
	recovery [][]byte // hashes; nil where one was used
}

func (f *totp) apply(e event.Decoded) {
	switch d := e.Payload.(type) {
	case TOTPRequested:
		f.pending, f.made = d.Secret, e.Time
	case TOTPEnabled:
		*f = totp{enabled: true, secret: f.pending, recovery: slices.Clone(d.Recovery)}
		f.use(d.Step)
	case TOTPUsed:
		f.use(d.Step)
	case RecoveryCodeUsed:
		if d.Index < len(f.recovery) { // none where the key is gone
			f.recovery[d.Index] = nil
		}
	case TOTPDisabled:
		*f = totp{}
	}
}

func (f *totp) use(step int64) {
	f.used = append(f.used, step)
	slices.Sort(f.used)
	f.used = slices.DeleteFunc(f.used, func(s int64) bool { return s < f.oldest() })
}

// oldest is the first step that may still be new: what lies before it is only
// taken for new by a clock that is behind.
func (f *totp) oldest() int64 {
	if len(f.used) == 0 {
		return 0
	}
	return f.used[len(f.used)-1] - 2*TOTPSkew
}

// fresh says whether no code of that step was taken.
func (f *totp) fresh(step int64) bool { return step >= f.oldest() && !slices.Contains(f.used, step) }

// OTP is what somebody gives as a second factor.
type OTP struct {
	// Steps are those of which it is the code with that secret: none, one, and
	// more only by chance.
	Steps func(secret []byte) []int64
	// Recovery is its hash as a recovery code; nil: it is none by its form.
	Recovery []byte
}

// take finds out what of the factor a code uses up. Errors: ErrOTPWrong.
func (f *totp) take(code OTP) (event.Data, error) {
	for _, step := range code.Steps(f.secret) {
		if f.fresh(step) {
			return TOTPUsed{Step: step}, nil
		}
	}
	found := -1
	for i, hash := range f.recovery { // all of them, whichever it is
		if matches(hash, code.Recovery) {
			found = i
		}
	}
	if found < 0 {
		return nil, ErrOTPWrong
	}
	return RecoveryCodeUsed{Index: found}, nil
}

// HasTOTP says whether a second factor is in force.
func (a *Account) HasTOTP() bool { return a.totp.enabled }

// RecoveryCodes is how many recovery codes are left.
func (a *Account) RecoveryCodes() int {
	n := 0
	for _, hash := range a.totp.recovery {
		if hash != nil {
			n++
		}
	}
	return n
}

// RequestTOTP notes a new secret; one that was not confirmed is dead from here
// on. Errors: ErrTOTPEnabled.
func (a *Account) RequestTOTP(secret []byte) ([]event.Data, error) {
	switch {
	case !a.Exists():
		return nil, fault.ErrNotFound
	case a.totp.enabled:
		return nil, ErrTOTPEnabled
	}
	return []event.Data{TOTPRequested{Secret: secret}}, nil
}

// EnableTOTP puts the newest secret in force by a code of it, unless it was made
// before since. Errors: ErrTOTPEnabled, ErrTOTPNotRequested, ErrOTPWrong.
func (a *Account) EnableTOTP(code OTP, recovery [][]byte, since time.Time) ([]event.Data, error) {
	switch {
	case !a.Exists():
		return nil, fault.ErrNotFound
	case a.totp.enabled:
		return nil, ErrTOTPEnabled
	case len(a.totp.pending) == 0, a.totp.made.Before(since):
		return nil, ErrTOTPNotRequested
	}
	steps := code.Steps(a.totp.pending)
	if len(steps) == 0 {
		return nil, ErrOTPWrong
	}
	return []event.Data{TOTPEnabled{Step: steps[0], Recovery: recovery}}, nil
}

// PassTOTP uses a code or recovery code up; without a second factor there is
// nothing to pass. Errors: ErrOTPWrong.
func (a *Account) PassTOTP(code OTP) ([]event.Data, error) {
	switch {
	case !a.Exists():
		return nil, fault.ErrNotFound
	case !a.totp.enabled:
		return nil, nil
	}
	used, err := a.totp.take(code)
	if err != nil {
		return nil, err
	}
	return []event.Data{used}, nil
}

// DisableTOTP ends the second factor by a code or a recovery code.
// Errors: fault.ErrNotFound where there is none, ErrOTPWrong.
func (a *Account) DisableTOTP(code OTP) ([]event.Data, error) {
	if !a.Exists() || !a.totp.enabled {
		return nil, fault.ErrNotFound
	}
	if _, err := a.totp.take(code); err != nil {
		return nil, err
	}
	return []event.Data{TOTPDisabled{}}, nil
}
