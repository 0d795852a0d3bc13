package account

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

// Faults of accounts.
var (
	ErrEmailTaken  = fault.New(fault.Conflict, "account.email_taken", "That email address is taken.", fault.Field("email", "taken"))
	ErrHandleTaken = fault.New(fault.Conflict, "account.handle_taken", "That handle is taken.", fault.Field("handle", "taken"))
	ErrAbandoned   = fault.New(fault.Conflict, "account.abandoned", "This sign-up took too long; please begin again.")
	ErrSelf        = fault.New(fault.Invalid, "account.self", "You cannot do this to yourself.")
)

// Account is the state of the stream account-<id>. Its size is bounded by the
// bounds of the fields, and by how many reports it was suspended for.
type Account struct {
	Registered bool
	Voided     bool

	Email         string // as it was given; empty when lost
	EmailClaim    string // stream that holds it; empty when lost
	EmailVerified bool
	Handle        string // folded
	HandleClaim   string
	PasswordHash  string
	Roles         []string

	Epoch uint64    // sessions of an older epoch are over …
	Keep  uuid.UUID // … but this one

	Profile  Profile
	Settings Settings
	Openings uint64    // how often it switched the approval of followers off
	Version  uuid.UUID // newest event that changed what the account shows

	verification verification
	suspensions  suspensions
	totp         totp
	passkeys     passkeys
	reset        reset
	naming       Naming // how often what it holds by claims changed
	identities   identities
}

// New is an account that never was.
func New() *Account { return &Account{Settings: DefaultSettings()} }

// Stream is the name of an account's stream.
func Stream(id uuid.UUID) string { return event.StreamName("account", id.String()) }

// Exists says whether there is such an account for others.
func (a *Account) Exists() bool { return a.Registered && !a.Voided }

// SetupStream is the claim on being the first administrator.
const SetupStream = "setup-administrator"

// Names says whether the account, which claimed the name that the stream claim
// holds, owns it. Who claimed to be the first administrator is it by existing.
func (a *Account) Names(claim string) bool {
	return a.Exists() && (a.EmailClaim == claim || a.HandleClaim == claim || claim == SetupStream || a.passkeys.names(claim) || a.identities.names(claim))
}

// Has says whether the account has a role.
func (a *Account) Has(role string) bool { return a.Exists() && slices.Contains(a.Roles, role) }

// Over says whether a session of that epoch was ended together with all.
func (a *Account) Over(session uuid.UUID, epoch uint64) bool {
	return !a.Exists() || (epoch < a.Epoch && session != a.Keep)
}

// Apply folds one event in.
func (a *Account) Apply(e event.Decoded) {
	held := a.claims()
	defer func() {
		if a.claims() != held {
			a.naming++
		}
	}()
	switch d := e.Payload.(type) {
	case Registered:
		a.Registered = true
		a.Email, a.EmailClaim = d.Email, d.EmailClaim
		a.Handle, a.HandleClaim = d.Handle, d.HandleClaim
		a.PasswordHash, a.Roles = d.PasswordHash, slices.Clone(d.Roles)
		a.Profile.DisplayName = d.DisplayName
		a.Version = e.ID
	case Voided:
		a.Voided = true
	case ClaimVoided:
		a.applyClaimVoided(d, e.ID)
	case VerificationRequested:
		a.verification = verification{claim: d.Claim, email: d.Email, token: d.TokenHash, code: d.CodeHash, expires: d.ExpiresAt}
	case VerificationFailed:
		a.verification.wrong++
	case EmailVerified:
		if a.reset.claim != d.Claim { // it went to another address
			a.reset = reset{}
		}
		a.Email, a.EmailClaim, a.EmailVerified = d.Email, d.Claim, true
		a.verification = verification{}
		a.Version = e.ID
	case EmailChangeWithdrawn:
		a.verification = verification{}
	case HandleChanged:
		a.applyHandleChanged(d)
		a.Version = e.ID
	case SettingsChanged:
		a.applySettings(d)
		a.Version = e.ID
	case PasswordResetRequested:
		a.reset = reset{claim: d.Claim, token: d.TokenHash, expires: d.ExpiresAt}
	case PasswordChanged:
		a.applyPasswordChanged(d)
	case ProfileChanged:
		a.Profile.apply(d)
		a.Version = e.ID
	case SessionsEnded:
		a.Epoch, a.Keep = d.Epoch, d.Keep
	case Suspended, SuspensionLifted:
		a.suspensions = a.suspensions.apply(e)
	case RoleGranted:
		if !slices.Contains(a.Roles, d.Role) {
			a.Roles = append(a.Roles, d.Role)
		}
		a.Version = e.ID
	case RoleRevoked:
		a.Roles = slices.DeleteFunc(slices.Clone(a.Roles), func(role string) bool { return role == d.Role })
		a.Version = e.ID
	case TOTPRequested, TOTPEnabled, TOTPUsed, RecoveryCodeUsed, TOTPDisabled:
		a.totp.apply(e)
	case PasskeyUsed:
		a.passkeys.apply(e)
	case PasskeyAdded, PasskeyRemoved:
		a.passkeys.apply(e)
		a.naming++
	case IdentityLinked, IdentityUnlinked:
		a.identities.apply(e)
		a.naming++
	}
}

func (a *Account) applyClaimVoided(d ClaimVoided, id uuid.UUID) {
	a.naming++ // also where it was not named yet: the change that claimed it is too late
	if a.reset.claim == d.Claim {
		a.reset = reset{}
	}
	if a.Names(d.Claim) {
		a.Version = id
	}
	a.identities.drop(d.Claim)
	if a.verification.claim == d.Claim {
		a.verification = verification{}
	}
	if a.EmailClaim == d.Claim {
		a.Email, a.EmailClaim, a.EmailVerified = "", "", false
	}
	if a.HandleClaim == d.Claim {
		a.Handle, a.HandleClaim = "", ""
	}
}

// Register makes the account, and says then of it: that a mail was sent, or
// who vouches for it. The same sign-up again says nothing.
// Errors: ErrAbandoned when a claim of it was taken over meanwhile.
func (a *Account) Register(r Registered, then ...event.Data) ([]event.Data, error) {
	switch {
	case a.Voided:
		return nil, ErrAbandoned
	case a.Registered && a.EmailClaim == r.EmailClaim && a.HandleClaim == r.HandleClaim:
		return nil, nil
	case a.Registered:
		return nil, ErrAbandoned
	}
	return append([]event.Data{r}, then...), nil
}

// Fence makes sure that the account does not own the name that the stream
// claim holds, unless it claims it anew: who then takes the name is its only
// owner. ok is false when the account owns it by right: its sign-up came
// through, and it is no address that stayed unverified until lapsed; or it is
// an address that the account changes to, with a proof that is good at now.
//
// Claims are given before the account names them, so a claimant that stalled
// meets Voided, or another Naming, when it goes on.
func (a *Account) Fence(claim string, lapsed bool, now time.Time) (events []event.Data, ok bool) {
	switch {
	case !a.Names(claim) && a.Seeks(claim, now):
		return nil, false
	case a.Voided:
		return nil, true
	case !a.Registered:
		return []event.Data{Voided{}}, true
	case !a.Names(claim), a.EmailClaim == claim && !a.EmailVerified && lapsed:
		return []event.Data{ClaimVoided{Claim: claim}}, true
	}
	return nil, false
}

// EndSessions ends every session but keep (uuid.Nil: every one).
func (a *Account) EndSessions(keep uuid.UUID) []event.Data {
	return []event.Data{SessionsEnded{Epoch: a.Epoch + 1, Keep: keep}}
}

// Grant gives a role; nothing is said where the account has it.
func (a *Account) Grant(role string, by uuid.UUID) ([]event.Data, error) {
	switch {
	case !a.Exists():
		return nil, fault.ErrNotFound
	case a.Has(role):
		return nil, nil
	}
	return []event.Data{RoleGranted{Role: role, By: by}}, nil
}

// Revoke takes a role back; nothing is said where the account has it not.
func (a *Account) Revoke(role string, by uuid.UUID, reason string) ([]event.Data, error) {
	switch {
	case !a.Exists():
		return nil, fault.ErrNotFound
	case !a.Has(role):
		return nil, nil
	}
	return []event.Data{RoleRevoked{Role: role, By: by, Reason: reason}}, nil
}
