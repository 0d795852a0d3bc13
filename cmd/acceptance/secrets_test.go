package acceptance

import (
	"strings"
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// S6: wherever tokens, keys and passwords are sent, right or wrong, neither an
// error nor a metric nor what the command line prints shows one. (The harness
// looks through each error, and each log.)
func TestS6_NoTokensElsewhere(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Embedded(), harness.Flags("--token-carriers=accounts=bearer,raw,query,form,cookie", "--log-level=debug"))
	admin, ada := s.Admin(), s.NewPerson("ada")
	_, token := bodySignIn(s, ada.Account.Handle)
	key, _ := admin.Post("/v1/admin/api-keys", body{"name": "robot", "scopes": []string{"events:read"}}).Want(201).Map()["key"].(string)
	made := requestTOTP(t, ada, "Parley")
	letter := resetLetter(s, ada.Account.Email)
	secrets := []string{ada.Token + "x", token, key + "x", made.Secret, letter.Token, harness.Password}
	c := s.Client()
	for _, secret := range secrets {
		header := func(name, value string) harness.Header { return harness.Header{Name: name, Value: value} }
		for name, a := range map[string]*harness.Answer{
			"a query":                 c.Get("/v1/accounts/me?token=" + strings.ReplaceAll(secret, " ", "+")),
			"a path":                  c.Get("/v1/accounts/" + strings.ReplaceAll(secret, " ", "+")),
			"a path of nothing":       c.Get("/" + strings.ReplaceAll(secret, " ", "+")),
			"Authorization":           c.Get("/v1/admin/audit", header("Authorization", "Bearer "+secret)),
			"another scheme":          c.Get("/v1/admin/audit", header("Authorization", "Basic "+secret)),
			"a cookie":                c.Get("/v1/notifications", header("Cookie", "parley_token="+secret)),
			"a position":              c.Get("/v1/boards", header("Parley-Position", secret)),
			"If-Match":                ada.Patch("/v1/me/profile", body{"bio": "x"}, header("If-Match", secret)),
			"a verification":          c.Put("/v1/email-verifications", body{"token": secret}),
			"a reset":                 c.Put("/v1/password-resets", body{"token": secret, "password": "short"}),
			"a refresh":               refresh(s, secret+"y"),
			"an otp":                  withOTP(c, "nobody", secret),
			"a login":                 c.Post("/v1/sessions", body{"login": secret, "password": secret}),
			"a wrong type":            c.Post("/v1/sessions", body{"login": "ada", "password": []string{secret}}),
			"broken JSON":             c.Post("/v1/sessions", `{"password":"`+secret+`",`),
			"a passkey":               c.Post("/v1/sessions", body{"passkey": body{"id": secret, "response": secret}}),
			"an exchange":             c.Post("/v1/oauth/exchange", body{"code": secret}),
			"a signed link":           c.Get("/v1/images/x/y?exp=1&sig=" + strings.ReplaceAll(secret, " ", "+")),
			"a ticket":                c.Get("/v1/push/sse?topics=inbox&ticket=" + strings.ReplaceAll(secret, " ", "+")),
			"the first administrator": c.Post("/v1/setup", body{"token": secret, "email": "x", "handle": "x", "password": secret}),
		} {
			if a.Status < 400 {
				t.Errorf("%s lets %q in: %s", name, secret, a)
			} else if strings.Contains(string(a.Raw), secret) {
				t.Errorf("%s shows %q: %s", name, secret, a.Raw)
			}
		}
	}
	harness.Discreet(t, "/metrics", string(c.Get("/metrics").Want(200).Raw))
	harness.Discreet(t, "/readyz", string(c.Get("/readyz").Want(200).Raw))
	s.Stop()
	for _, command := range [][]string{
		{"config", "--data", s.Data}, {"rebuild", "all", "--data", s.Data}, {"keys", "rotate", "--data", s.Data},
		{"admin", "grant", "--data", s.Data, ada.Account.Handle},
	} {
		out, stderr, status := parleyWith(t, nil, command...)
		if status != 0 {
			t.Errorf("%s: status %d: %s", command, status, stderr)
		}
		harness.Discreet(t, strings.Join(command[:2], " "), out+stderr)
		if strings.Contains(out+stderr, harness.Password) {
			t.Errorf("%s shows the password", command)
		}
	}
}
