package account

import (
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

// proofEvents are about passwords, and about names that change.
var proofEvents = []event.Definition{
	event.Of[PasswordResetRequested]("account.password_reset_requested.v1", event.People, nil),
	event.Of[PasswordChanged]("account.password_changed.v1", event.People, nil),
	event.Of[EmailChangeWithdrawn]("account.email_change_withdrawn.v1", event.People, nil),
	event.Of[HandleChanged]("account.handle_changed.v1", event.People, nil),
}

// Faults of passwords.
var (
	ErrReset         = fault.New(fault.Invalid, "reset.invalid", "This link is not valid any more.")
	ErrWrongPassword = fault.New(fault.Forbidden, "account.wrong_password", "This is not your password.", fault.Field("current", "wrong"))
)

// PasswordResetRequested is a mail with a link that sets a new password; every
// earlier one is dead from here on. The hash is SHA-256.
type PasswordResetRequested struct {
	Claim     string    `json:"claim"` // of the address that it went to
	TokenHash []byte    `json:"tokenHash" seal:"secret"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// PasswordChanged is a new password, set by whoever knew the old one, or had
// the link of a mail.
type PasswordChanged struct {
	PasswordHash string `json:"passwordHash" seal:"secret"` // PHC string
	Reset        bool   `json:"reset"`                      // by the link
}

// reset is the newest mail that may set a password.
type reset struct {
	claim   string
	token   []byte
	expires time.Time
}

// RequestReset notes that a link is on its way to the account's address.
// Nothing is said where it has none.
func (a *Account) RequestReset(tokenHash []byte, expires time.Time) []event.Data {
	if !a.Exists() || a.EmailClaim == "" {
		return nil
	}
	return []event.Data{PasswordResetRequested{Claim: a.EmailClaim, TokenHash: tokenHash, ExpiresAt: expires}}
}

// MayReset says whether the link of the newest mail is still good, and this is
// it. Errors: ErrReset.
func (a *Account) MayReset(tokenHash []byte, now time.Time) error {
	if !a.Exists() || !now.Before(a.reset.expires) || !matches(a.reset.token, tokenHash) {
		return ErrReset
	}
	return nil
}

// ResetPassword uses the link. It ends every session and any change of address
// that is under way, which may be somebody else's; and it proves the address,
// as nobody else could read the link. Where it was not proven before, whoever
// signed up may have been somebody else, who keeps no way in. Errors: ErrReset.
func (a *Account) ResetPassword(tokenHash []byte, hash string, now time.Time) ([]event.Data, error) {
	if err := a.MayReset(tokenHash, now); err != nil {
		return nil, err
	}
	events := a.setPassword(PasswordChanged{PasswordHash: hash, Reset: true}, uuid.Nil)
	if !a.EmailVerified {
		events = append(events, EmailVerified{Email: a.Email, Claim: a.EmailClaim})
		events = append(events, a.dropWays()...)
	}
	return events, nil
}

// ChangePassword replaces the password whose hash is proven, and ends every
// session but keep. Errors: ErrWrongPassword where it was changed meanwhile.
func (a *Account) ChangePassword(proven, hash string, keep uuid.UUID) ([]event.Data, error) {
	switch {
	case !a.Exists():
		return nil, fault.ErrNotFound
	case a.PasswordHash != proven:
		return nil, ErrWrongPassword
	}
	return a.setPassword(PasswordChanged{PasswordHash: hash}, keep), nil
}

func (a *Account) setPassword(d PasswordChanged, keep uuid.UUID) []event.Data {
	events := append([]event.Data{d}, a.EndSessions(keep)...)
	if _, changing := a.EmailChange(); changing != "" {
		events = append(events, EmailChangeWithdrawn{})
	}
	return events
}

func (a *Account) applyPasswordChanged(d PasswordChanged) {
	a.PasswordHash, a.reset = d.PasswordHash, reset{}
}
