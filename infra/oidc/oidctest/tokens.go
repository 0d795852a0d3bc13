package oidctest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Lie is what is wrong with what the provider says.
type Lie int

// The lies.
const (
	None Lie = iota
	WrongNonce
	NoNonce
	WrongAudience
	OtherParty       // azp is another client
	ManyAudiences    // and no azp
	Expired          // a minute ago
	NoExpiry         // never
	WrongIssuer      // iss of the id_token
	NoSubject        //
	LongSubject      // 256 bytes
	AlgNone          // unsigned
	AlgHS256         // signed with the public key as a secret
	UnknownKey       // signed by a key that is not published, under the name of one that is
	WrongAccessToken // at_hash of another
	NoToken          // no id_token at all
	Huge             // an answer over every bound
	OtherIssuerInAnswer
	NoIssuerInAnswer // though discovery says that there is one
	OtherUserInfo    // of another subject; with ByUserInfo
	lies
)

// Lies are all that must lead to nothing.
func Lies() []Lie {
	var all []Lie
	for l := None + 1; l < lies; l++ {
		all = append(all, l)
	}
	return all
}

// signingKey is a key that the provider signs with.
type signingKey struct {
	id     string
	method jwt.SigningMethod
	signer crypto.Signer
}

// rsaKey is made once: it takes a while.
var rsaKeys = sync.OnceValues(func() ([2]*rsa.PrivateKey, error) {
	var keys [2]*rsa.PrivateKey
	for i := range keys {
		var err error
		if keys[i], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			return keys, err
		}
	}
	return keys, nil
})

// Rotate makes the provider sign with a new key of that algorithm, RS256 or
// ES256; the one before stays published.
func (p *Provider) Rotate(alg string) {
	p.t.Helper()
	rsaKeys, err := rsaKeys()
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	k := signingKey{id: fmt.Sprintf("key-%d", len(p.keys)), method: jwt.SigningMethodRS256, signer: rsaKeys[0]}
	if alg == "ES256" {
		ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			p.t.Fatal(err)
		}
		k.method, k.signer = jwt.SigningMethodES256, ec
	}
	p.keys = append(p.keys, k)
}

func (p *Provider) jwks(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var keys []map[string]any
	for _, k := range p.keys {
		m := map[string]any{"kid": k.id, "use": "sig", "alg": k.method.Alg()}
		switch public := k.signer.Public().(type) {
		case *rsa.PublicKey:
			m["kty"], m["n"], m["e"] = "RSA", segment(public.N.Bytes()), segment(big.NewInt(int64(public.E)).Bytes())
		case *ecdsa.PublicKey:
			point, _ := public.Bytes() // 4, x, y
			m["kty"], m["crv"], m["x"], m["y"] = "EC", "P-256", segment(point[1:33]), segment(point[33:])
		}
		keys = append(keys, m)
	}
	reply(w, http.StatusOK, map[string]any{"keys": keys})
}

// idToken is the token of a grant, with its lie. The caller holds p.mu.
func (p *Provider) idToken(g grant, bearer string) string {
	k, lie := p.keys[len(p.keys)-1], g.person.Lie
	hash := sha256.Sum256([]byte(bearer))
	c := jwt.MapClaims{
		"iss": p.URL, "aud": p.Client, "sub": g.person.Subject, "nonce": g.nonce,
		"iat": unix(0), "exp": unix(5 * time.Minute), "at_hash": segment(hash[:16]),
	}
	if p.issuer != "" {
		c["iss"] = p.issuer
	}
	if !g.person.ByUserInfo {
		maps.Copy(c, g.person.profile())
	}
	switch lie {
	case WrongNonce:
		c["nonce"] = random()
	case NoNonce:
		delete(c, "nonce")
	case WrongAudience:
		c["aud"] = "another"
	case OtherParty:
		c["azp"] = "another"
	case ManyAudiences:
		c["aud"] = []string{p.Client, "another"}
	case Expired:
		c["exp"] = unix(-time.Minute)
	case NoExpiry:
		delete(c, "exp")
	case WrongIssuer:
		c["iss"] = "https://accounts.google.com"
	case NoSubject:
		delete(c, "sub")
	case LongSubject:
		c["sub"] = fmt.Sprintf("%0256d", 1)
	case WrongAccessToken:
		c["at_hash"] = segment(hash[16:])
	}
	return p.sign(k, lie, c)
}

func (p *Provider) sign(k signingKey, lie Lie, c jwt.MapClaims) string {
	var key any = k.signer
	method := k.method
	switch lie {
	case AlgNone:
		method, key = jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType
	case AlgHS256:
		der, err := x509.MarshalPKIXPublicKey(k.signer.Public())
		if err != nil {
			panic(err)
		}
		method, key = jwt.SigningMethodHS256, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	case UnknownKey:
		keys, _ := rsaKeys()
		method, key = jwt.SigningMethodRS256, keys[1]
	}
	token := jwt.NewWithClaims(method, c)
	token.Header["kid"] = k.id
	signed, err := token.SignedString(key)
	if err != nil {
		panic(err) // of a test's own key
	}
	return signed
}

func segment(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }
