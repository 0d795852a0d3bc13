package commands

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// Sizes of keys.
const (
	rsaBits  = 2048 // made here; smaller ones are refused
	hmacSize = 32   // bytes, at least
)

// JWK is a public key (RFC 7517, 7518, 8037).
type JWK struct {
	KeyType   string `json:"kty"`
	KeyID     string `json:"kid"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	Curve     string `json:"crv,omitempty"`
	X         string `json:"x,omitempty"`
	N         string `json:"n,omitempty"`
	E         string `json:"e,omitempty"`
}

// JWKS is a set of public keys.
type JWKS struct {
	Keys []JWK `json:"keys"`
}

type tokenKey struct {
	id              string // RFC 7638 thumbprint
	private, public any
	jwk             *JWK // nil for HS256
	until           time.Time
}

// JWKS is the set of public keys by which others may verify tokens; empty for
// HS256.
func (t *Tokens) JWKS() JWKS {
	set := JWKS{Keys: []JWK{}}
	for _, k := range t.keys {
		if k.jwk != nil && (k.until.IsZero() || t.cfg.Now().Before(k.until)) {
			set.Keys = append(set.Keys, *k.jwk)
		}
	}
	return set
}

// GenerateKey makes a signing key as its file holds it.
func GenerateKey(algorithm string) ([]byte, error) {
	var key any
	var err error
	switch algorithm {
	case "EdDSA":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case "RS256":
		key, err = rsa.GenerateKey(rand.Reader, rsaBits)
	case "HS256":
		raw := make([]byte, 2*hmacSize)
		_, err = rand.Read(raw)
		return raw, err
	default:
		return nil, fmt.Errorf("unknown algorithm %q", algorithm)
	}
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// readKey reads a key of one algorithm, and of no other.
func readKey(algorithm string, k SigningKey) (tokenKey, error) {
	b64 := base64.RawURLEncoding.EncodeToString
	if algorithm == "HS256" {
		if len(k.Bytes) < hmacSize {
			return tokenKey{}, fmt.Errorf("it has %d bytes, at least %d are needed", len(k.Bytes), hmacSize)
		}
		id := thumbprint(fmt.Sprintf(`{"k":%q,"kty":"oct"}`, b64(k.Bytes)))
		return tokenKey{id: id, private: k.Bytes, public: k.Bytes, until: k.Until}, nil
	}
	block, _ := pem.Decode(k.Bytes)
	if block == nil || block.Type != "PRIVATE KEY" {
		return tokenKey{}, errors.New("it is not PKCS#8 PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return tokenKey{}, err
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		return tokenKey{}, fmt.Errorf("it is a %T", parsed)
	}
	out := tokenKey{private: parsed, public: signer.Public(), until: k.Until}
	switch public := signer.Public().(type) {
	case ed25519.PublicKey:
		if algorithm != "EdDSA" {
			return tokenKey{}, errors.New("it is an Ed25519 key")
		}
		out.id = thumbprint(fmt.Sprintf(`{"crv":"Ed25519","kty":"OKP","x":%q}`, b64(public)))
		out.jwk = &JWK{KeyType: "OKP", Curve: "Ed25519", X: b64(public)}
	case *rsa.PublicKey:
		if algorithm != "RS256" || public.N.BitLen() < rsaBits {
			return tokenKey{}, fmt.Errorf("it is an RSA key of %d bits", public.N.BitLen())
		}
		e, n := b64(big.NewInt(int64(public.E)).Bytes()), b64(public.N.Bytes())
		out.id = thumbprint(fmt.Sprintf(`{"e":%q,"kty":"RSA","n":%q}`, e, n))
		out.jwk = &JWK{KeyType: "RSA", N: n, E: e}
	default:
		return tokenKey{}, fmt.Errorf("it is a %T", parsed)
	}
	out.jwk.KeyID, out.jwk.Use, out.jwk.Algorithm = out.id, "sig", algorithm
	return out, nil
}

func thumbprint(canonical string) string {
	sum := sha256.Sum256([]byte(canonical))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// JWKS is Tokens.JWKS of the tokens that the commands issue.
func (c *Commands) JWKS() JWKS { return c.deps.Tokens.JWKS() }
