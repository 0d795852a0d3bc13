package acceptance

import (
	"slices"
	"testing"
	"time"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// S4: the history tells what became of sign-ins, newest first and in pages,
// to nobody else; a session was last seen when it was last used.
func TestS4_History(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--session-history=5", "--last-seen-every=100ms"))
	ada := s.NewPerson("ada")
	s.NewPerson("eve")
	second := s.SignIn(ada.Account.Handle)
	second.Delete("/v1/sessions/current").Want(204)
	s.SignIn(ada.Account.Handle)
	ada.Delete("/v1/sessions?keep=current").Want(204)
	var kinds []any
	for path := "/v1/me/history?limit=2"; path != ""; {
		a := ada.Get(path).Want(200)
		for _, e := range a.Items() {
			kinds = append(kinds, e["kind"])
		}
		if path = ""; a.Next() != "" {
			path = "/v1/me/history?limit=2&cursor=" + a.Next()
		}
	}
	if want := []any{"ended", "signed_in", "signed_out", "signed_in", "signed_in"}; !slices.Equal(kinds, want) {
		t.Errorf("%v, want %v", kinds, want)
	}
	s.SignIn(ada.Account.Handle)
	if told := ada.Get("/v1/me/history").Want(200).Items(); len(told) != 5 || told[4]["kind"] != "signed_in" || told[3]["kind"] != "signed_out" {
		t.Errorf("more than the newest five: %v", told)
	}
	s.Client().Get("/v1/me/history").Want(401, "auth.missing")
	ada.Get("/v1/me/history?cursor=x").Want(400, "list.cursor")
	ada.Get("/v1/me/history?limit=0").Want(422)

	seen := func() time.Time {
		for _, one := range ada.Get("/v1/sessions").Want(200).Items() {
			if one["current"] == true {
				at, err := time.Parse(time.RFC3339Nano, one["lastSeenAt"].(string))
				if err != nil {
					t.Fatal(err)
				}
				return at
			}
		}
		t.Fatal("the session is not listed")
		return time.Time{}
	}
	first := seen()
	s.Eventually("a later use to be seen", func() bool { return seen().After(first) })
}

// A6, A10, A12: it tells what became of the ways in, too; from where is not
// known there.
func TestS4_HistoryOfWaysIn(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	admin, ada := s.Admin(), s.NewPerson("ada")
	want := []any{"signed_in"}
	then := func(kinds ...any) { want = append(want, kinds...) }

	ada.Put("/v1/me/password", body{"current": harness.Password, "password": newPassword}).Want(200)
	then("password_changed", "ended")
	handle := harness.NewHandle("ada_too")
	ada.Put("/v1/me/handle", body{"handle": handle}).Want(200)
	then("handle_changed")
	email := handle + "@example.net"
	ada.Put("/v1/me/email", body{"current": newPassword, "email": email}).Want(200)
	ada.Put("/v1/email-verifications", body{"token": s.Mail(email).Token}).Want(204)
	then("email_changed")
	var made newTOTP
	ada.Post("/v1/me/totp", nil).Want(200).Into(&made)
	var codes struct{ RecoveryCodes []string }
	ada.Put("/v1/me/totp", body{"code": appCode(t, made.Secret, 0)}).Want(200).Into(&codes)
	then("totp_enabled")
	second := s.Client()
	second.Position = ada.Position
	second.Post("/v1/sessions", body{"login": handle, "password": newPassword, "otp": codes.RecoveryCodes[0]}).Want(201)
	then("recovery_code_used", "signed_in")
	ada.Position = second.Position
	ada.Do("DELETE", "/v1/me/totp", body{"code": codes.RecoveryCodes[1]}).Want(204)
	then("totp_disabled")
	key := addPasskey(ada, newDevice(t, s, ada.Account.ID), "phone")
	ada.Delete("/v1/me/passkeys/" + key).Want(204)
	then("passkey_added", "passkey_removed")
	c := s.Client()
	c.Put("/v1/password-resets", body{"token": resetLetter(s, email).Token, "password": harness.Password}).Want(204)
	then("password_reset", "ended")
	c.SignIn(handle, harness.Password).Want(201)
	then("signed_in")
	admin.Put("/v1/accounts/"+ada.Account.ID+"/suspension", body{"reason": "a test"}).Want(204)
	admin.Delete("/v1/accounts/" + ada.Account.ID + "/suspension").Want(204)
	then("suspended", "suspension_lifted")

	c.Position = admin.Position
	told := c.Get("/v1/me/history").Want(200).Items()
	slices.Reverse(told)
	var kinds []any
	for _, e := range told {
		kinds = append(kinds, e["kind"])
		if known := e["device"] != nil && e["network"] != nil; known != (e["kind"] == "signed_in") {
			t.Errorf("where from: %v", e)
		}
	}
	if !slices.Equal(kinds, want) {
		t.Errorf("history %v\nwant    %v", kinds, want)
	}
}
