package commands

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/session"
)

// Faults of access tokens.
var (
	ErrTokenInvalid = fault.New(fault.Unauthorized, "auth.invalid", "This token is not valid.")
	ErrTokenExpired = fault.New(fault.Unauthorized, "auth.expired", "This token has expired; please refresh it.")
	ErrTokenRevoked = fault.New(fault.Unauthorized, "auth.revoked", "This session is over; please sign in again.")
)

// TokensConfig is what access tokens are made of.
type TokensConfig struct {
	Algorithm string // EdDSA, HS256 or RS256; no other one is ever accepted
	// Keys are PKCS#8 PEM, for HS256 raw bytes. The first one signs; the
	// others were used before it and are still accepted.
	Keys             []SigningKey
	Issuer, Audience string
	TTL              time.Duration
	Cache            int // verified tokens remembered
	Now              func() time.Time
	NewID            func() uuid.UUID
}

// SigningKey is a key as it stands in its file.
type SigningKey struct {
	Bytes []byte
	Until time.Time // not accepted from then on; zero: no end
}

// Tokens issues and checks access tokens (RFC 7519, 8725). It is safe for use
// at once.
type Tokens struct {
	cfg    TokensConfig
	method jwt.SigningMethod
	keys   []tokenKey
	parser *jwt.Parser
	seen   *lru.Cache[[sha256.Size]byte, Actor] // by hash: tokens are kept nowhere
}

// claims of an access token; nothing sensitive.
type claims struct {
	Session string   `json:"sid"`
	Roles   []string `json:"roles"`
	Agent   []byte   `json:"bua,omitempty"` // see session.Binding
	Network []byte   `json:"bip,omitempty"`
	jwt.RegisteredClaims
}

// NewTokens reads the keys. It fails for a key that is not of the algorithm.
func NewTokens(cfg TokensConfig) (*Tokens, error) {
	t := &Tokens{cfg: cfg, method: jwt.GetSigningMethod(cfg.Algorithm)}
	switch cfg.Algorithm {
	case "EdDSA", "HS256", "RS256":
	default:
		return nil, fmt.Errorf("access tokens: unknown algorithm %q", cfg.Algorithm)
	}
	if len(cfg.Keys) == 0 {
		return nil, errors.New("access tokens: no signing key")
	}
	for _, k := range cfg.Keys {
		key, err := readKey(cfg.Algorithm, k)
		if err != nil {
			return nil, fmt.Errorf("access tokens: signing key for %s: %w", cfg.Algorithm, err)
		}
		t.keys = append(t.keys, key)
	}
	t.parser = jwt.NewParser(
		jwt.WithValidMethods([]string{cfg.Algorithm}), jwt.WithIssuer(cfg.Issuer), jwt.WithAudience(cfg.Audience),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithTimeFunc(cfg.Now), jwt.WithStrictDecoding(),
	)
	var err error
	t.seen, err = lru.New[[sha256.Size]byte, Actor](cfg.Cache)
	return t, err
}

// TTL is how long a token lives.
func (t *Tokens) TTL() time.Duration { return t.cfg.TTL }

// Issue signs a token for an account's session, good where to says.
func (t *Tokens) Issue(account, sid uuid.UUID, roles []string, to session.Binding) (string, error) {
	now := t.cfg.Now()
	return t.issue(account, sid, roles, to, now, now.Add(t.cfg.TTL))
}

func (t *Tokens) issue(account, sid uuid.UUID, roles []string, to session.Binding, now, expires time.Time) (string, error) {
	token := jwt.NewWithClaims(t.method, claims{
		Session: sid.String(),
		Roles:   roles,
		Agent:   to.Agent,
		Network: to.Network,
		RegisteredClaims: jwt.RegisteredClaims{
			Subject:   account.String(),
			ID:        t.cfg.NewID().String(),
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(expires),
			Issuer:    t.cfg.Issuer,
			Audience:  jwt.ClaimStrings{t.cfg.Audience},
		},
	})
	token.Header["kid"] = t.keys[0].id
	return token.SignedString(t.keys[0].private)
}

// Check verifies a token by itself: whether its session lives is not asked.
// Errors: ErrTokenInvalid, ErrTokenExpired.
func (t *Tokens) Check(token string) (Actor, error) {
	hash := sha256.Sum256([]byte(token))
	if a, ok := t.seen.Get(hash); ok {
		if !t.cfg.Now().Before(a.Expires) {
			t.seen.Remove(hash)
			return Actor{}, ErrTokenExpired
		}
		return a, nil
	}
	if broken(token) {
		return Actor{}, ErrTokenInvalid
	}
	var c claims
	_, err := t.parser.ParseWithClaims(token, &c, t.key)
	switch {
	case errors.Is(err, jwt.ErrTokenExpired) && only(err, jwt.ErrTokenExpired):
		return Actor{}, ErrTokenExpired
	case err != nil:
		return Actor{}, ErrTokenInvalid
	}
	account, err1 := uuid.Parse(c.Subject)
	sid, err2 := uuid.Parse(c.Session)
	if err1 != nil || err2 != nil || c.IssuedAt == nil {
		return Actor{}, ErrTokenInvalid
	}
	a := Actor{
		Account: account, Session: sid, Roles: c.Roles, Issued: c.IssuedAt.Time, Expires: c.ExpiresAt.Time,
		origin: session.Binding{Agent: c.Agent, Network: c.Network},
	}
	t.seen.Add(hash, a)
	return a, nil
}

// only says that nothing else was wrong with the claims: a token of another
// audience that has expired too is not one to be refreshed.
func only(err, what error) bool {
	for _, other := range []error{
		jwt.ErrTokenMalformed, jwt.ErrTokenUnverifiable, jwt.ErrTokenSignatureInvalid, jwt.ErrTokenInvalidAudience,
		jwt.ErrTokenUsedBeforeIssued, jwt.ErrTokenInvalidIssuer, jwt.ErrTokenNotValidYet, jwt.ErrTokenRequiredClaimMissing,
	} {
		if other != what && errors.Is(err, other) {
			return false
		}
	}
	return true
}

// key finds the key that a token names. The algorithm was checked by the
// parser, and each key serves that one alone.
func (t *Tokens) key(token *jwt.Token) (any, error) {
	id, _ := token.Header["kid"].(string)
	for _, k := range t.keys {
		if k.id == id && (k.until.IsZero() || t.cfg.Now().Before(k.until)) {
			return k.public, nil
		}
	}
	return nil, errors.New("no such key")
}
