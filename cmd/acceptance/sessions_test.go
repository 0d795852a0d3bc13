package acceptance

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// bodySignIn signs in with the refresh token in the body.
func bodySignIn(s *harness.Server, login string) (c *harness.Client, refresh string) {
	c = s.Client()
	var in struct{ AccessToken, RefreshToken string }
	c.Post("/v1/sessions", map[string]any{"login": login, "password": harness.Password, "carrier": "body"}).Want(201).Into(&in)
	c.Token = in.AccessToken
	return c, in.RefreshToken
}

// refresh uses a refresh token in a body, from nowhere in particular.
func refresh(s *harness.Server, token string) *harness.Answer {
	return s.Client().Post("/v1/sessions/refresh", map[string]any{"refreshToken": token})
}

func segment(t *testing.T, token string, n int) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[n])
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// S1: a JWT that says who, which session and until when, and no more; anybody
// can verify it with the published key.
func TestS1_AccessToken(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	ada := s.NewPerson("ada")
	head, claims := segment(t, ada.Token, 0), segment(t, ada.Token, 1)
	if head["alg"] != "EdDSA" || head["kid"] == nil {
		t.Errorf("%v", head)
	}
	var names []string
	for name := range claims {
		names = append(names, name)
	}
	slices.Sort(names)
	if want := []string{"aud", "exp", "iat", "iss", "jti", "roles", "sid", "sub"}; !slices.Equal(names, want) {
		t.Errorf("claims %v, want %v", names, want)
	}
	if claims["sub"] != ada.Account.ID || claims["exp"].(float64)-claims["iat"].(float64) != 900 {
		t.Errorf("%v", claims)
	}
	a := s.Client().Get("/.well-known/jwks.json").Want(200)
	var set struct {
		Keys []struct{ Kty, Crv, Kid, Use, Alg, X, D string }
	}
	if err := json.Unmarshal(a.Raw, &set); err != nil || len(set.Keys) != 1 {
		t.Fatalf("%v %s", err, a.Raw)
	}
	k := set.Keys[0]
	if k.Kty != "OKP" || k.Crv != "Ed25519" || k.Use != "sig" || k.Alg != "EdDSA" || k.Kid != head["kid"] || k.D != "" {
		t.Errorf("%+v", k)
	}
	public, err := base64.RawURLEncoding.DecodeString(k.X)
	if err != nil {
		t.Fatal(err)
	}
	signed, signature, _ := cutLast(ada.Token)
	sum, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || !ed25519.Verify(public, []byte(signed), sum) {
		t.Errorf("the published key does not verify: %v", err)
	}
	// The public key must not serve as a secret, nor "none" as an algorithm.
	for _, alg := range []string{"HS256", "none", "None", "EdDSA"} {
		head["alg"] = alg
		raw, _ := json.Marshal(head)
		claims["sub"] = s.NewPerson("eve").Account.ID
		body, _ := json.Marshal(claims)
		unsigned := base64.RawURLEncoding.EncodeToString(raw) + "." + base64.RawURLEncoding.EncodeToString(body)
		mac := hmac.New(sha256.New, public)
		mac.Write([]byte(unsigned))
		eve := s.Client()
		for _, sig := range []string{"", signature, base64.RawURLEncoding.EncodeToString(mac.Sum(nil))} {
			eve.Token = unsigned + "." + sig
			eve.Get("/v1/me").Want(401, "auth.invalid")
		}
	}
}

func cutLast(token string) (before, after string, ok bool) {
	i := strings.LastIndexByte(token, '.')
	return token[:i], token[i+1:], true
}

// S1: the algorithms of the setting; the key outlives a restart.
func TestS1_Algorithms(t *testing.T) {
	t.Parallel()
	for alg, keys := range map[string]int{"EdDSA": 1, "RS256": 1, "HS256": 0} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			s := harness.Start(t, harness.Flags("--jwt-alg="+alg))
			ada := s.NewPerson("ada")
			if got := segment(t, ada.Token, 0)["alg"]; got != alg {
				t.Errorf("%v", got)
			}
			var set struct{ Keys []map[string]any }
			if err := json.Unmarshal(s.Client().Get("/.well-known/jwks.json").Want(200).Raw, &set); err != nil || set.Keys == nil || len(set.Keys) != keys {
				t.Errorf("%v %v", set, err)
			}
			s.Stop()
			s.Again(false)
			s.Move(ada).Get("/v1/me").Want(200)
		})
	}
}

// S1: with another algorithm on the same folder old tokens are refused, and
// sessions go on.
func TestS1_ChangeOfAlgorithm(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := harness.Start(t, harness.On(data))
	s.Client().Post("/v1/accounts", signUp("ada", nil)).Want(201)
	c, token := bodySignIn(s, "ada")
	s.Stop()
	s = harness.Start(t, harness.On(data), harness.Flags("--jwt-alg=RS256"))
	s.Move(c).Get("/v1/me").Want(401, "auth.invalid")
	c.Token = refresh(s, token).Want(200).Map()["accessToken"].(string)
	c.Get("/v1/me").Want(200)
}

// S1, S7: each way in which a token can be no good.
func TestS7_Tokens(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	ada := s.NewPerson("ada")
	c := s.Client()
	for _, call := range [][2]string{
		{"GET", "/v1/me"}, {"PATCH", "/v1/me/profile"}, {"GET", "/v1/sessions"}, {"DELETE", "/v1/sessions"}, {"DELETE", "/v1/sessions/current"},
		{"DELETE", "/v1/sessions/" + nowhereAtAll}, {"POST", "/v1/email-verifications"}, {"GET", "/v1/me/blocks"}, {"GET", "/v1/me/mutes"},
		{"PUT", "/v1/accounts/" + ada.Account.ID + "/follow"}, {"DELETE", "/v1/accounts/" + ada.Account.ID + "/block"}, {"PUT", "/v1/accounts/x/mute"},
	} {
		c.Token = ""
		a := c.Do(call[0], call[1], nil).Want(401, "auth.missing")
		if a.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%v: no WWW-Authenticate", call)
		}
		c.Token = "x"
		c.Do(call[0], call[1], nil).Want(401, "auth.invalid")
	}
	// Where a token is optional none is anonymous and a bad one an error.
	for _, path := range []string{"/v1/accounts/" + ada.Account.ID, "/v1/accounts/@" + ada.Account.Handle + "/followers", "/v1/accounts/" + ada.Account.ID + "/following"} {
		c.Token = ""
		c.Get(path).Want(200)
		c.Token = ada.Token[:len(ada.Token)-4]
		c.Get(path).Want(401, "auth.invalid")
	}
	// Where everything is public a bad token does not matter.
	c.Post("/v1/sessions", map[string]any{"login": ada.Account.Handle, "password": harness.Password}).Want(201)
	c.Get("/.well-known/jwks.json").Want(200)
	// Only as a bearer, unless the group allows more.
	c.Token = ""
	c.Get("/v1/me?token="+ada.Token).Want(401, "auth.missing")
	c.Get("/v1/me", harness.Header{Name: "Authorization", Value: ada.Token}).Want(401, "auth.invalid")
	c.Get("/v1/me", harness.Header{Name: "Authorization", Value: "bearer " + ada.Token}).Want(200)
}

// S1: a token ends when it says so.
func TestS1_Expiry(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--access-ttl=1s"))
	c, token := s.Client(), ""
	c.Post("/v1/accounts", signUp("ada", nil)).Want(201)
	c, token = bodySignIn(s, "ada")
	s.Eventually("the end of the token", func() bool { return c.Get("/v1/me").Status == 401 })
	c.Get("/v1/me").Want(401, "auth.expired")
	refresh(s, token).Want(200)
}

// S2: the cookie that carries a refresh token, and what it does.
func TestS2_Cookie(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	ada := s.NewPerson("ada").Account.Handle
	c := s.Client()
	cookie := func(a *harness.Answer) *http.Cookie {
		t.Helper()
		for _, line := range a.Header.Values("Set-Cookie") {
			if k, err := http.ParseSetCookie(line); err == nil && k.Name == "parley_refresh" {
				return k
			}
		}
		t.Fatalf("no cookie: %v", a.Header)
		return nil
	}
	first := cookie(c.SignIn(ada, harness.Password).Want(201))
	if !first.HttpOnly || first.Secure || first.SameSite != http.SameSiteStrictMode || first.Path != "/v1/sessions" || first.MaxAge != 480*3600 || first.Domain != "" {
		t.Errorf("%+v", first)
	}
	before := c.Token
	for _, origin := range []string{"https://evil.example", "null", s.Base + "0"} {
		c.Post("/v1/sessions/refresh", nil, harness.Header{Name: "Origin", Value: origin}).Want(403, "origin.foreign")
	}
	a := c.Post("/v1/sessions/refresh", nil, harness.Header{Name: "Origin", Value: s.Base}).Want(200) // nothing was used up
	second := cookie(a)
	if second.Value == first.Value || a.Map()["refreshToken"] != nil || a.Map()["accessToken"] == before {
		t.Errorf("%s", a)
	}
	c.Post("/v1/sessions/refresh", map[string]any{}).Want(200)
	s.Client().Post("/v1/sessions/refresh", nil).Want(401, "session.refresh_invalid")
	out := cookie(c.Delete("/v1/sessions/current").Want(204))
	if out.MaxAge >= 0 || out.Value != "" || out.Path != first.Path {
		t.Errorf("the cookie is not cleared: %+v", out)
	}
	c.Get("/v1/me").Want(401, "auth.revoked")
	c.Post("/v1/sessions/refresh", nil).Want(401, "session.refresh_invalid")

	secure := harness.Start(t, harness.Flags("--base-url=https://forum.example.org"))
	secure.Client().Post("/v1/accounts", signUp("ada", nil)).Want(201)
	if k := cookie(secure.Client().SignIn("ada", harness.Password).Want(201)); !k.Secure {
		t.Errorf("%+v", k)
	}
}

// S2: rotation; two tabs get one successor; reuse ends the session.
func TestS2_Rotation(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	ada := s.NewPerson("ada").Account.Handle
	successor := func(a *harness.Answer) (access, refresh string) {
		t.Helper()
		m := a.Want(200).Map()
		return m["accessToken"].(string), m["refreshToken"].(string)
	}
	_, zero := bodySignIn(s, ada)
	var wg sync.WaitGroup
	got := make([]string, 8)
	for i := range got {
		wg.Go(func() {
			a, err := s.Client().Try("POST", "/v1/sessions/refresh", map[string]any{"refreshToken": zero})
			if err != nil || a.Status != 200 {
				t.Errorf("%v %v", a, err)
				return
			}
			got[i] = a.Map()["refreshToken"].(string)
		})
	}
	wg.Wait()
	if len(slices.Compact(got)) != 1 || got[0] == zero {
		t.Errorf("successors: %v", got)
	}
	access, two := successor(refresh(s, got[0]))
	c := s.Client()
	c.Token = access
	c.Get("/v1/me").Want(200)
	refresh(s, zero).Want(401, "session.refresh_reused")
	c.Get("/v1/me").Want(401, "auth.revoked")
	for _, token := range []string{zero, got[0], two} {
		refresh(s, token).Want(401, "session.refresh_invalid")
	}
	for _, bad := range []string{"x", zero + "A", zero[:len(zero)-2], c.Token} {
		refresh(s, bad).Want(401, "session.refresh_invalid")
	}
	s.Client().Post("/v1/sessions/refresh", map[string]any{"refreshToken": 7}).Want(422)
	s.Client().Post("/v1/sessions/refresh", "{").Want(400)
}

// S2: without grace a second use is reuse; an old token leads nowhere.
func TestS2_GraceAndLife(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--refresh-grace=1ms"))
	s.Client().Post("/v1/accounts", signUp("ada", nil)).Want(201)
	_, token := bodySignIn(s, "ada")
	refresh(s, token).Want(200)
	var last *harness.Answer
	s.Eventually("the end of the grace", func() bool { last = refresh(s, token); return last.Status == 401 })
	last.Want(401, "session.refresh_reused")

	short := harness.Start(t, harness.Flags("--refresh-ttl=2s", "--access-ttl=1s"))
	short.Client().Post("/v1/accounts", signUp("ada", nil)).Want(201)
	_, token = bodySignIn(short, "ada")
	short.Eventually("the end of the token", func() bool { return refresh(short, token).Status == 401 })
	refresh(short, token).Want(401, "session.refresh_invalid")
}

// S4: devices are listed; one, all others and all can be ended.
func TestS4_Devices(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	first := s.NewPerson("ada")
	agent := harness.Header{Name: "User-Agent", Value: "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"}
	second := s.Client()
	var in struct {
		AccessToken string
		Session     struct{ ID string }
	}
	second.Post("/v1/sessions", map[string]any{"login": first.Account.Handle, "password": harness.Password}, agent).Want(201).Into(&in)
	second.Token = in.AccessToken
	third, thirdRefresh := bodySignIn(s, first.Account.Handle)

	list := first.Get("/v1/sessions").Want(200).Items()
	if len(list) != 3 {
		t.Fatalf("%d sessions", len(list))
	}
	for _, item := range list {
		if item["createdAt"] == nil || item["lastSeenAt"] == nil || item["network"] != "127.0.0.1" || item["device"] == nil {
			t.Errorf("%v", item)
		}
		if (item["id"] == in.Session.ID) != (item["device"] == "Firefox on Linux") {
			t.Errorf("%v", item)
		}
	}
	if second.Get("/v1/sessions").Want(200).Items()[1]["current"] != true {
		t.Error("the second one does not know itself")
	}
	page := first.Get("/v1/sessions?limit=2").Want(200)
	rest := first.Get("/v1/sessions?limit=2&cursor=" + page.Next()).Want(200)
	if len(page.Items()) != 2 || len(rest.Items()) != 1 || rest.Next() != "" {
		t.Errorf("%s %s", page, rest)
	}
	for _, bad := range []string{"?limit=0", "?limit=101", "?limit=x"} {
		first.Get("/v1/sessions" + bad).Want(422)
	}
	first.Get("/v1/sessions?cursor=x").Want(400, "list.cursor")

	bob := s.NewPerson("bob")
	for _, id := range []string{in.Session.ID, nowhereAtAll, "x"} {
		bob.Delete("/v1/sessions/" + id).Want(404)
	}
	first.Delete("/v1/sessions/" + in.Session.ID).Want(204)
	second.Get("/v1/me").Want(401, "auth.revoked")
	third.Get("/v1/me").Want(200)
	first.Delete("/v1/sessions?keep=others").Want(422)
	first.Delete("/v1/sessions?keep=current").Want(204)
	third.Get("/v1/me").Want(401, "auth.revoked")
	refresh(s, thirdRefresh).Want(401, "session.refresh_invalid")
	if left := first.Get("/v1/sessions").Want(200).Items(); len(left) != 1 || left[0]["current"] != true {
		t.Errorf("%v", left)
	}
	first.Delete("/v1/sessions").Want(204)
	first.Get("/v1/me").Want(401, "auth.revoked")
	bob.Get("/v1/me").Want(200)
	if again := s.SignIn(first.Account.Handle); len(again.Get("/v1/sessions").Want(200).Items()) != 1 {
		t.Error("ended sessions are listed")
	}
}

// S4: in mode single a new sign-in ends the old one.
func TestS4_Single(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--session-mode=single"))
	first := s.NewPerson("ada")
	second := s.SignIn(first.Account.Handle)
	first.Get("/v1/me").Want(401, "auth.revoked")
	if list := second.Get("/v1/sessions").Want(200).Items(); len(list) != 1 {
		t.Errorf("%v", list)
	}
}

// S4: in mode shared sign-ins share one session.
func TestS4_Shared(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--session-mode=shared"))
	first := s.NewPerson("ada")
	second := s.SignIn(first.Account.Handle)
	list := second.Get("/v1/sessions").Want(200).Items()
	if len(list) != 1 || list[0]["current"] != true {
		t.Errorf("%v", list)
	}
	first.Get("/v1/me").Want(200)
	second.Delete("/v1/sessions/current").Want(204)
	first.Get("/v1/me").Want(401, "auth.revoked")
	s.SignIn(first.Account.Handle).Get("/v1/me").Want(200)
}

// S5: sign-out works at once, and outlives a restart.
func TestS5_SignOut(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	ada := s.NewPerson("ada")
	other := s.SignIn(ada.Account.Handle)
	ada.Get("/v1/me").Want(200)
	ada.Delete("/v1/sessions/current").Want(204)
	ada.Get("/v1/me").Want(401, "auth.revoked")
	ada.Get("/v1/accounts/"+ada.Account.ID).Want(401, "auth.revoked")
	other.Get("/v1/me").Want(200)
	s.Stop()
	s.Again(false)
	s.Move(ada).Get("/v1/me").Want(401, "auth.revoked")
	s.Move(other).Get("/v1/me").Want(200)
}

// S6: tokens never reach the log of the server.
func TestS6_NoTokensInLogs(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--log-level=debug"))
	s.Client().Post("/v1/accounts", signUp("ada", nil)).Want(201)
	c, token := bodySignIn(s, "ada")
	c.Get("/v1/me?token=" + c.Token).Want(200)
	c.Get("/v1/me", harness.Header{Name: "Authorization", Value: "Bearer " + c.Token + "x"}).Want(401)
	refresh(s, token).Want(200)
	letter := s.Mail("ada@example.org")
	for _, secret := range []string{c.Token, token, letter.Token, harness.Password} {
		if strings.Contains(s.Log(), secret) {
			t.Errorf("the log holds %s", secret)
		}
	}
	// Nor do they stand in the data folder in the clear.
	for _, file := range []string{"jwt-eddsa.key", "master.key", "setup-token"} {
		if info, err := os.Stat(s.Data + "/" + file); err == nil && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v", file, info.Mode())
		}
	}
}
