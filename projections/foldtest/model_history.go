package foldtest

import "github.com/parleyhq/parley/domain/account"

// foldTold keeps what became of the ways into an account, before anything else
// is folded.
func (m *Model) foldTold(e Event) {
	tell := func(kind string) { m.told[e.ID] = told{e.thing(), kind, "", "", e.Time} }
	switch d := e.Data.(type) {
	case account.PasswordChanged:
		tell(map[bool]string{true: "password_reset", false: "password_changed"}[d.Reset])
	case account.EmailVerified:
		if m.accounts[e.thing()].claim != d.Claim {
			tell("email_changed")
		}
	case account.HandleChanged:
		tell("handle_changed")
	case account.TOTPEnabled:
		tell("totp_enabled")
	case account.TOTPDisabled:
		tell("totp_disabled")
	case account.RecoveryCodeUsed:
		tell("recovery_code_used")
	case account.PasskeyAdded:
		tell("passkey_added")
	case account.PasskeyRefused:
		tell("passkey_refused")
	case account.PasskeyRemoved:
		tell("passkey_removed")
	case account.IdentityLinked:
		tell("identity_linked")
	case account.IdentityUnlinked:
		tell("identity_unlinked")
	case account.Suspended:
		tell("suspended")
	case account.SuspensionLifted:
		tell("suspension_lifted")
	}
}
