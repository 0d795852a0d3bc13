package oidc_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/infra/oidc"
	"github.com/parleyhq/parley/infra/oidc/oidctest"
)

const callback = "http://127.0.0.1:1/v1/oauth/test/callback"

var quiet = slog.New(slog.DiscardHandler)

// asked is a fresh Authorization; texts are as long as ours.
func asked(t *testing.T) commands.Authorization {
	t.Helper()
	long := func(name string) string { return fmt.Sprintf("%s-%040d", name, time.Now().UnixNano()) }
	return commands.Authorization{Callback: callback, State: long("state"), Nonce: long("nonce"), Verifier: long("verifier")}
}

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func open(t *testing.T, p *oidctest.Provider, c *clock) *oidc.Providers {
	t.Helper()
	if c == nil {
		c = &clock{at: time.Now()}
	}
	ps := oidc.New(oidc.Config{
		Providers: []oidc.Provider{{Name: "test", Issuer: p.URL, ClientID: p.Client, Secret: p.Secret}},
		Now:       c.now, Keep: time.Hour, RetryAfter: time.Minute, CallTimeout: time.Minute, Log: quiet,
	})
	t.Cleanup(func() { _ = ps.Close() })
	return ps
}

// signIn goes all the way.
func signIn(t *testing.T, ps *oidc.Providers, p *oidctest.Provider, who oidctest.Person) (commands.Identity, error) {
	t.Helper()
	a := asked(t)
	address, err := ps.Begin(t.Context(), "test", a)
	if err != nil {
		return commands.Identity{}, err
	}
	back := p.Visit(address, who)
	if back.Query().Get("state") != a.State {
		t.Errorf("the state came back as %q", back.Query().Get("state"))
	}
	return ps.Finish(t.Context(), "test", a, answer(back))
}

func answer(back *url.URL) commands.Authorized {
	q := back.Query()
	return commands.Authorized{Code: q.Get("code"), Issuer: q.Get("iss"), Error: q.Get("error")}
}

var ada = oidctest.Person{Subject: "ada-1", Email: "ada@example.org", EmailVerified: true, Name: "Ada Lovelace"}

// A9: whom the provider vouches for, in the ways that providers tell it.
func TestA9_Identity(t *testing.T) {
	t.Parallel()
	want := commands.Identity{Subject: "ada-1", Email: "ada@example.org", EmailVerified: true, Name: "Ada Lovelace"}
	with := func(change func(*oidctest.Person)) oidctest.Person {
		who := ada
		change(&who)
		return who
	}
	for name, test := range map[string]struct {
		who    oidctest.Person
		change func(map[string]any)
		want   commands.Identity
	}{
		"plain":               {ada, nil, want},
		"verified as a text":  {with(func(p *oidctest.Person) { p.EmailVerified = "true" }), nil, want},
		"by userinfo":         {with(func(p *oidctest.Person) { p.ByUserInfo = true }), nil, want},
		"subject alone":       {oidctest.Person{Subject: "x"}, nil, commands.Identity{Subject: "x"}},
		"unverified":          {with(func(p *oidctest.Person) { p.EmailVerified = false }), nil, commands.Identity{Subject: "ada-1", Email: want.Email, Name: want.Name}},
		"verified is not 1":   {with(func(p *oidctest.Person) { p.EmailVerified = 1 }), nil, commands.Identity{Subject: "ada-1", Email: want.Email, Name: want.Name}},
		"secret in the form":  {ada, func(m map[string]any) { m["token_endpoint_auth_methods_supported"] = []string{"client_secret_post"} }, want},
		"no iss in answers":   {with(func(p *oidctest.Person) { p.Lie = oidctest.NoIssuerInAnswer }), func(m map[string]any) { delete(m, "authorization_response_iss_parameter_supported") }, want},
		"no list of what is":  {ada, func(m map[string]any) { delete(m, "id_token_signing_alg_values_supported") }, want},
		"no userinfo, no one": {oidctest.Person{Subject: "x"}, func(m map[string]any) { delete(m, "userinfo_endpoint") }, commands.Identity{Subject: "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := oidctest.New(t)
			p.Discovery(test.change)
			test.want.Issuer = p.URL
			if got, err := signIn(t, open(t, p, nil), p, test.who); err != nil || got != test.want {
				t.Errorf("%+v, want %+v; %v", got, test.want, err)
			}
		})
	}
}

// A9: what a hostile or broken provider says is not believed, whatever key it
// signs with.
func TestA9_Lies(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{"RS256", "ES256"} {
		p := oidctest.New(t)
		if alg == "ES256" {
			p.Rotate(alg)
		}
		ps := open(t, p, nil)
		if _, err := signIn(t, ps, p, ada); err != nil {
			t.Fatalf("%s: the truth: %v", alg, err)
		}
		for _, lie := range oidctest.Lies() {
			who := ada
			who.Lie, who.ByUserInfo = lie, lie == oidctest.OtherUserInfo
			if got, err := signIn(t, ps, p, who); !errors.Is(err, commands.ErrProvider) || got != (commands.Identity{}) {
				t.Errorf("%s, lie %d: %+v %v", alg, lie, got, err)
			}
		}
	}
}

// A9: an answer is worth something to whoever asked alone, and once.
func TestA9_AnswersAreBound(t *testing.T) {
	t.Parallel()
	p := oidctest.New(t)
	ps := open(t, p, nil)
	begin := func() (commands.Authorization, commands.Authorized) {
		a := asked(t)
		address, err := ps.Begin(t.Context(), "test", a)
		if err != nil {
			t.Fatal(err)
		}
		return a, answer(p.Visit(address, ada))
	}
	refused := func(what string, a commands.Authorization, back commands.Authorized, want error) {
		t.Helper()
		if got, err := ps.Finish(t.Context(), "test", a, back); !errors.Is(err, want) {
			t.Errorf("%s: %+v %v", what, got, err)
		}
	}
	a, back := begin()
	b := a
	b.Verifier = asked(t).Verifier
	refused("another verifier", b, back, commands.ErrProvider)
	refused("the code is used up by that", a, back, commands.ErrProvider)

	a, back = begin()
	if _, err := ps.Finish(t.Context(), "test", a, back); err != nil {
		t.Error(err)
	}
	refused("the same again", a, back, commands.ErrProvider)

	a, back = begin()
	b = a
	b.Callback += "/other"
	refused("another callback", b, back, commands.ErrProvider)

	a, back = begin()
	b = a
	b.Nonce = ""
	refused("no nonce of ours", b, back, commands.ErrProvider)

	a, back = begin()
	_, other := begin()
	back.Code = other.Code // injected: its verifier is another
	refused("a code of somebody else", a, back, commands.ErrProvider)

	refused("no", a, commands.Authorized{Error: "access_denied", Issuer: p.URL}, commands.ErrDenied)
	refused("no, of another issuer", a, commands.Authorized{Error: "access_denied", Issuer: "https://evil.example"}, commands.ErrProvider)
	refused("trouble", a, commands.Authorized{Error: "server_error", Issuer: p.URL}, commands.ErrProvider)
	refused("nothing", a, commands.Authorized{Issuer: p.URL}, commands.ErrProvider)
	if _, err := ps.Finish(t.Context(), "nobody", a, back); err == nil {
		t.Error("there is no such provider")
	}
}

// A9: a client that says the wrong secret learns nothing, and its secret is in
// no error.
func TestA9_WrongSecret(t *testing.T) {
	t.Parallel()
	p := oidctest.New(t)
	ps := oidc.New(oidc.Config{Log: quiet, Providers: []oidc.Provider{{Name: "test", Issuer: p.URL, ClientID: p.Client, Secret: "hunter2"}}})
	defer ps.Close()
	_, err := signIn(t, ps, p, ada)
	if !errors.Is(err, commands.ErrProvider) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
}

// A9: keys change under us; old ones stay good while they are published.
func TestA9_KeyRotation(t *testing.T) {
	t.Parallel()
	p := oidctest.New(t)
	ps := open(t, p, nil)
	for _, alg := range []string{"", "ES256", "RS256", "ES256"} {
		if alg != "" {
			p.Rotate(alg)
		}
		for range 2 {
			if _, err := signIn(t, ps, p, ada); err != nil {
				t.Fatalf("%q: %v", alg, err)
			}
		}
	}
	if n := p.Calls("/keys"); n != 4 {
		t.Errorf("keys were asked for %d times, not once a key", n)
	}
	if n := p.Calls("/.well-known/openid-configuration"); n != 1 {
		t.Errorf("the provider was discovered %d times", n)
	}
}

// A9: a provider that is down is left alone for a while; one that was known
// goes on as it was.
func TestA9_ProviderDown(t *testing.T) {
	t.Parallel()
	p, c := oidctest.New(t), &clock{at: time.Now()}
	p.Down(true)
	ps := open(t, p, c)
	if !ps.Has("test") || ps.Has("other") || len(ps.Names()) != 1 {
		t.Error("what there is does not depend on whether it answers")
	}
	for range 3 {
		if _, err := signIn(t, ps, p, ada); !errors.Is(err, commands.ErrProvider) {
			t.Fatal(err)
		}
		if err := ps.Ping(t.Context(), "test"); !errors.Is(err, commands.ErrProvider) {
			t.Fatal(err)
		}
	}
	if n := p.Calls("/.well-known/openid-configuration"); n != 1 {
		t.Errorf("it was asked %d times at once", n)
	}
	p.Down(false)
	c.pass(time.Minute)
	if _, err := signIn(t, ps, p, ada); err != nil {
		t.Fatal(err)
	}
	p.Down(true)
	c.pass(2 * time.Hour)
	if _, err := ps.Begin(t.Context(), "test", asked(t)); err != nil {
		t.Errorf("it was known: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	p.Down(false)
	c.pass(2 * time.Minute)
	if _, err := ps.Begin(gone, "test", asked(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("who asked went away: %v", err)
	}
	calls := p.Calls("/.well-known/openid-configuration")
	if err := ps.Ping(t.Context(), "test"); err != nil || p.Calls("/.well-known/openid-configuration") != calls+1 {
		t.Errorf("that is nobody else's trouble: %v", err)
	}
}

// A9: what a provider must not say of itself.
func TestA9_BadDiscovery(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(map[string]any){
		"another issuer":    func(m map[string]any) { m["issuer"] = "https://accounts.google.com" },
		"a slash more":      func(m map[string]any) { m["issuer"] = m["issuer"].(string) + "/" },
		"no token endpoint": func(m map[string]any) { delete(m, "token_endpoint") },
		"no keys":           func(m map[string]any) { m["jwks_uri"] = "" },
		"odd endpoint":      func(m map[string]any) { m["authorization_endpoint"] = "javascript:alert(1)" },
		"odd userinfo":      func(m map[string]any) { m["userinfo_endpoint"] = "file:///etc/passwd" },
		"huge":              func(m map[string]any) { m["filler"] = strings.Repeat("x", 2<<20) },
		"not what it is":    func(m map[string]any) { m["token_endpoint_auth_methods_supported"] = "all" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := oidctest.New(t)
			p.Discovery(change)
			_, err := open(t, p, nil).Begin(t.Context(), "test", asked(t))
			if !errors.Is(err, commands.ErrProvider) || len(err.Error()) > 1000 {
				t.Errorf("%v", err)
			}
		})
	}
}

// A9: an encrypted provider must not send us where nothing is encrypted, and
// no answer sends us on.
func TestA9_Endpoints(t *testing.T) {
	t.Parallel()
	hits := 0
	var body string
	site := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hits++; body == "" {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
			return
		}
		_, _ = w.Write([]byte(body))
	}))
	defer site.Close()
	t.Run("redirect", func(t *testing.T) {
		ps := oidc.NewOver(oidc.Config{Log: quiet, Providers: []oidc.Provider{{Name: "test", Issuer: site.URL, ClientID: "x"}}}, site.Client().Transport)
		defer ps.Close()
		if _, err := ps.Begin(t.Context(), "test", asked(t)); !errors.Is(err, commands.ErrProvider) || hits != 1 {
			t.Errorf("%d calls, %v", hits, err)
		}
	})
	for scheme, ok := range map[string]bool{"https": true, "http": false} {
		body = strings.NewReplacer("ISSUER", site.URL, "SCHEME", scheme).Replace(
			`{"issuer":"ISSUER","authorization_endpoint":"https://a/a","token_endpoint":"SCHEME://a/t","jwks_uri":"https://a/k"}`)
		ps := oidc.NewOver(oidc.Config{Log: quiet, Providers: []oidc.Provider{{Name: "test", Issuer: site.URL, ClientID: "x"}}}, site.Client().Transport)
		if _, err := ps.Begin(t.Context(), "test", asked(t)); (err == nil) != ok {
			t.Errorf("%s: %v", scheme, err)
		}
		_ = ps.Close()
	}
}

// A9: Google, as it describes itself, and its issuer without a scheme.
func TestA9_Google(t *testing.T) {
	t.Parallel()
	google := `{"issuer":"https://accounts.google.com","authorization_endpoint":"https://accounts.google.com/o/oauth2/v2/auth",
		"device_authorization_endpoint":"https://oauth2.googleapis.com/device/code","token_endpoint":"https://oauth2.googleapis.com/token",
		"userinfo_endpoint":"https://openidconnect.googleapis.com/v1/userinfo","revocation_endpoint":"https://oauth2.googleapis.com/revoke",
		"jwks_uri":"https://www.googleapis.com/oauth2/v3/certs","response_types_supported":["code","token","id_token"],
		"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256"],
		"scopes_supported":["openid","email","profile"],"token_endpoint_auth_methods_supported":["client_secret_post","client_secret_basic"],
		"claims_supported":["aud","email","email_verified","exp","iat","iss","name","sub"],"code_challenge_methods_supported":["plain","S256"]}`
	p := oidctest.New(t)
	p.Issuer("accounts.google.com")
	// Its hosts are this machine's; the paths are its own.
	ps := oidc.NewOver(oidc.Config{
		Providers: []oidc.Provider{{Name: "google", Issuer: "https://accounts.google.com", ClientID: p.Client, Secret: p.Secret}},
	}, p.Disguised(google))
	defer ps.Close()
	a := asked(t)
	address, err := ps.Begin(t.Context(), "google", a)
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(address)
	if err != nil || at.Host != "accounts.google.com" || at.Path != "/o/oauth2/v2/auth" {
		t.Fatalf("%s %v", address, err)
	}
	q := at.Query()
	if q.Get("redirect_uri") != callback || q.Get("scope") != "openid email profile" || q.Get("state") != a.State || q.Get("nonce") != a.Nonce ||
		q.Get("code_challenge_method") != "S256" || strings.Contains(address, a.Verifier) || strings.Contains(address, url.QueryEscape(p.Secret)) {
		t.Errorf("%s", address)
	}
	back := p.Visit(p.URL+"/authorize?"+at.RawQuery, ada)
	got, err := ps.Finish(t.Context(), "google", a, commands.Authorized{Code: back.Query().Get("code")})
	want := commands.Identity{Issuer: "https://accounts.google.com", Subject: "ada-1", Email: "ada@example.org", EmailVerified: true, Name: "Ada Lovelace"}
	if err != nil || got != want {
		t.Errorf("%+v %v", got, err)
	}
}
