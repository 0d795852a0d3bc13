package commands

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/session"
)

var tokenTime = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

func newTokens(t *testing.T, algorithm string, now *time.Time, keys ...SigningKey) *Tokens {
	t.Helper()
	if len(keys) == 0 {
		keys = []SigningKey{{Bytes: generated(t, algorithm)}}
	}
	tokens, err := NewTokens(TokensConfig{
		Algorithm: algorithm, Keys: keys, Issuer: "parley", Audience: "parley", TTL: 15 * time.Minute, Cache: 16,
		Now: func() time.Time { return *now }, NewID: uuid.New,
	})
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func generated(t *testing.T, algorithm string) []byte {
	t.Helper()
	key, err := GenerateKey(algorithm)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// S1: what a token says, under each algorithm, and until when.
func TestTokens(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"EdDSA", "HS256", "RS256"} {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			now := tokenTime
			tokens := newTokens(t, algorithm, &now)
			account, sid := uuid.New(), uuid.New()
			token, err := tokens.Issue(account, sid, []string{"member"}, session.Binding{})
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // verified, then remembered
				got, err := tokens.Check(token)
				if err != nil || got.Account != account || got.Session != sid || got.Roles[0] != "member" || !got.Expires.Equal(now.Add(15*time.Minute)) {
					t.Errorf("%+v %v", got, err)
				}
			}
			checkClaims(t, token, account, sid)
			now = tokenTime.Add(15*time.Minute - time.Second)
			if _, err := tokens.Check(token); err != nil {
				t.Error(err)
			}
			now = tokenTime.Add(15 * time.Minute) // no leeway
			for range 2 {
				_, err = tokens.Check(token)
				want(t, err, ErrTokenExpired)
			}
			now = tokenTime.Add(-time.Second)
			_, err = newTokens(t, algorithm, &now, SigningKey{Bytes: tokens.cfg.Keys[0].Bytes}).Check(token)
			want(t, err, ErrTokenInvalid) // of the future
			if keys := tokens.JWKS().Keys; (algorithm == "HS256") != (len(keys) == 0) {
				t.Errorf("JWKS %+v", keys)
			}
		})
	}
}

func checkClaims(t *testing.T, token string, account, session uuid.UUID) {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(payload, &m); err != nil {
		t.Fatal(err)
	}
	if m["sub"] != account.String() || m["sid"] != session.String() || m["iss"] != "parley" || m["exp"].(float64)-m["iat"].(float64) != 900 {
		t.Errorf("%v", m)
	}
	if len(m) != 8 || m["jti"] == nil || m["aud"] == nil || m["roles"] == nil {
		t.Errorf("claims: %v", m)
	}
}

// forger makes tokens that look like ours.
type forger struct {
	t       *testing.T
	now     time.Time
	private ed25519.PrivateKey
	kid     string
}

func newForger(t *testing.T, now time.Time, raw []byte, kid string) forger {
	t.Helper()
	block, _ := pem.Decode(raw)
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return forger{t, now, private.(ed25519.PrivateKey), kid}
}

// sign signs good claims, changed by change.
func (f forger) sign(method jwt.SigningMethod, key any, kid string, change func(jwt.MapClaims)) string {
	f.t.Helper()
	claims := jwt.MapClaims{
		"sub": uuid.NewString(), "sid": uuid.NewString(), "jti": uuid.NewString(), "iss": "parley", "aud": "parley",
		"iat": f.now.Unix(), "exp": f.now.Add(time.Minute).Unix(), "roles": []string{"administrator"},
	}
	if change != nil {
		change(claims)
	}
	token := jwt.NewWithClaims(method, claims)
	token.Header["kid"] = kid
	signed, err := token.SignedString(key)
	if err != nil {
		f.t.Fatal(err)
	}
	return signed
}

// claiming signs changed claims with the right key.
func (f forger) claiming(change func(jwt.MapClaims)) string {
	return f.sign(jwt.SigningMethodEdDSA, f.private, f.kid, change)
}

// S1: any other algorithm, key, issuer or audience is refused, "none" above
// all, and so is the public key used as a secret.
func TestForgedTokens(t *testing.T) {
	t.Parallel()
	now := tokenTime
	raw := generated(t, "EdDSA")
	tokens := newTokens(t, "EdDSA", &now, SigningKey{Bytes: raw})
	good, err := tokens.Issue(uuid.New(), uuid.New(), nil, session.Binding{})
	if err != nil {
		t.Fatal(err)
	}
	f := newForger(t, now, raw, tokens.keys[0].id)
	if _, err := tokens.Check(f.claiming(nil)); err != nil {
		t.Fatalf("the pattern of all forgeries: %v", err)
	}
	public := f.private.Public().(ed25519.PublicKey)
	_, stranger, _ := ed25519.GenerateKey(nil)
	parts := strings.Split(good, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT","kid":"` + f.kid + `"}`))
	mac := hmac.New(sha256.New, public)
	mac.Write([]byte(parts[0] + "." + parts[1]))
	for name, token := range map[string]string{
		"empty": "", "no token": "x.y.z", "two parts": parts[0] + "." + parts[1], "padded": good + "=",
		"none":                none + "." + parts[1] + ".",
		"none, lib":           f.sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, f.kid, nil),
		"HS256 by public key": f.sign(jwt.SigningMethodHS256, []byte(public), f.kid, nil),
		"HMAC in its place":   parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)),
		"another key":         f.sign(jwt.SigningMethodEdDSA, stranger, f.kid, nil),
		"unknown kid":         f.sign(jwt.SigningMethodEdDSA, f.private, "x", nil),
		"no kid":              f.sign(jwt.SigningMethodEdDSA, f.private, "", nil),
		"changed":             parts[0] + "." + parts[1][:len(parts[1])-2] + "AA." + parts[2],
		"other issuer":        f.claiming(func(c jwt.MapClaims) { c["iss"] = "x" }),
		"other audience":      f.claiming(func(c jwt.MapClaims) { c["aud"] = "x" }),
		"not yet":             f.claiming(func(c jwt.MapClaims) { c["nbf"] = now.Unix() + 1 }),
		"of the future":       f.claiming(func(c jwt.MapClaims) { c["iat"] = now.Unix() + 1 }),
		"for ever":            f.claiming(func(c jwt.MapClaims) { delete(c, "exp") }),
		"no iat":              f.claiming(func(c jwt.MapClaims) { delete(c, "iat") }),
		"no session":          f.claiming(func(c jwt.MapClaims) { delete(c, "sid") }),
		"no account":          f.claiming(func(c jwt.MapClaims) { c["sub"] = "x" }),
		"expired and foreign": f.claiming(func(c jwt.MapClaims) { c["exp"], c["aud"] = now.Unix()-1, "x" }),
	} {
		if _, err := tokens.Check(token); err == nil {
			t.Errorf("%s was taken", name)
		} else {
			want(t, err, ErrTokenInvalid)
		}
	}
	_, err = tokens.Check(f.claiming(func(c jwt.MapClaims) { c["exp"] = now.Unix() }))
	want(t, err, ErrTokenExpired)
}

// S1: after a rotation old tokens are good until the overlap ends, and both
// keys are public until then.
func TestRotation(t *testing.T) {
	t.Parallel()
	now := tokenTime
	older, newer := generated(t, "EdDSA"), generated(t, "EdDSA")
	old, err := newTokens(t, "EdDSA", &now, SigningKey{Bytes: older}).Issue(uuid.New(), uuid.New(), nil, session.Binding{})
	if err != nil {
		t.Fatal(err)
	}
	rotated := newTokens(t, "EdDSA", &now, SigningKey{Bytes: newer}, SigningKey{Bytes: older, Until: now.Add(time.Minute)})
	if _, err := rotated.Check(old); err != nil || len(rotated.JWKS().Keys) != 2 {
		t.Error(err)
	}
	now = now.Add(time.Minute)
	later := newTokens(t, "EdDSA", &now, SigningKey{Bytes: newer}, SigningKey{Bytes: older, Until: now})
	_, err = later.Check(old)
	want(t, err, ErrTokenInvalid)
	if len(later.JWKS().Keys) != 1 {
		t.Error("the old key is still public")
	}
}

// S1: a key of another kind stops the start, with a sentence.
func TestWrongKeys(t *testing.T) {
	t.Parallel()
	ed, rsa := generated(t, "EdDSA"), generated(t, "RS256")
	for _, c := range []struct {
		algorithm string
		key       []byte
	}{
		{"RS256", ed}, {"EdDSA", rsa}, {"EdDSA", []byte("x")}, {"HS256", []byte("too short")}, {"ES256", ed}, {"none", ed}, {"", ed},
		{"EdDSA", []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")},
	} {
		if _, err := NewTokens(TokensConfig{Algorithm: c.algorithm, Keys: []SigningKey{{Bytes: c.key}}, Cache: 1}); err == nil {
			t.Errorf("%s took %.20q", c.algorithm, c.key)
		}
	}
	if _, err := NewTokens(TokensConfig{Algorithm: "EdDSA", Cache: 1}); err == nil {
		t.Error("no key was taken")
	}
}
