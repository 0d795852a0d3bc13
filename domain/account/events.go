package account

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// Events is this package's part of the catalogue. Names and JSON are frozen.
var Events = slices.Concat([]event.Definition{
	event.Of[Registered]("account.registered.v1", event.People, nil),
	event.Of[Voided]("account.voided.v1", event.People, nil),
	event.Of[ClaimVoided]("account.claim_voided.v1", event.People, nil),
	event.Of[VerificationRequested]("account.verification_requested.v1", event.People, nil),
	event.Of[VerificationFailed]("account.verification_failed.v1", event.People, nil),
	event.Of[EmailVerified]("account.email_verified.v1", event.People, nil),
	event.Of[ProfileChanged]("account.profile_changed.v1", event.People, nil),
	event.Of[SessionsEnded]("account.sessions_ended.v1", event.People, nil),
	event.Of[RoleGranted]("account.role_granted.v1", event.People, nil),
	event.Of[RoleRevoked]("account.role_revoked.v1", event.People, nil),
	event.Of[Suspended]("account.suspended.v1", event.People, nil),
	event.Of[SuspensionLifted]("account.suspension_lifted.v1", event.People, nil),
	event.Of("email.claimed.v1", event.People, func(d EmailClaimed) string { return d.Account.String() }),
	event.Of("email.released.v1", event.People, func(d EmailReleased) string { return d.Account.String() }),
	event.Of("handle.claimed.v1", event.People, func(d HandleClaimed) string { return d.Account.String() }),
	event.Of("handle.released.v1", event.People, func(d HandleReleased) string { return d.Account.String() }),
	event.Of("setup.completed.v1", event.People, func(d SetupCompleted) string { return d.Account.String() }),
	event.Of("setup.released.v1", event.People, func(d SetupReleased) string { return d.Account.String() }),
}, totpEvents, passkeyEvents, proofEvents, settingsEvents, identityEvents)

// Roles that an account may have. Moderators are a board's affair.
const (
	Member        = "member"
	Administrator = "administrator"
)

// Registered is a sign-up that came through. The claims are the names of the
// streams that hold the email address and the handle for this account.
type Registered struct {
	Email        string   `json:"email" seal:"personal"`
	EmailClaim   string   `json:"emailClaim"`
	Handle       string   `json:"handle" seal:"personal"`
	HandleClaim  string   `json:"handleClaim"`
	DisplayName  string   `json:"displayName" seal:"personal"`
	PasswordHash string   `json:"passwordHash,omitzero" seal:"secret"` // PHC string; empty: no password
	Roles        []string `json:"roles"`
}

// Voided says that a sign-up was abandoned: this account will never be.
type Voided struct{}

// ClaimVoided says that the account lost a claim to somebody else: an address
// that was not verified in time.
type ClaimVoided struct {
	Claim string `json:"claim"` // name of the claim's stream
}

// VerificationRequested is a mail with a link and a code; every earlier one is
// dead from here on. Hashes are SHA-256.
type VerificationRequested struct {
	Email     string    `json:"email" seal:"personal"`
	Claim     string    `json:"claim"` // of that address
	TokenHash []byte    `json:"tokenHash" seal:"secret"`
	CodeHash  []byte    `json:"codeHash" seal:"secret"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// VerificationFailed is one wrong code.
type VerificationFailed struct{}

// EmailVerified is a proof that was used.
type EmailVerified struct {
	Email string `json:"email" seal:"personal"`
	Claim string `json:"claim"` // of that address
}

// ProfileChanged holds what was changed alone. An Avatar or Banner of
// uuid.Nil takes the picture away; Links are replaced as a whole.
type ProfileChanged struct {
	DisplayName *string    `json:"displayName,omitzero" seal:"personal"`
	Bio         *string    `json:"bio,omitzero" seal:"personal"`
	Signature   *string    `json:"signature,omitzero" seal:"personal"`
	Links       *[]Link    `json:"links,omitzero" seal:"personal"`
	Avatar      *uuid.UUID `json:"avatar,omitzero"`
	Banner      *uuid.UUID `json:"banner,omitzero"`
}

// Link is one address in a profile.
type Link struct {
	Kind string `json:"kind"` // facebook, instagram, twitter, other
	Name string `json:"name,omitzero"`
	URL  string `json:"url"` // http or https
}

// SessionsEnded ends every session of an epoch before Epoch but Keep.
type SessionsEnded struct {
	Epoch uint64    `json:"epoch"`
	Keep  uuid.UUID `json:"keep,omitzero"`
}

// RoleGranted gives a role. By is uuid.Nil where the operator did it.
type RoleGranted struct {
	Role string    `json:"role"`
	By   uuid.UUID `json:"by,omitzero"`
}

// RoleRevoked takes a role back. By is uuid.Nil where the operator did it.
type RoleRevoked struct {
	Role   string    `json:"role"`
	By     uuid.UUID `json:"by,omitzero"`
	Reason string    `json:"reason" seal:"personal"`
}

// EmailClaimed gives an address to an account, whoever had it before.
type EmailClaimed struct {
	Account uuid.UUID `json:"account"`
}

// EmailReleased frees an address.
type EmailReleased struct {
	Account uuid.UUID `json:"account"` // who had it
}

// HandleClaimed gives a handle, and all that look like it, to an account,
// whoever had it before.
type HandleClaimed struct {
	Account uuid.UUID `json:"account"`
}

// HandleReleased frees a handle.
type HandleReleased struct {
	Account uuid.UUID `json:"account"` // who had it
}

// SetupCompleted names the first administrator.
type SetupCompleted struct {
	Account uuid.UUID `json:"account"`
}

// SetupReleased says that the first administrator's sign-up was refused.
type SetupReleased struct {
	Account uuid.UUID `json:"account"`
}
