package acceptance

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
	"github.com/parleyhq/parley/infra/oidc/oidctest"
)

// listed is a page of ours elsewhere; beneath takes what lies below it.
const (
	listed  = "https://app.example.org/signed-in"
	beneath = "https://www.example.org/forum/"
)

// providers starts two providers, and the flags that name them.
func providers(t *testing.T, more ...string) (p, q *oidctest.Provider, flags harness.Option) {
	t.Helper()
	p, q = oidctest.New(t), oidctest.New(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(p.Secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return p, q, harness.Flags(append([]string{
		"--oidc=test=" + p.URL + "," + p.Client + ";other=" + q.URL + "," + q.Client,
		"--oidc-secret-file=test=" + secret + ";other=" + secret, "--oauth-redirects=" + listed + "," + beneath,
	}, more...)...)
}

// begin begins a sign-in or a linking, and gives where to go.
func begin(c *harness.Client, provider, mode, redirect string) string {
	address, _ := c.Post("/v1/oauth/"+provider+"/start", map[string]any{"mode": mode, "redirect": redirect}).Want(200).Map()["url"].(string)
	return address
}

// comeBack is the browser's call of our callback.
func comeBack(c *harness.Client, back *url.URL) *harness.Answer { return c.Get(back.RequestURI()) }

// landed is what stands behind the "#" of the page that a callback leads to.
func landed(t *testing.T, a *harness.Answer, redirect string) url.Values {
	t.Helper()
	a.Want(http.StatusSeeOther)
	page, fragment, _ := strings.Cut(a.Header.Get("Location"), "#")
	said, err := url.ParseQuery(fragment)
	if err != nil || page != redirect || len(said) != 1 {
		t.Fatalf("Location: %s", a.Header.Get("Location"))
	}
	return said
}

// through goes the whole way to the page.
func through(t *testing.T, c *harness.Client, p *oidctest.Provider, mode string, who oidctest.Person) url.Values {
	t.Helper()
	return landed(t, comeBack(c, p.Visit(begin(c, "test", mode, listed), who)), listed)
}

// enter goes the whole way, and is signed in.
func enter(t *testing.T, c *harness.Client, p *oidctest.Provider, who oidctest.Person) *harness.Answer {
	t.Helper()
	code := through(t, c, p, "login", who).Get("code")
	a := c.Post("/v1/oauth/exchange", map[string]any{"code": code}).Want(201)
	c.Token = a.Map()["accessToken"].(string)
	a.Into(&struct{ Account *harness.Account }{&c.Account})
	return a
}

func person(subject string) oidctest.Person {
	return oidctest.Person{Subject: subject, Email: subject + "@example.org", EmailVerified: true, Name: "Zoë " + subject}
}

// A9: sign-in and sign-up by a provider.
func TestA9_SignIn(t *testing.T) {
	t.Parallel()
	p, _, flags := providers(t)
	s := harness.Start(t, flags)

	t.Run("an unknown verified address makes an account", func(t *testing.T) {
		t.Parallel()
		zoe := person("mueller")
		c := s.Client()
		a := enter(t, c, p, zoe)
		first := c.Account.ID
		m := a.Map()
		own := m["account"].(map[string]any)
		if own["handle"] != "zoe_mueller" || own["displayName"] != "Zoë mueller" || own["email"] != zoe.Email || own["emailVerified"] != true {
			t.Errorf("%v", own)
		}
		if m["refreshToken"] != nil || a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Parley-Position") == "" {
			t.Errorf("%v %v", m, a.Header)
		}
		c.Post("/v1/sessions/refresh", nil).Want(200) // its cookie
		c.Get("/v1/me").Want(200)
		if len(s.Mails(zoe.Email)) > 0 {
			t.Error("there was nothing to confirm")
		}
		items := c.Get("/v1/me/identities").Want(200).Items()
		if len(items) != 1 || items[0]["provider"] != "test" || items[0]["email"] != zoe.Email || items[0]["linkedAt"] == nil {
			t.Errorf("%v", items)
		}
		// Again, elsewhere, under another address: a subject is who it is.
		zoe.Email, zoe.Name, zoe.EmailVerified = "elsewhere@example.org", "Another", false
		other := s.Client()
		if enter(t, other, p, zoe); other.Account.ID != first || other.Account.Email != "mueller@example.org" {
			t.Errorf("another account: %+v", other.Account)
		}
		// There is no password to guess, and no empty one.
		for _, password := range []string{harness.Password, " "} {
			s.Client().Post("/v1/sessions", map[string]any{"login": "zoe_mueller", "password": password}).Want(401, "session.bad_credentials")
		}
		// It is the last way in.
		c.Delete("/v1/me/identities/test").Want(409, "account.last_way_in")
		c.Delete("/v1/me/identities/other").Want(404, "not_found")
		// Nobody else gets the address.
		s.Client().Post("/v1/accounts", signUp("somebody", map[string]any{"email": "Mueller@example.org"})).Want(409, "account.email_taken")
	})
	t.Run("handles", func(t *testing.T) {
		t.Parallel()
		s.Client().Post("/v1/accounts", signUp("bill_one", nil)).Want(201)
		handles := map[string]bool{}
		for _, who := range []oidctest.Person{
			{Subject: "h1", Email: "h1@example.org", EmailVerified: true, Name: "Bi11 One"}, // looks like it
			{Subject: "h2", Email: "h2@example.org", EmailVerified: true, Name: "Bill One"},
			{Subject: "h3", Email: "x.y+z@example.org", EmailVerified: true},
			{Subject: "h4", Email: "hanako@example.org", EmailVerified: true, Name: "日本語"},
			{Subject: "h5", Email: "名@example.org", EmailVerified: true, Name: "\u202eX\n\t" + strings.Repeat("界", 80)},
		} {
			c := s.Client()
			a := enter(t, c, p, who)
			own := a.Map()["account"].(map[string]any)
			if handle := c.Account.Handle; handles[handle] || len(handle) < 3 || len(handle) > 30 || handle == "bill_one" {
				t.Errorf("%s: %q", who.Subject, handle)
			}
			if name, _ := own["displayName"].(string); name == "" || len([]rune(name)) > 50 || strings.ContainsAny(name, "\u202e\n\t") {
				t.Errorf("%s: %q", who.Subject, name)
			}
			handles[c.Account.Handle] = true
		}
		if !handles["x_y_z"] || !handles["hanako"] {
			t.Errorf("%v", handles)
		}
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		known := s.NewPerson("known")
		s.Client().Post("/v1/accounts", signUp("squatter", nil)).Want(201) // never verified: whose address it is stays open
		for name, test := range map[string]struct {
			who  oidctest.Person
			want string
		}{
			"known address":      {oidctest.Person{Subject: "r1", Email: strings.ToUpper(known.Account.Email), EmailVerified: true}, "oauth.email_known"},
			"unverified holder":  {oidctest.Person{Subject: "r2", Email: "squatter@example.org", EmailVerified: true}, "oauth.email_known"},
			"unverified address": {oidctest.Person{Subject: "r3", Email: "r3@example.org", EmailVerified: false}, "oauth.email_unverified"},
			"known, unverified":  {oidctest.Person{Subject: "r4", Email: known.Account.Email}, "oauth.email_unverified"},
			"no address":         {oidctest.Person{Subject: "r5"}, "oauth.email_unverified"},
			"odd address":        {oidctest.Person{Subject: "r6", Email: "a@b, c@d", EmailVerified: true}, "oauth.email_unverified"},
			"no":                 {oidctest.Person{Refuses: "access_denied"}, "oauth.denied"},
			"trouble":            {oidctest.Person{Refuses: "server_error"}, "oauth.provider"},
			"odd trouble":        {oidctest.Person{Refuses: "#code=x&<script>"}, "oauth.provider"},
		} {
			if got := through(t, s.Client(), p, "login", test.who).Get("error"); got != test.want {
				t.Errorf("%s: %q, want %q", name, got, test.want)
			}
		}
	})
	t.Run("lies", func(t *testing.T) {
		t.Parallel()
		for _, lie := range oidctest.Lies() {
			who := person("liar")
			who.Lie, who.ByUserInfo = lie, lie == oidctest.OtherUserInfo
			if got := through(t, s.Client(), p, "login", who).Get("error"); got != "oauth.provider" {
				t.Errorf("lie %d: %q", lie, got)
			}
		}
		s.Client().Get("/v1/accounts/@zoe_liar").Want(404)
	})
	t.Run("at once", func(t *testing.T) {
		t.Parallel()
		who := person("atonce")
		var all sync.WaitGroup
		ids := make([]string, 4)
		for i := range ids {
			c := s.Client()
			code := p.Visit(begin(c, "test", "login", listed), who)
			all.Go(func() {
				a, err := c.Try("GET", code.RequestURI(), nil)
				if err != nil {
					t.Error(err)
					return
				}
				_, ids[i], _ = strings.Cut(a.Header.Get("Location"), "#")
			})
		}
		all.Wait()
		for _, said := range ids {
			if !strings.HasPrefix(said, "code=") && said != "error=conflict.busy" && said != "error=oauth.email_known" {
				t.Errorf("%q", said)
			}
		}
		c := s.Client()
		enter(t, c, p, who) // one account came of it
		if c.Account.Handle != "zoe_atonce" {
			t.Errorf("%+v", c.Account)
		}
	})
	t.Run("second factor", func(t *testing.T) {
		t.Parallel()
		who := person("careful")
		c := s.Client()
		enter(t, c, p, who)
		var made newTOTP
		c.Post("/v1/me/totp", nil).Want(200).Into(&made)
		c.Put("/v1/me/totp", map[string]any{"code": appCode(t, made.Secret, 0)}).Want(200)
		other := s.Client()
		body := map[string]any{"code": through(t, other, p, "login", who).Get("code")}
		other.Post("/v1/oauth/exchange", body).Want(401, "session.otp_required") // which uses nothing up
		body["otp"] = "000000"
		other.Post("/v1/oauth/exchange", body).Want(401, "session.otp_wrong")
		body["otp"] = appCode(t, made.Secret, 1)
		s.Client().Post("/v1/oauth/exchange", body).Want(401, "oauth.code_invalid")
		other.Post("/v1/oauth/exchange", body).Want(201)
		other.Post("/v1/oauth/exchange", body).Want(401, "oauth.code_invalid")
	})
	t.Run("keys change", func(t *testing.T) {
		t.Parallel()
		c := s.Client()
		enter(t, c, p, person("rotation"))
		p.Rotate("ES256")
		enter(t, c, p, person("rotation"))
	})
}

// A9: state, codes and cookies are worth something together, once, in one
// browser.
func TestA9_Bound(t *testing.T) {
	t.Parallel()
	p, q, flags := providers(t)
	s := harness.Start(t, flags)
	ada, eve := s.Client(), s.Client()

	a := ada.Post("/v1/oauth/test/start", map[string]any{"mode": "login", "redirect": listed}).Want(200)
	if k := a.Header.Get("Set-Cookie"); !strings.Contains(k, "HttpOnly") || !strings.Contains(k, "SameSite=Lax") || !strings.Contains(k, "Path=/v1/oauth;") ||
		!strings.Contains(k, "Max-Age=660") || strings.Contains(k, "Secure") {
		t.Errorf("%s", k)
	}
	if a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v", a.Header)
	}
	back := p.Visit(a.Map()["url"].(string), person("bound"))
	begin(eve, "test", "login", listed) // eve has a cookie of her own
	for name, c := range map[string]*harness.Client{"another browser": eve, "no cookie": s.Client()} {
		if a := comeBack(c, back).Want(422, "oauth.state_invalid"); a.Header.Get("Location") != "" {
			t.Errorf("%s: %v", name, a.Header)
		}
	}
	for name, change := range map[string]func(url.Values){
		"no state":      func(v url.Values) { v.Del("state") },
		"another state": func(v url.Values) { v.Set("state", strings.Repeat("A", 43)) },
		"odd state":     func(v url.Values) { v.Set("state", "x\u2028") },
	} {
		odd := *back
		v := odd.Query()
		change(v)
		odd.RawQuery = v.Encode()
		if a := comeBack(ada, &odd); a.Status != 422 {
			t.Errorf("%s: %s", name, a)
		}
	}
	mixed := *back // the answer of one provider at the door of another
	mixed.Path = strings.Replace(mixed.Path, "/test/", "/other/", 1)
	comeBack(ada, &mixed).Want(422, "oauth.state_invalid")
	ada.Get("/v1/oauth/nobody/callback?"+back.RawQuery).Want(404, "not_found")

	a = comeBack(ada, back)
	code := landed(t, a, listed).Get("code")
	if a.Header.Get("Referrer-Policy") != "no-referrer" || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v", a.Header)
	}
	comeBack(ada, back).Want(422, "oauth.state_invalid") // once

	exchange := func(c *harness.Client, body any) *harness.Answer { return c.Post("/v1/oauth/exchange", body) }
	exchange(ada, map[string]any{}).Want(422, "request.invalid")
	exchange(ada, map[string]any{"code": 7}).Want(422, "request.invalid")
	exchange(ada, map[string]any{"code": "x"}).Want(401, "oauth.code_invalid")
	exchange(ada, map[string]any{"code": strings.Repeat("A", 43)}).Want(401, "oauth.code_invalid")
	exchange(eve, map[string]any{"code": code}).Want(401, "oauth.code_invalid")
	exchange(s.Client(), map[string]any{"code": code}).Want(401, "oauth.code_invalid")
	ada.Post("/v1/oauth/exchange", map[string]any{"code": code}, harness.Header{Name: "Origin", Value: "https://evil.example"}).Want(403, "origin.foreign")
	ada.Post("/v1/oauth/test/start", map[string]any{"mode": "login", "redirect": listed}, harness.Header{Name: "Origin", Value: "null"}).Want(403, "origin.foreign")

	m := exchange(ada, map[string]any{"code": code, "carrier": "body"}).Want(201).Map()
	token, _ := m["refreshToken"].(string)
	refresh(s, token).Want(200)
	exchange(ada, map[string]any{"code": code}).Want(401, "oauth.code_invalid") // once

	// Two windows of one browser do not disturb each other.
	one, two := begin(ada, "test", "login", listed), begin(ada, "test", "login", beneath+"x?y=z")
	landed(t, comeBack(ada, p.Visit(one, person("bound"))), listed)
	landed(t, comeBack(ada, p.Visit(two, person("bound"))), beneath+"x?y=z")

	// A code of another provider's making.
	theirs := q.Visit(begin(ada, "other", "login", listed), person("bound"))
	ours := p.Visit(begin(ada, "test", "login", listed), person("bound"))
	v := ours.Query()
	v.Set("code", theirs.Query().Get("code"))
	ours.RawQuery = v.Encode()
	if said := landed(t, comeBack(ada, ours), listed); said.Get("error") != "oauth.provider" {
		t.Errorf("%v", said)
	}
	for _, secret := range []string{code, token, back.Query().Get("code"), back.Query().Get("state"), p.Secret} {
		if strings.Contains(s.Log(), secret) {
			t.Error("a secret is in the log")
		}
	}
}

// A9: redirects go to our own pages and to listed ones, and nowhere else.
func TestA9_Redirects(t *testing.T) {
	t.Parallel()
	_, _, flags := providers(t, "--base-url=https://community.example.org")
	s := harness.Start(t, flags)
	c := s.Client()
	for _, ok := range []string{
		listed, listed + "?next=%2Fa%2Fb", beneath, beneath + "a/b", "https://community.example.org", "https://community.example.org/a?b=c",
		"https://COMMUNITY.example.org:443/x",
	} {
		a := c.Post("/v1/oauth/test/start", map[string]any{"mode": "login", "redirect": ok}).Want(200)
		if k := a.Header.Get("Set-Cookie"); !strings.Contains(k, "; Secure") {
			t.Errorf("%s", k)
		}
		if to, err := url.Parse(a.Map()["url"].(string)); err != nil || to.Query().Get("redirect_uri") != "https://community.example.org/v1/oauth/test/callback" {
			t.Errorf("%v %v", to, err)
		}
	}
	for _, bad := range []string{
		"", "/signed-in", "//app.example.org/signed-in", "https://app.example.org/signed-in/", "https://app.example.org/signed-in2", "https://app.example.org/",
		"http://app.example.org/signed-in", "https://app.example.org:8443/signed-in", "https://user@app.example.org/signed-in", listed + "#x",
		"https://app.example.org.evil.example/signed-in", "https://evil.example/https://app.example.org/signed-in", "https://app.example.org\\@evil.example/signed-in",
		"https://www.example.org/forum", "https://www.example.org/forum/../admin", "https://www.example.org/forum/%2e%2e/admin", "https://www.example.org/forum/..%2fadmin",
		"https://www.example.org/forum//evil.example", "javascript:alert(1)", "https:app.example.org/signed-in", " " + listed, listed + "\u00e9", "https://community.example.org@evil.example/",
		"https://community.example.org.evil.example/", "https://" + strings.Repeat("a", 3000),
	} {
		c.Post("/v1/oauth/test/start", map[string]any{"mode": "login", "redirect": bad}).Want(422, "oauth.redirect")
	}
	for name, body := range map[string]any{
		"no mode": map[string]any{"redirect": listed}, "another mode": map[string]any{"mode": "merge", "redirect": listed}, "a number": map[string]any{"mode": "login", "redirect": 1},
	} {
		if a := c.Post("/v1/oauth/test/start", body); a.Status != 422 {
			t.Errorf("%s: %s", name, a)
		}
	}
	c.Post("/v1/oauth/nobody/start", map[string]any{"mode": "login", "redirect": "x"}).Want(404, "not_found")
	c.Post("/v1/oauth/nobody/start", "{").Want(404, "not_found")
	c.Token = "x" // public: a token does not matter …
	begin(c, "test", "login", listed)
	c.Post("/v1/oauth/test/start", map[string]any{"mode": "link", "redirect": listed}).Want(401, "auth.invalid") // … but here
	c.Token = ""
	c.Post("/v1/oauth/test/start", map[string]any{"mode": "link", "redirect": listed}).Want(401, "auth.missing")
}

// A9: link and unlink.
func TestA9_Link(t *testing.T) {
	t.Parallel()
	p, q, flags := providers(t)
	s := harness.Start(t, flags)
	ada, bob := s.NewPerson("ada"), s.NewPerson("bob")
	names := func(c *harness.Client) (all []string) {
		for _, item := range c.Get("/v1/me/identities").Want(200).Items() {
			all = append(all, item["provider"].(string))
		}
		return all
	}
	who := person("link")
	letters := len(s.Mails(ada.Account.Email))
	if through(t, ada, p, "link", who).Get("code") == "" || !slices.Equal(names(ada), []string{"test"}) {
		t.Fatalf("%v", names(ada))
	}
	told := s.Mails(ada.Account.Email)
	if len(told) != letters+1 || !strings.Contains(told[letters].Text, `"test"`) {
		t.Errorf("the owner was told %d times", len(told)-letters)
	}
	through(t, ada, p, "link", who) // the same again changes nothing
	if len(names(ada)) != 1 || len(s.Mails(ada.Account.Email)) != letters+1 {
		t.Errorf("%v", names(ada))
	}
	in := s.Client()
	if enter(t, in, p, who); in.Account.ID != ada.Account.ID {
		t.Errorf("signed in as %+v", in.Account)
	}
	for name, test := range map[string]struct {
		c    *harness.Client
		who  oidctest.Person
		want string
	}{
		"somebody else's":         {bob, who, "identity.taken"},
		"another of the provider": {ada, person("second"), "identity.exists"},
		"refused":                 {bob, oidctest.Person{Refuses: "access_denied"}, "oauth.denied"},
	} {
		if got := through(t, test.c, p, "link", test.who).Get("error"); got != test.want {
			t.Errorf("%s: %q", name, got)
		}
	}
	// An address plays no part in linking.
	if landed(t, comeBack(ada, q.Visit(begin(ada, "other", "link", listed), oidctest.Person{Subject: "no-address"})), listed).Get("code") == "" ||
		!slices.Equal(names(ada), []string{"test", "other"}) {
		t.Errorf("%v", names(ada))
	}
	// A code dies with what it stands for.
	code := through(t, in, p, "login", who).Get("code")
	ada.Delete("/v1/me/identities/test").Want(204)
	in.Post("/v1/oauth/exchange", map[string]any{"code": code}).Want(401, "oauth.code_invalid")
	ada.Delete("/v1/me/identities/test").Want(404, "not_found")
	if got := s.Mail(ada.Account.Email); !strings.Contains(got.Text, "any more") {
		t.Errorf("%s", got.Text)
	}
	// It is free at once, and the other way in goes on.
	if through(t, bob, p, "link", who).Get("code") == "" || !slices.Equal(names(bob), []string{"test"}) {
		t.Errorf("%v", names(bob))
	}
	if through(t, ada, p, "link", who).Get("error") != "identity.taken" {
		t.Error("two have it")
	}
	ada.Delete("/v1/me/identities/other").Want(204)
	s.SignIn(ada.Account.Handle) // by the password that is left
	// A linking whose session is over by the time it comes back.
	back := p.Visit(begin(ada, "test", "link", listed), person("late"))
	ada.Delete("/v1/sessions/current").Want(204)
	if got := landed(t, comeBack(ada, back), listed).Get("error"); got != "auth.revoked" {
		t.Errorf("%q", got)
	}
	c := s.Client()
	for _, call := range [][2]string{{"GET", "/v1/me/identities"}, {"DELETE", "/v1/me/identities/test"}} {
		c.Do(call[0], call[1], nil).Want(401, "auth.missing")
	}
}

// A9: a provider that is down stops sign-ins through itself and nothing else.
func TestA9_Trouble(t *testing.T) {
	t.Parallel()
	p, _, flags := providers(t, "--breaker-pause=1ms")
	p.Down(true)
	s := harness.Start(t, flags)
	c := s.Client()
	c.Post("/v1/oauth/test/start", map[string]any{"mode": "login", "redirect": listed}).Want(503, "oauth.provider")
	ready := c.Get("/readyz").Want(200)
	if !strings.Contains(string(ready.Raw), `"oidc test"`) {
		t.Errorf("%s", ready.Raw)
	}
	p.Down(false)
	s.Eventually("the provider", func() bool {
		return c.Post("/v1/oauth/test/start", map[string]any{"mode": "login", "redirect": listed}).Status == 200
	})
	back := p.Visit(begin(c, "test", "login", listed), person("trouble"))
	p.Down(true)
	if got := landed(t, comeBack(c, back), listed).Get("error"); got != "oauth.provider" {
		t.Errorf("%q", got)
	}
	p.Down(false)
	enter(t, c, p, person("trouble"))
}

// A3, A9: who comes from a provider that vouches for them is asked for no
// captcha, whatever others are.
func TestA9_NoCaptcha(t *testing.T) {
	t.Parallel()
	p, _, flags := providers(t, "--captcha=always")
	s := harness.Start(t, flags)
	s.Client().Post("/v1/accounts", signUp("ada", nil)).Want(400, "captcha.required")
	c := s.Client()
	enter(t, c, p, person("new"))
	c.Get("/v1/me").Want(200)
	enter(t, s.Client(), p, person("new"))
}

// O6: what is wrong with the settings is told at the start.
func TestA9_Settings(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing")
	refuses(t, 2, "--oidc", "serve", "--oidc", "google=https://accounts.google.com")
	refuses(t, 2, "--oidc-secret-file names a provider that --oidc does not", "serve", "--oidc-secret-file", "google=x")
	refuses(t, 1, "there is no file "+missing, "serve", "--data", filepath.Join(t.TempDir(), "a"), "--http=127.0.0.1:0", "--oidc", "google=https://accounts.google.com,x", "--oidc-secret-file", "google="+missing)
	for _, bad := range []string{"https://app.example.org/*", "https://a@app.example.org/", "https://app.example.org/a/../b", "https://app.example.org/?x"} {
		refuses(t, 1, "sign-in could return", "serve", "--data", filepath.Join(t.TempDir(), "b"), "--http=127.0.0.1:0", "--oauth-redirects", bad)
	}
}
