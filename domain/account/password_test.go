package account_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

var (
	mailed = account.PasswordResetRequested{Claim: "email-a", TokenHash: []byte("token"), ExpiresAt: at.Add(10 * time.Minute)}
	sought = account.VerificationRequested{
		Email: "new@example.org", Claim: "email-b", TokenHash: []byte("other"), CodeHash: []byte("code"), ExpiresAt: at.Add(15 * time.Minute),
	}
	linkedIn = account.IdentityLinked{Provider: "p", Claim: "identity-a"}
	keyed    = account.PasskeyAdded{Passkey: uuid.UUID{5}, Claim: "passkey-a"}
	moved    = account.EmailVerified{Email: "new@example.org", Claim: "email-b"}
)

// A5: the newest link, once, in time, of the address that the account has.
func TestResetPassword(t *testing.T) {
	t.Parallel()
	newer := mailed
	newer.TokenHash = []byte("newer")
	set, ended := account.PasswordChanged{PasswordHash: "$new", Reset: true}, account.SessionsEnded{Epoch: 1}
	for name, c := range map[string]struct {
		given []event.Data
		token string
		after time.Duration
		want  []event.Data
		err   error
	}{
		"right":              {[]event.Data{registered, verified, mailed}, "token", 9 * time.Minute, []event.Data{set, ended}, nil},
		"proves the address": {[]event.Data{registered, requested, mailed}, "token", 0, []event.Data{set, ended, verified}, nil},
		"leaves a squatter no way in": {
			[]event.Data{registered, requested, linkedIn, keyed, mailed, account.TOTPRequested{Secret: []byte("s")}}, "token", 0,
			[]event.Data{
				set, ended, verified, account.IdentityUnlinked{Provider: "p", Claim: "identity-a"},
				account.PasskeyRemoved{Passkey: keyed.Passkey}, account.TOTPDisabled{},
			}, nil,
		},
		"leaves the owner's ways": {[]event.Data{registered, verified, linkedIn, keyed, mailed}, "token", 0, []event.Data{set, ended}, nil},
		"ends a change of it":     {[]event.Data{registered, verified, sought, mailed}, "token", 0, []event.Data{set, ended, account.EmailChangeWithdrawn{}}, nil},
		"wrong":                   {[]event.Data{registered, verified, mailed}, "other", 0, nil, account.ErrReset},
		"empty":                   {[]event.Data{registered, verified}, "", 0, nil, account.ErrReset},
		"old":                     {[]event.Data{registered, verified, mailed}, "token", 10 * time.Minute, nil, account.ErrReset},
		"used":                    {[]event.Data{registered, verified, mailed, set, ended}, "token", 0, nil, account.ErrReset},
		"replaced":                {[]event.Data{registered, verified, mailed, newer}, "token", 0, nil, account.ErrReset},
		"the newer":               {[]event.Data{registered, verified, mailed, newer}, "newer", 0, []event.Data{set, ended}, nil},
		"of the old address":      {[]event.Data{registered, verified, sought, mailed, moved}, "token", 0, nil, account.ErrReset},
		"of a lost address":       {[]event.Data{registered, mailed, lost}, "token", 0, nil, account.ErrReset},
		"changed by hand":         {[]event.Data{registered, verified, mailed, account.PasswordChanged{PasswordHash: "$x"}}, "token", 0, nil, account.ErrReset},
		"of a mail to verify":     {[]event.Data{registered, requested}, "token", 0, nil, account.ErrReset},
		"nobody":                  {nil, "token", 0, nil, account.ErrReset},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := given(c.given...).ResetPassword([]byte(c.token), "$new", at.Add(c.after))
			then(t, got, err, c.want, c.err)
		})
	}
	then(t, given(registered).RequestReset(mailed.TokenHash, mailed.ExpiresAt), nil, []event.Data{mailed}, nil)
	then(t, given(registered, lost).RequestReset(mailed.TokenHash, mailed.ExpiresAt), nil, nil, nil)
	then(t, given().RequestReset(mailed.TokenHash, mailed.ExpiresAt), nil, nil, nil)
}

// A6: the password that was proven is still the one.
func TestChangePassword(t *testing.T) {
	t.Parallel()
	keep := uuid.UUID{1}
	set, ended := account.PasswordChanged{PasswordHash: "$new"}, account.SessionsEnded{Epoch: 1, Keep: keep}
	got, err := given(registered, verified).ChangePassword("$hash", "$new", keep)
	then(t, got, err, []event.Data{set, ended}, nil)
	got, err = given(registered, verified, sought).ChangePassword("$hash", "$new", keep)
	then(t, got, err, []event.Data{set, ended, account.EmailChangeWithdrawn{}}, nil)
	a := given(registered, verified, set, ended)
	if a.PasswordHash != "$new" || !a.Over(uuid.UUID{2}, 0) || a.Over(keep, 0) {
		t.Errorf("%+v", a)
	}
	got, err = a.ChangePassword("$hash", "$newer", keep)
	then(t, got, err, nil, account.ErrWrongPassword)
	got, err = given().ChangePassword("", "$new", keep)
	then(t, got, err, nil, fault.ErrNotFound)
}

// A6: an address stays the old one until the new one is proven, by the newest
// mail alone.
func TestChangeEmail(t *testing.T) {
	t.Parallel()
	a := given(registered, verified)
	got, err := a.ChangeEmail(sought, a.Naming())
	then(t, got, err, []event.Data{sought}, nil)
	begun := a.Naming()
	a = given(registered, verified, sought)
	if email, claim := a.EmailChange(); email != sought.Email || claim != sought.Claim || a.Email != registered.Email || !a.EmailVerified {
		t.Errorf("under way: %s %s %+v", email, claim, a)
	}
	if !a.Seeks("email-b", at) || a.Seeks("email-b", sought.ExpiresAt) || a.Seeks("email-a", at) || a.Names("email-b") {
		t.Error("what it seeks")
	}
	got, err = a.ChangeEmail(sought, begun)
	then(t, got, err, nil, account.ErrSuperseded)
	got, err = a.VerifyToken([]byte("other"), at)
	then(t, got, err, []event.Data{moved}, nil)
	got, err = a.RequestVerification([]byte("other"), []byte("code"), sought.ExpiresAt)
	then(t, got, err, []event.Data{sought}, nil)
	got, err = a.WithdrawEmail(false)
	then(t, got, err, []event.Data{account.EmailChangeWithdrawn{}}, nil)

	a = given(registered, verified, sought, moved)
	if a.Email != sought.Email || !a.Names("email-b") || a.Names("email-a") {
		t.Errorf("after it: %+v", a)
	}
	got, err = a.WithdrawEmail(false)
	then(t, got, err, nil, nil)
	got, err = a.WithdrawEmail(true)
	then(t, got, err, []event.Data{account.EmailChangeWithdrawn{}}, nil)
	for _, over := range []event.Data{account.EmailChangeWithdrawn{}, account.ClaimVoided{Claim: "email-b"}} {
		a = given(registered, verified, sought, over)
		got, err = a.VerifyToken([]byte("other"), at)
		then(t, got, err, nil, account.ErrVerification)
		if email, _ := a.EmailChange(); email != "" || a.Email != registered.Email {
			t.Errorf("after %T: %+v", over, a)
		}
	}
}

// A6, invariant 3: a change of handle holds for the names that it saw.
func TestChangeHandle(t *testing.T) {
	t.Parallel()
	other, spelled := account.HandleChanged{Handle: "bob", Claim: "handle-b"}, account.HandleChanged{Handle: "4da", Claim: "handle-a"}
	a := given(registered)
	begun := a.Naming()
	got, err := a.ChangeHandle("bob", "handle-b", begun)
	then(t, got, err, []event.Data{other}, nil)
	got, err = a.ChangeHandle("4da", "handle-a", begun)
	then(t, got, err, []event.Data{spelled}, nil)
	got, err = a.ChangeHandle("ada", "handle-a", begun)
	then(t, got, err, nil, nil)
	for _, between := range [][]event.Data{
		{account.ClaimVoided{Claim: "handle-b"}}, {other}, {other, account.HandleChanged{Handle: "ada", Claim: "handle-a"}},
	} {
		got, err = given(append([]event.Data{registered}, between...)...).ChangeHandle("bob", "handle-b", begun)
		then(t, got, err, nil, account.ErrSuperseded)
	}
	a = given(registered, other)
	if a.Handle != "bob" || !a.Names("handle-b") || a.Names("handle-a") {
		t.Errorf("%+v", a)
	}
	got, err = given().ChangeHandle("bob", "handle-b", 0)
	then(t, got, err, nil, fault.ErrNotFound)
}
