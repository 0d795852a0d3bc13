package oidctest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Provider is a running provider with one client.
type Provider struct {
	t      testing.TB
	URL    string // its issuer
	Client string
	Secret string
	server *httptest.Server

	mu      sync.Mutex
	keys    []signingKey // the newest signs
	people  map[string]Person
	codes   map[string]grant
	bearers map[string]Person
	change  func(discovery map[string]any)
	calls   map[string]int // by path
	down    bool
	issuer  string // of id_tokens, where it is another than URL
}

// Person is somebody who signs in, and what is said about them.
type Person struct {
	Subject       string
	Email         string // empty: not told
	EmailVerified any    // true, false, "true", nil: not told
	Name          string
	Refuses       string // the error that the provider sends back
	ByUserInfo    bool   // email and name are told by the UserInfo endpoint alone
	Lie           Lie
}

// grant is a code that was not used yet.
type grant struct {
	person              Person
	redirect, challenge string
	nonce               string
}

// New starts a provider whose client has a secret with characters that must
// be escaped. It ends with the test.
func New(t testing.TB) *Provider {
	p := &Provider{
		t: t, Client: "parley:test", Secret: "s3cr€t: %&+", people: map[string]Person{}, codes: map[string]grant{},
		bearers: map[string]Person{}, calls: map[string]int{},
	}
	p.Rotate("RS256")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /keys", p.jwks)
	mux.HandleFunc("GET /userinfo", p.userInfo)
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.calls[r.URL.Path]++
		down := p.down
		p.mu.Unlock()
		if down {
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(p.server.Close)
	p.URL = p.server.URL
	return p
}

// Discovery lets the provider say other things of itself.
func (p *Provider) Discovery(change func(map[string]any)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.change = change
}

// Down lets the provider fail at everything, or no longer.
func (p *Provider) Down(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
}

// Issuer lets id_tokens name another issuer.
func (p *Provider) Issuer(issuer string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.issuer = issuer
}

// Disguised are wires that lead every call here, whatever host it names: a
// discovery answers as said, and the last part of a path tells the rest.
func (p *Provider) Disguised(discovery string) http.RoundTripper { return disguise{p, discovery} }

type disguise struct {
	*Provider
	discovery string
}

// RoundTrip implements http.RoundTripper.
func (d disguise) RoundTrip(r *http.Request) (*http.Response, error) {
	to := map[string]string{"token": "/token", "certs": "/keys", "userinfo": "/userinfo"}[path.Base(r.URL.Path)]
	if to == "" {
		return &http.Response{
			StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
			Body: io.NopCloser(strings.NewReader(d.discovery)),
		}, nil
	}
	here, err := url.Parse(d.URL + to)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.URL, r.Host = here, here.Host
	return d.server.Client().Transport.RoundTrip(r)
}

// Calls says how often a path was asked for.
func (p *Provider) Calls(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[path]
}

// Visit is a person's browser at the address that a sign-in begins with: it
// gives the address to which the provider sends it back. It fails the test
// where the provider would show an error instead.
func (p *Provider) Visit(address string, who Person) *url.URL {
	p.t.Helper()
	p.mu.Lock()
	name := fmt.Sprint(len(p.people))
	p.people[name] = who
	p.mu.Unlock()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	res, err := client.Get(address + "&person=" + name)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	back, err := res.Location()
	if err != nil || res.StatusCode != http.StatusFound {
		p.t.Fatalf("the provider answered %d %v", res.StatusCode, err)
	}
	return back
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
		"jwks_uri": p.URL + "/keys", "userinfo_endpoint": p.URL + "/userinfo",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported":          []string{"RS256", "ES256", "HS256", "none"},
		"code_challenge_methods_supported":               []string{"S256"},
		"authorization_response_iss_parameter_supported": true,
	}
	if p.change != nil {
		p.change(m)
	}
	reply(w, http.StatusOK, m)
}

// authorize checks what a client sends as strictly as a provider may.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	p.mu.Lock()
	defer p.mu.Unlock()
	who, known := p.people[q.Get("person")]
	switch {
	case err != nil, !known, q.Get("client_id") != p.Client, q.Get("response_type") != "code",
		!slices.Contains(strings.Fields(q.Get("scope")), "openid"), q.Get("code_challenge_method") != "S256",
		len(q.Get("code_challenge")) != 43, len(q.Get("state")) < 32, len(q.Get("nonce")) < 32, q.Get("nonce") == q.Get("state"):
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	answer := url.Values{"state": {q.Get("state")}, "iss": {p.URL}, "scope": {"openid email"}, "authuser": {"0"}}
	switch {
	case who.Lie == OtherIssuerInAnswer:
		answer.Set("iss", "https://accounts.google.com")
	case who.Lie == NoIssuerInAnswer:
		answer.Del("iss")
	}
	if who.Refuses != "" {
		answer.Set("error", who.Refuses)
		answer.Set("error_description", "<b>\x00 no")
	} else {
		code := random()
		p.codes[code] = grant{who, q.Get("redirect_uri"), q.Get("code_challenge"), q.Get("nonce")}
		answer.Set("code", code)
	}
	back.RawQuery = answer.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

// token uses a code up, at the first try, right or wrong.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	id, secret, basic := r.BasicAuth()
	if basic { // RFC 6749, section 2.3.1: both are form-encoded first
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
	} else {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	g, ok := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	switch {
	case id != p.Client || secret != p.Secret:
		reply(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	case !ok, r.PostFormValue("grant_type") != "authorization_code", r.PostFormValue("redirect_uri") != g.redirect,
		base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge:
		reply(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	bearer := random()
	p.bearers[bearer] = g.person
	m := map[string]any{"access_token": bearer, "token_type": "Bearer", "expires_in": 3600}
	if g.person.Lie != NoToken {
		m["id_token"] = p.idToken(g, bearer)
	}
	if g.person.Lie == Huge {
		m["filler"] = strings.Repeat("x", 2<<20)
	}
	reply(w, http.StatusOK, m)
}

func (p *Provider) userInfo(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	who, ok := p.bearers[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	if !ok {
		reply(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token"})
		return
	}
	m := who.profile()
	m["sub"] = who.Subject
	if who.Lie == OtherUserInfo {
		m["sub"] = "somebody else"
	}
	reply(w, http.StatusOK, m)
}

// profile is what is told about a person besides the subject.
func (who Person) profile() map[string]any {
	m := map[string]any{"email": who.Email, "email_verified": who.EmailVerified, "name": who.Name}
	maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil || v == "" })
	return m
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func random() string {
	raw := make([]byte, 24)
	_, _ = rand.Read(raw) // never fails
	return base64.RawURLEncoding.EncodeToString(raw)
}

func unix(d time.Duration) int64 { return time.Now().Add(d).Unix() }
