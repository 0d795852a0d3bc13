package acceptance

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// forge signs a token with the key of a data folder.
func forge(t *testing.T, data string, head, claims map[string]any) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(data, "jwt-eddsa.key"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(raw)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	var parts []string
	for _, part := range []map[string]any{head, claims} {
		text, _ := json.Marshal(part)
		parts = append(parts, base64.RawURLEncoding.EncodeToString(text))
	}
	signed := strings.Join(parts, ".")
	return signed + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key.(ed25519.PrivateKey), []byte(signed)))
}

// S1: every claim is looked at, without leeway, also of a token that the right
// key signed; a kid is a name and never a path.
func TestS1_Claims(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Embedded())
	ada := s.NewPerson("ada")
	head, claims := segment(t, ada.Token, 0), segment(t, ada.Token, 1)
	c, now := s.Client(), float64(time.Now().Unix())
	for name, test := range map[string]struct {
		head, claims map[string]any
		slug         string // empty: it is good
	}{
		"as it was":           {nil, nil, ""},
		"another issuer":      {nil, map[string]any{"iss": "other"}, "auth.invalid"},
		"no issuer":           {nil, map[string]any{"iss": nil}, "auth.invalid"},
		"another audience":    {nil, map[string]any{"aud": "other"}, "auth.invalid"},
		"no audience":         {nil, map[string]any{"aud": nil}, "auth.invalid"},
		"expired just now":    {nil, map[string]any{"exp": now - 1}, "auth.expired"},
		"expired and foreign": {nil, map[string]any{"exp": now - 1, "iss": "other"}, "auth.invalid"},
		"no end":              {nil, map[string]any{"exp": nil}, "auth.invalid"},
		"not yet":             {nil, map[string]any{"nbf": now + 60}, "auth.invalid"},
		"from the future":     {nil, map[string]any{"iat": now + 60}, "auth.invalid"},
		"no beginning":        {nil, map[string]any{"iat": nil}, "auth.invalid"},
		"no session":          {nil, map[string]any{"sid": nil}, "auth.invalid"},
		"nobody's session":    {nil, map[string]any{"sid": nowhereAtAll}, "auth.revoked"},
		"nobody":              {nil, map[string]any{"sub": "x"}, "auth.invalid"},
		"somebody else":       {nil, map[string]any{"sub": nowhereAtAll}, "auth.revoked"},
		"an administrator":    {nil, map[string]any{"roles": []string{"administrator"}}, ""},
		"no key":              {map[string]any{"kid": nil}, nil, "auth.invalid"},
		"a path for a key":    {map[string]any{"kid": "../jwt-eddsa.key"}, nil, "auth.invalid"},
		"a file for a key":    {map[string]any{"kid": "/dev/null"}, nil, "auth.invalid"},
		"a key of its own":    {map[string]any{"kid": "x", "jwk": map[string]any{"kty": "OKP"}, "jku": "https://evil.example/jwks"}, nil, "auth.invalid"},
		"a number for a key":  {map[string]any{"kid": 1}, nil, "auth.invalid"},
		"another algorithm":   {map[string]any{"alg": "HS256"}, nil, "auth.invalid"},
		"none":                {map[string]any{"alg": "none"}, nil, "auth.invalid"},
	} {
		h, cl := maps.Clone(head), maps.Clone(claims)
		for to, from := range map[*map[string]any]map[string]any{&h: test.head, &cl: test.claims} {
			for k, v := range from {
				if (*to)[k] = v; v == nil {
					delete(*to, k)
				}
			}
		}
		c.Token = forge(t, s.Data, h, cl)
		a := c.Get("/v1/me")
		if ok := a.Status == 200; ok != (test.slug == "") || a.Error != test.slug {
			t.Errorf("%s: %s, want %q", name, a, test.slug)
		}
	}
	// What a token says of roles gives none.
	c.Token = forge(t, s.Data, head, func() map[string]any { claims["roles"] = []string{"administrator"}; return claims }())
	c.Get("/v1/admin/api-keys").Want(403)
}

// kids are the names of the published keys.
func kids(t *testing.T, s *harness.Server) (all []string) {
	t.Helper()
	var set struct{ Keys []struct{ Kid string } }
	if err := json.Unmarshal(s.Client().Get("/.well-known/jwks.json").Want(200).Raw, &set); err != nil {
		t.Fatal(err)
	}
	for _, k := range set.Keys {
		all = append(all, k.Kid)
	}
	return all
}

// S1: a rotated key signs from the next start on; the one before it is
// published and accepted for the overlap and not for longer. A key that was
// prepared is published before it signs.
func TestS1_Rotation(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := harness.Start(t, harness.On(data), harness.Embedded())
	s.Client().Post("/v1/accounts", signUp("ada", nil)).Want(201)
	c, token := bodySignIn(s, "ada")
	first := kids(t, s)
	rotate := func(want int, args ...string) {
		t.Helper()
		if out, stderr, status := parleyWith(t, nil, append([]string{"keys", "rotate", "--data", data}, args...)...); status != want {
			t.Fatalf("status %d, want %d: %s%s", status, want, out, stderr)
		}
	}
	rotate(1) // it runs
	s.Stop()
	rotate(0, "--prepare")
	s.Again(false)
	s.Move(c).Get("/v1/me").Want(200)
	prepared := kids(t, s)
	if len(prepared) != 2 || prepared[0] != first[0] {
		t.Fatalf("%v after %v", prepared, first)
	}
	s.Stop()
	rotate(0)
	s.Again(false)
	s.Move(c).Get("/v1/me").Want(200)
	if now := kids(t, s); len(now) != 2 || now[0] != prepared[1] || now[1] != first[0] {
		t.Fatalf("%v after %v", now, prepared)
	}
	newer, _ := bodySignIn(s, "ada")
	if got := segment(t, newer.Token, 0)["kid"]; got != prepared[1] {
		t.Errorf("signed by %v, want %s", got, prepared[1])
	}
	s.Stop()

	over := harness.Start(t, harness.On(data), harness.Embedded(), harness.Flags("--jwt-overlap=1ms"))
	over.Move(c).Get("/v1/me").Want(401, "auth.invalid")
	over.Move(newer).Get("/v1/me").Want(200)
	if now := kids(t, over); len(now) != 1 || now[0] != prepared[1] {
		t.Errorf("%v", now)
	}
	refresh(over, token).Want(200) // the session goes on
	if _, stderr, status := parleyWith(t, nil, "keys", "rotate", "--data", filepath.Join(data, "none")); status != 1 || !strings.Contains(stderr, "there is no signing key") {
		t.Errorf("status %d: %s", status, stderr)
	}
}

// S1: where the key is a file that the settings name, as every cluster has it,
// it is rotated beside a server that runs: nobody is signed out.
func TestS1_RotationOfAKeyFile(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	var file string
	if s.Cluster != nil {
		file = s.Cluster.SigningKeyFile()
	} else { // the key that it made, in another place
		s.Stop()
		file = filepath.Join(t.TempDir(), "jwt.key")
		key, err := os.ReadFile(filepath.Join(s.Data, "jwt-eddsa.key"))
		if err == nil {
			err = os.WriteFile(file, key, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		s = harness.Start(t, harness.On(s.Data), harness.Flags("--jwt-key-file="+file))
	}
	ada := s.NewPerson("ada")
	first := kids(t, s)
	rotate := func(args ...string) {
		t.Helper()
		out, stderr, status := parleyWith(t, nil, append([]string{"keys", "rotate", "--jwt-key-file", file}, args...)...)
		if status != 0 || strings.Contains(out+stderr, "PRIVATE KEY") {
			t.Fatalf("status %d: %s%s", status, out, stderr)
		}
		ada.Get("/v1/me").Want(200)
		s.Stop()
		s.Again(false)
		s.Move(ada).Get("/v1/me").Want(200)
	}
	rotate("--prepare")
	prepared := kids(t, s)
	if len(prepared) != 2 || prepared[0] != first[0] {
		t.Fatalf("%v after %v", prepared, first)
	}
	rotate()
	if now := kids(t, s); len(now) != 2 || now[0] != prepared[1] || now[1] != first[0] {
		t.Errorf("%v after %v", now, prepared)
	}
	if got := segment(t, s.SignIn(ada.Account.Handle).Token, 0)["kid"]; got != prepared[1] {
		t.Errorf("signed by %v, want %s", got, prepared[1])
	}
}

// S1: tokens that live for longer than a day warn.
func TestS1_LongLifeWarns(t *testing.T) {
	t.Parallel()
	for ttl, warns := range map[string]bool{"24h": false, "25h": true} {
		s := harness.Start(t, harness.Embedded(), harness.Flags("--access-ttl="+ttl))
		if strings.Contains(s.Log(), "longer than a day") != warns {
			t.Errorf("%s: %s", ttl, s.Log())
		}
	}
}

// S3: a token that is older than --max-refresh brings another one, which no
// cache keeps; the old one stays good; API keys get none; off by default.
func TestS3_SlidingHeader(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--max-refresh=2s", "--access-ttl=10m"))
	admin := s.Admin()
	c := s.SignIn("first_admin")
	var key struct{ Key string }
	admin.Post("/v1/admin/api-keys", map[string]any{"name": "k", "scopes": []string{"admin"}}).Want(201).Into(&key)
	old, renewed := c.Token, ""
	var last *harness.Answer
	s.Eventually("a new token", func() bool {
		last = c.Get("/v1/me", harness.Header{Name: "Origin", Value: s.Base}).Want(200)
		renewed = last.Header.Get("refresh-token")
		return renewed != ""
	})
	if h := last.Header; h.Get("Cache-Control") != "no-store" || !strings.Contains(h.Get("Access-Control-Expose-Headers"), "refresh-token") {
		t.Errorf("%v", h)
	}
	was, is := segment(t, old, 1), segment(t, renewed, 1)
	if is["iat"].(float64)-was["iat"].(float64) < 2 || is["exp"].(float64) <= was["exp"].(float64) || is["jti"] == was["jti"] || is["sid"] != was["sid"] || is["sub"] != was["sub"] {
		t.Errorf("%v after %v", is, was)
	}
	if c.Get("/v1/rooms/"+nowhereAtAll).Want(404).Header.Get("refresh-token") == "" { // errors carry it too
		t.Error("an error without the header")
	}
	newer := s.Client()
	newer.Token = renewed
	if a := newer.Get("/v1/me").Want(200); a.Header.Get("refresh-token") != "" && time.Since(time.Unix(int64(is["iat"].(float64)), 0)) < 2*time.Second {
		t.Error("a new token brings another one")
	}
	c.Get("/v1/me").Want(200)
	program := s.Client()
	program.Token = key.Key
	if a := program.Get("/v1/admin/projections").Want(200); a.Header.Get("refresh-token") != "" {
		t.Error("an API key brings a token")
	}
	if a := c.Get("/livez"); a.Header.Get("refresh-token") != "" {
		t.Error("a public route looks at tokens")
	}
	newer.Delete("/v1/sessions/current").Want(204)
	for _, ended := range []*harness.Client{c, newer} {
		if a := ended.Get("/v1/me").Want(401, "auth.revoked"); a.Header.Get("refresh-token") != "" {
			t.Error("a session that is over is renewed")
		}
	}
}

// S3: no token outlives its session.
func TestS3_NotPastTheSession(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--max-refresh=1s", "--access-ttl=30s", "--refresh-ttl=31s"))
	s.Client().Post("/v1/accounts", signUp("ada", nil)).Want(201)
	c := s.SignIn("ada")
	began := time.Now()
	renewed := ""
	s.Eventually("a new token", func() bool {
		if token := c.Get("/v1/me").Want(200).Header.Get("refresh-token"); token != "" {
			renewed = token
		}
		return renewed != ""
	})
	if exp := time.Unix(int64(segment(t, renewed, 1)["exp"].(float64)), 0); exp.Sub(began) > 33*time.Second {
		t.Errorf("good for %s, the session for 31 s", exp.Sub(began))
	}
	off := harness.Start(t, harness.Flags("--access-ttl=30s", "--refresh-ttl=31s"))
	off.Client().Post("/v1/accounts", signUp("ada", nil)).Want(201)
	if a := off.SignIn("ada").Get("/v1/me").Want(200); a.Header.Get("refresh-token") != "" || a.Header.Get("Cache-Control") == "no-store" {
		t.Errorf("%v", a.Header)
	}
}

// S6: each carrier is taken where a group allows it and nowhere else.
func TestS6_Carriers(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--log-level=debug",
		"--token-carriers=accounts=raw,query;forum=query,cookie;sessions=form,bearer;notifications=cookie,bearer"))
	ada := s.NewPerson("ada")
	c := s.Client()
	raw := harness.Header{Name: "Authorization", Value: ada.Token}
	bearer := harness.Header{Name: "Authorization", Value: "Bearer " + ada.Token}
	cookie := harness.Header{Name: "Cookie", Value: "parley_token=" + ada.Token}
	query := "?token=" + ada.Token
	for _, test := range []struct {
		path   string
		header []harness.Header
		status int
		slug   string
	}{
		{"/v1/me", []harness.Header{raw}, 200, ""},
		{"/v1/me" + query, nil, 200, ""},
		{"/v1/me", []harness.Header{bearer}, 401, "auth.invalid"},
		{"/v1/me", []harness.Header{cookie}, 401, "auth.missing"},
		{"/v1/feed" + query, nil, 200, ""},
		{"/v1/feed?token=x", nil, 401, "auth.invalid"},
		{"/v1/feed", []harness.Header{cookie}, 200, ""},
		{"/v1/notifications", []harness.Header{cookie}, 200, ""},
		{"/v1/notifications", []harness.Header{bearer}, 200, ""},
		{"/v1/notifications" + query, nil, 401, "auth.missing"},
		{"/v1/sessions" + query, nil, 401, "auth.missing"},
		{"/v1/rooms", []harness.Header{bearer}, 200, ""}, // not named: bearer alone
		{"/v1/rooms", []harness.Header{raw}, 401, "auth.invalid"},
		{"/v1/rooms", []harness.Header{cookie}, 401, "auth.missing"},
		{"/v1/rooms" + query, nil, 401, "auth.missing"},
	} {
		if a := c.Get(test.path, test.header...); a.Status != test.status || a.Error != test.slug {
			t.Errorf("%.20s with %.30v: %s", test.path, test.header, a)
		}
	}
	// A foreign page makes a browser send a cookie; then it writes nothing.
	evil := harness.Header{Name: "Origin", Value: "https://evil.example"}
	c.Put("/v1/boards/"+nowhereAtAll+"/follow", nil, cookie, evil).Want(403, "origin.foreign")
	c.Put("/v1/boards/"+nowhereAtAll+"/follow", nil, cookie).Want(404)

	urlencoded := harness.Header{Name: "Content-Type", Value: "application/x-www-form-urlencoded"}
	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	_ = parts.WriteField("other", "x")
	_ = parts.WriteField("token", ada.Token)
	_ = parts.Close()
	parted := harness.Header{Name: "Content-Type", Value: parts.FormDataContentType()}
	for _, body := range []struct {
		text string
		kind harness.Header
	}{{"token=" + ada.Token, urlencoded}, {form.String(), parted}} {
		c.Do("DELETE", "/v1/sessions/"+nowhereAtAll, body.text, body.kind).Want(404) // signed in, and not there
		c.Do("DELETE", "/v1/rooms/"+nowhereAtAll+"/members/"+nowhereAtAll, body.text, body.kind).Want(401, "auth.missing")
		bad := strings.ReplaceAll(body.text, ada.Token, "x")
		c.Do("DELETE", "/v1/sessions/"+nowhereAtAll, bad, body.kind).Want(401, "auth.invalid")
	}
	c.Do("DELETE", "/v1/sessions/"+nowhereAtAll, form.String()[:40], parted).Want(401, "auth.missing")
	for name, text := range map[string]string{"the log": s.Log(), "metrics": string(c.Get("/metrics").Raw)} {
		if _, signature, _ := cutLast(ada.Token); strings.Contains(text, signature) || strings.Contains(text, "token=") {
			t.Errorf("%s tells tokens", name)
		}
	}
}

// S9: guarded groups take a request once, within the window.
func TestS9_ReplayGuard(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--replay-guard=forum,chat", "--replay-window=60s"))
	ada, bob := s.NewPerson("ada"), s.NewPerson("bob")
	with := func(at, nonce string) []harness.Header {
		return []harness.Header{{Name: "Parley-Timestamp", Value: at}, {Name: "Parley-Nonce", Value: nonce}}
	}
	unix := func(off time.Duration) string { return strconv.FormatInt(time.Now().Add(off).Unix(), 10) }
	n := 0
	fresh := func() string { n++; return fmt.Sprint("nonce-", n) }

	ada.Get("/v1/me").Want(200) // another group
	used := fresh()
	ada.Get("/v1/feed", with(unix(0), used)...).Want(200)
	ada.Get("/v1/feed", with(unix(0), used)...).Want(401, "replay.seen")
	ada.Get("/v1/rooms", with(unix(time.Second), used)...).Want(401, "replay.seen") // elsewhere, later
	bob.Get("/v1/feed", with(unix(0), used)...).Want(200)                           // bound to the account
	s.Client().Get("/v1/feed", with(unix(0), used)...).Want(200)
	s.Client().Get("/v1/feed", with(unix(0), used)...).Want(401, "replay.seen")
	ada.Get("/v1/feed", with(time.Now().UTC().Format(time.RFC3339Nano), fresh())...).Want(200)
	for _, off := range []time.Duration{-50 * time.Second, 50 * time.Second} {
		ada.Get("/v1/feed", with(unix(off), fresh())...).Want(200)
	}
	stale := fresh()
	for _, off := range []time.Duration{-70 * time.Second, 70 * time.Second, -1000 * time.Hour} {
		ada.Get("/v1/feed", with(unix(off), stale)...).Want(401, "replay.stale")
	}
	ada.Get("/v1/feed", with(unix(0), stale)...).Want(200) // what was refused is not used up
	ada.Get("/v1/feed").Want(401, "replay.invalid")
	for name, h := range map[string][]harness.Header{
		"no nonce": with(unix(0), ""), "no timestamp": with("", fresh()), "words": with("now", fresh()), "a fraction": with(unix(0)+".5", fresh()),
		"hex": with("0x10", fresh()), "huge": with(strings.Repeat("9", 39), fresh()), "longer": with(strings.Repeat("1", 5000), fresh()),
		"a date": with("2026-01-01", fresh()), "a space": with(unix(0), "a b"), "no ASCII": with(unix(0), "nönce"), "long": with(unix(0), strings.Repeat("n", 129)),
	} {
		a := ada.Get("/v1/feed", h...)
		if a.Status != 401 || a.Error != "replay.invalid" || len(a.Details) != 1 || !strings.HasPrefix(a.Details[0].Field, "Parley-") {
			t.Errorf("%s: %s", name, a)
		}
	}
	ada.Get("/v1/feed", with(unix(0), strings.Repeat("n", 128))...).Want(200)
	// Who is nobody's session is told that first.
	bad := s.Client()
	bad.Token = "x"
	bad.Get("/v1/feed", with(unix(0), fresh())...).Want(401, "auth.invalid")
	preflight := s.Client().Do(http.MethodOptions, "/v1/feed", nil, harness.Header{Name: "Origin", Value: s.Base}, harness.Header{Name: "Access-Control-Request-Method", Value: "GET"}).Want(204)
	if got := preflight.Header.Get("Access-Control-Allow-Headers"); !strings.Contains(got, "Parley-Nonce") || !strings.Contains(got, "Parley-Timestamp") {
		t.Errorf("%q", got)
	}
}

// S5: under each policy a sign-out counts at once, what lives goes on, and all
// of it outlives a restart.
func TestS5_Policies(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"blacklist", "whitelist", "both"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			s := harness.Start(t, harness.Flags("--revocation="+policy))
			first := s.NewPerson("ada")
			second, third := s.SignIn(first.Account.Handle), s.SignIn(first.Account.Handle)
			for range 3 {
				first.Get("/v1/me").Want(200)
				second.Get("/v1/me").Want(200)
			}
			second.Delete("/v1/sessions/current").Want(204)
			second.Get("/v1/me").Want(401, "auth.revoked")
			third.Get("/v1/me").Want(200)
			first.Delete("/v1/sessions?keep=current").Want(204)
			third.Get("/v1/me").Want(401, "auth.revoked")
			s.Stop()
			s.Again(false)
			s.Move(first).Get("/v1/me").Want(200)
			for _, ended := range []*harness.Client{second, third} {
				s.Move(ended).Get("/v1/me").Want(401, "auth.revoked")
			}
		})
	}
}
