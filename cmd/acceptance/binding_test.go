package acceptance

import (
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// from is the headers of a browser in a network.
func from(agent, network string) []harness.Header {
	return []harness.Header{{Name: "User-Agent", Value: agent}, {Name: "X-Forwarded-For", Value: network}}
}

// S8: a token that comes from where it was not issued to ends its session,
// and the account's history says so.
func TestS8_Binding(t *testing.T) {
	t.Parallel()
	const firefox, chrome = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36"
	for mode, held := range map[string]struct{ agent, network bool }{
		"none": {}, "ua": {agent: true}, "ip": {network: true}, "both": {true, true},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := harness.Start(t, harness.Flags("--binding="+mode, "--trusted-proxies=127.0.0.1"))
			s.Client().Post("/v1/accounts", signUp("ada", nil)).Want(201)
			home := from(firefox, "192.0.2.1")
			begin := func() (c *harness.Client, refresh string) {
				c = s.Client()
				var in struct{ AccessToken, RefreshToken string }
				c.Post("/v1/sessions", map[string]any{"login": "ada", "password": harness.Password, "carrier": "body"}, home...).Want(201).Into(&in)
				c.Token = in.AccessToken
				return c, in.RefreshToken
			}
			for _, away := range []struct {
				headers []harness.Header
				device  string
				network string
				ends    bool
			}{
				{from(firefox, "192.0.2.1"), "", "", false},
				{from(chrome, "192.0.2.1"), "Chrome on Windows", "192.0.2.1", held.agent},
				{from(firefox, "198.51.100.7"), "Firefox on Linux", "198.51.100.7", held.network},
				{from(firefox, "2001:db8::7"), "Firefox on Linux", "2001:db8::/64", held.network},
			} {
				for _, use := range []string{"access", "refresh"} {
					c, refresh := begin()
					var a *harness.Answer
					if use == "access" {
						a = c.Get("/v1/me", away.headers...)
					} else {
						a = c.Clone().Post("/v1/sessions/refresh", map[string]any{"refreshToken": refresh}, away.headers...)
					}
					if !away.ends {
						a.Want(200)
						c.Get("/v1/me", home...).Want(200)
						continue
					}
					a.Want(401, "auth.binding")
					c.Get("/v1/me", home...).Want(401, "auth.revoked")
					c.Clone().Post("/v1/sessions/refresh", map[string]any{"refreshToken": refresh}, home...).Want(401, "session.refresh_invalid")
					again, _ := begin()
					told := again.Get("/v1/me/history", home...).Want(200).Items()
					if len(told) < 3 || told[0]["kind"] != "signed_in" || told[0]["device"] != "Firefox on Linux" || told[0]["network"] != "192.0.2.1" ||
						told[1]["kind"] != "binding" || told[1]["device"] != away.device || told[1]["network"] != away.network {
						t.Errorf("%s: %v", use, told)
					}
				}
			}
		})
	}
}

// S8: a session of before the setting is over with it.
func TestS8_BindingBegins(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := harness.Start(t, harness.On(data))
	s.Client().Post("/v1/accounts", signUp("ada", nil)).Want(201)
	c, token := bodySignIn(s, "ada")
	s.Stop()
	s = harness.Start(t, harness.On(data), harness.Flags("--binding=ua"))
	refresh(s, token).Want(401, "auth.binding")
	s.Move(c).Get("/v1/me").Want(401, "auth.revoked")
}
