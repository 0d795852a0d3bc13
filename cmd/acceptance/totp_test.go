package acceptance

import (
	"bytes"
	"encoding/base64"
	"image/png"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/pquerna/otp/totp"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// appCode is what an authenticator app shows steps of 30 s from now.
func appCode(t *testing.T, secret string, steps int) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, time.Now().Add(time.Duration(steps)*30*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// withOTP signs in by password and code.
func withOTP(c *harness.Client, login, otp string) *harness.Answer {
	return c.Post("/v1/sessions", map[string]any{"login": login, "password": harness.Password, "otp": otp})
}

type newTOTP struct{ Secret, URI, Image string }

// requestTOTP asks for a secret and looks at what comes with it.
func requestTOTP(t *testing.T, c *harness.Client, issuer string) newTOTP {
	t.Helper()
	var made newTOTP
	a := c.Post("/v1/me/totp", nil).Want(200).Into(&made)
	if got := a.Header.Get("Cache-Control"); !strings.Contains(got, "no-store") {
		t.Errorf("Cache-Control %q", got)
	}
	uri, err := url.Parse(made.URI)
	if err != nil || uri.Scheme != "otpauth" || uri.Host != "totp" || uri.Path != "/"+issuer+":"+c.Account.Handle {
		t.Errorf("uri %q %v", made.URI, err)
	}
	if q := uri.Query(); q.Get("secret") != made.Secret || q.Get("issuer") != issuer || len(made.Secret) != 32 {
		t.Errorf("uri %q, secret %q", made.URI, made.Secret)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(made.Image, "data:image/png;base64,"))
	if err != nil {
		t.Fatal(err)
	}
	if picture, err := png.Decode(bytes.NewReader(raw)); err != nil || picture.Bounds().Dx() < 200 {
		t.Errorf("image: %v", err)
	}
	return made
}

// A10: a second factor from its secret to its end.
func TestA10_TOTP(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--totp-issuer=Our Place", "--recovery-codes=5"))
	ada := s.NewPerson("ada")
	login, address := ada.Account.Handle, ada.Account.Handle+"@example.org"
	standing := func(enabled bool, codes float64) {
		t.Helper()
		if m := ada.Get("/v1/me/totp").Want(200).Map(); m["enabled"] != enabled || m["recoveryCodes"] != codes {
			t.Errorf("it stands %v", m)
		}
	}
	told := func(n int, word string) {
		t.Helper()
		s.Eventually("a mail that says "+word, func() bool {
			found := 0
			for _, l := range s.Mails(address) {
				if strings.Contains(l.Subject, word) {
					found++
				}
			}
			return found == n
		})
	}
	ada.Put("/v1/me/totp", map[string]any{"code": "123456"}).Want(409, "totp.not_requested")
	ada.Do("DELETE", "/v1/me/totp", map[string]any{"code": "123456"}).Want(404, "not_found")
	first := requestTOTP(t, ada, "Our Place")
	made := requestTOTP(t, ada, "Our Place")
	if made.Secret == first.Secret {
		t.Error("the same secret twice")
	}
	ada.Put("/v1/me/totp", map[string]any{"code": appCode(t, first.Secret, 0)}).Want(401, "session.otp_wrong")
	standing(false, 0)
	s.SignIn(login) // it is not in force
	var codes struct{ RecoveryCodes []string }
	ada.Put("/v1/me/totp", map[string]any{"code": appCode(t, made.Secret, 0)}).Want(200).Into(&codes)
	if len(codes.RecoveryCodes) != 5 {
		t.Fatalf("recovery codes %v", codes)
	}
	standing(true, 5)
	told(1, "needs a second factor now")
	ada.Post("/v1/me/totp", nil).Want(409, "totp.enabled")
	ada.Put("/v1/me/totp", map[string]any{"code": appCode(t, made.Secret, 0)}).Want(409, "totp.enabled")

	c := s.Client()
	c.SignIn(login, harness.Password).Want(401, "session.otp_required")
	c.SignIn(login, "wrong password").Want(401, "session.bad_credentials")
	c.Post("/v1/sessions", map[string]any{"login": login, "password": "wrong password", "otp": appCode(t, made.Secret, 0)}).Want(401, "session.bad_credentials")
	withOTP(c, login, "000000").Want(401, "session.otp_wrong")
	code := appCode(t, made.Secret, 1)
	withOTP(c, login, code).Want(201)
	withOTP(s.Client(), login, code).Want(401, "session.otp_wrong")
	withOTP(s.Client(), login, codes.RecoveryCodes[2]).Want(201)
	withOTP(s.Client(), login, codes.RecoveryCodes[2]).Want(401, "session.otp_wrong")
	told(1, "recovery code was used")
	s.Eventually("4 codes on every node", func() bool { return ada.Get("/v1/me/totp").Map()["recoveryCodes"] == 4.0 })

	ada.Do("DELETE", "/v1/me/totp", map[string]any{"code": code}).Want(401, "session.otp_wrong")
	ada.Do("DELETE", "/v1/me/totp", map[string]any{"code": codes.RecoveryCodes[0]}).Want(204)
	standing(false, 0)
	told(1, "needs no second factor any more")
	s.SignIn(login)
}

// A10: what is no code is told so.
func TestA10_BadCodes(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	ada := s.NewPerson("ada")
	s.Client().Post("/v1/me/totp", nil).Want(401, "auth.missing")
	made := requestTOTP(t, ada, "Parley")
	for _, body := range []any{map[string]any{}, map[string]any{"code": nil}, map[string]any{"code": 123456}, `[]`, `"x"`} {
		if a := ada.Put("/v1/me/totp", body); a.Status != 422 {
			t.Errorf("%v: %s", body, a)
		}
	}
	ada.Put("/v1/me/totp", map[string]any{"code": "12\u00003456"}).Want(422, "text.invalid")
	ada.Put("/v1/me/totp", "").Want(400, "json.malformed")
	for _, code := range []string{"", " ", "12345", "1234567", "abcdef", "１２３４５６", strings.Repeat("1", 100_000), "-", made.Secret} {
		ada.Put("/v1/me/totp", map[string]any{"code": code}).Want(401, "session.otp_wrong")
	}
	withOTP(s.Client(), ada.Account.Handle, "000000").Want(201) // there is no factor yet
}

// A10: what a stolen session must not do asks for a sign-in that is not old.
func TestA10_RecentSignIn(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--recent-sign-in=1s"))
	ada := s.NewPerson("ada")
	s.Eventually("the sign-in to be old", func() bool { return ada.Post("/v1/me/totp", nil).Error == "session.not_recent" })
	ada.Post("/v1/me/totp", nil).Want(403, "session.not_recent")
	ada.Post("/v1/me/passkeys/challenge", nil).Want(403, "session.not_recent")
	ada.Delete("/v1/me/passkeys/"+uuid.NewString()).Want(403, "session.not_recent")
	s.Eventually("a new sign-in to be new", func() bool { return s.SignIn(ada.Account.Handle).Post("/v1/me/totp", nil).Status == 200 })
	s.Eventually("and for a passkey", func() bool { return s.SignIn(ada.Account.Handle).Post("/v1/me/passkeys/challenge", nil).Status == 200 })
}
