package passkeys_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands/passkeys"
)

var ada = uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8057")

func party(t testing.TB, base string, origins ...string) *passkeys.Party {
	t.Helper()
	p, err := passkeys.New(passkeys.Config{BaseURL: base, Origins: origins, TTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// device is an authenticator of ada with one key.
func device(kind virtualwebauthn.KeyType) (virtualwebauthn.Authenticator, virtualwebauthn.Credential) {
	key := virtualwebauthn.NewCredential(kind)
	for kind == virtualwebauthn.KeyTypeEC2 && len(key.Key.AttestationData()) != 77 { // it leaves zeros of coordinates out
		key = virtualwebauthn.NewCredential(kind)
	}
	return virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: ada[:]}), key
}

// made is a passkey of ada's device, and the answer by which it was made.
func made(t testing.TB, p *passkeys.Party, site virtualwebauthn.RelyingParty, a virtualwebauthn.Authenticator, key virtualwebauthn.Credential) (passkeys.Credential, []byte, []byte) {
	t.Helper()
	options, kept, err := p.Create(passkeys.Person{ID: ada, Handle: "ada", DisplayName: "Ada"})
	if err != nil {
		t.Fatal(err)
	}
	asked, err := virtualwebauthn.ParseAttestationOptions(string(options))
	if err != nil {
		t.Fatal(err)
	}
	answer := []byte(virtualwebauthn.CreateAttestationResponse(site, a, key, *asked))
	c, err := p.Created(kept, answer, ada)
	if err != nil {
		t.Fatal(err)
	}
	return c, kept, answer
}

// A10: both kinds of keys, from the first challenge to a sign-in.
func TestCeremonies(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]virtualwebauthn.KeyType{"EC": virtualwebauthn.KeyTypeEC2, "RSA": virtualwebauthn.KeyTypeRSA} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			site := virtualwebauthn.RelyingParty{ID: "forum.example", Origin: "https://app.example"}
			p := party(t, "https://forum.example/", site.Origin)
			a, key := device(kind)
			key.Counter = 7
			c, _, _ := made(t, p, site, a, key)
			if string(c.ID) != string(key.ID) || c.Counter != 7 || c.Synced || len(c.PublicKey) == 0 {
				t.Errorf("made %+v", c)
			}
			options, kept, err := p.Ask()
			if err != nil {
				t.Fatal(err)
			}
			if !json.Valid(options) || strings.Contains(string(options), "publicKey") {
				t.Errorf("options %s", options)
			}
			asked, err := virtualwebauthn.ParseAssertionOptions(string(options))
			if err != nil {
				t.Fatal(err)
			}
			key.Counter = 9
			answer, err := passkeys.Read([]byte(virtualwebauthn.CreateAssertionResponse(site, a, key, *asked)))
			if err != nil || string(answer.Credential) != string(key.ID) {
				t.Fatalf("%x %v", answer.Credential, err)
			}
			if n, err := p.Answered(kept, answer, ada, c); err != nil || n != 9 {
				t.Errorf("%d %v", n, err)
			}
			if _, err := p.Answered(kept, answer, uuid.New(), c); !errors.Is(err, passkeys.ErrInvalid) {
				t.Errorf("by another: %v", err)
			}
			c.PublicKey = nil
			if _, err := p.Answered(kept, answer, ada, c); !errors.Is(err, passkeys.ErrInvalid) {
				t.Errorf("without its key: %v", err)
			}
		})
	}
}

// A10: a site's id is its host; loopback addresses are localhost, other bare
// ones have no passkeys.
func TestSites(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"https://Forum.Example:8443/x": `"rpId":"forum.example"`, "http://127.0.0.1:8080": `"rpId":"localhost"`, "http://[::1]:80": `"rpId":"localhost"`,
		"http://0.0.0.0:1": `"rpId":"localhost"`, "http://192.0.2.1": "", "http://[2001:db8::1]": "", "": "", "://": "", "forum.example": "",
	} {
		p, err := passkeys.New(passkeys.Config{BaseURL: base, TTL: time.Minute})
		if want == "" {
			if !errors.Is(err, passkeys.ErrUnavailable) {
				t.Errorf("%s: %v", base, err)
			}
			if _, _, err := p.Ask(); !errors.Is(err, passkeys.ErrUnavailable) {
				t.Errorf("%s: %v", base, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", base, err)
			continue
		}
		if options, _, err := p.Ask(); err != nil || !strings.Contains(string(options), want) {
			t.Errorf("%s: %s %v", base, options, err)
		}
	}
	local := virtualwebauthn.RelyingParty{ID: "localhost", Origin: "http://localhost:8080"}
	a, key := device(virtualwebauthn.KeyTypeEC2)
	made(t, party(t, "http://127.0.0.1:8080"), local, a, key)
}

// FuzzAnswers: whatever comes in the place of an answer, it is an answer or
// ErrInvalid, and no panic gets out.
func FuzzAnswers(f *testing.F) {
	site := virtualwebauthn.RelyingParty{ID: "localhost", Origin: "http://localhost:8080"}
	p := party(f, "http://localhost:8080")
	a, key := device(virtualwebauthn.KeyTypeEC2)
	c, created, answer := made(f, p, site, a, key)
	options, asked, err := p.Ask()
	if err != nil {
		f.Fatal(err)
	}
	request, err := virtualwebauthn.ParseAssertionOptions(string(options))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(answer)
	f.Add([]byte(virtualwebauthn.CreateAssertionResponse(site, a, key, *request)))
	f.Add([]byte(`{"type":"public-key","id":"AA","rawId":"AA","response":{"clientDataJSON":"e30","attestationObject":"v2E","authenticatorData":"AA"}}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, err := p.Created(created, raw, ada); err != nil && !errors.Is(err, passkeys.ErrInvalid) {
			t.Errorf("a new passkey: %v", err)
		}
		read, err := passkeys.Read(raw)
		if err == nil {
			_, err = p.Answered(asked, read, ada, c)
		}
		if err != nil && !errors.Is(err, passkeys.ErrInvalid) {
			t.Errorf("a sign-in: %v", err)
		}
	})
}
