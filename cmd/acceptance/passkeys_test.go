package acceptance

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// challenge is what a page gets for navigator.credentials.
type challenge struct {
	ID      string
	Options json.RawMessage
}

// device is a browser on a page of the site, with an authenticator.
type device struct {
	t      *testing.T
	origin string
	virtualwebauthn.Authenticator
	key virtualwebauthn.Credential
}

// newDevice is the device of whoever has that account.
func newDevice(t *testing.T, s *harness.Server, account string) *device {
	t.Helper()
	id, err := uuid.Parse(account)
	if err != nil {
		t.Fatal(err)
	}
	d := &device{t: t, origin: s.Base, key: newKey()}
	d.Authenticator = virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: id[:]})
	return d
}

// newKey makes a key. One in a hundred and twenty-eight has a coordinate that
// begins with a zero, which virtualwebauthn leaves out though COSE does not.
func newKey() virtualwebauthn.Credential {
	const whole = 77 // bytes of a COSE_Key of P-256
	for {
		if k := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2); len(k.Key.AttestationData()) == whole {
			return k
		}
	}
}

// create answers a challenge for a new passkey.
func (d *device) create(c challenge) json.RawMessage {
	d.t.Helper()
	options, err := virtualwebauthn.ParseAttestationOptions(string(c.Options))
	if err != nil {
		d.t.Fatal(err)
	}
	site := virtualwebauthn.RelyingParty{ID: options.RelyingPartyID, Origin: d.origin}
	return json.RawMessage(virtualwebauthn.CreateAttestationResponse(site, d.Authenticator, d.key, *options))
}

// get answers a challenge to sign in; the authenticator counts.
func (d *device) get(c challenge) json.RawMessage {
	d.t.Helper()
	options, err := virtualwebauthn.ParseAssertionOptions(string(c.Options))
	if err != nil {
		d.t.Fatal(err)
	}
	d.key.Counter++
	site := virtualwebauthn.RelyingParty{ID: options.RelyingPartyID, Origin: d.origin}
	return json.RawMessage(virtualwebauthn.CreateAssertionResponse(site, d.Authenticator, d.key, *options))
}

func passkeyBody(c challenge, response any) map[string]any {
	return map[string]any{"id": c.ID, "response": response}
}

// passkeyChallenge asks for a new passkey.
func passkeyChallenge(c *harness.Client) (made challenge) {
	c.Post("/v1/me/passkeys/challenge", nil).Want(200).Into(&made)
	return made
}

// askPasskey asks for any passkey.
func askPasskey(c *harness.Client) (made challenge) {
	c.Post("/v1/passkeys/challenge", nil).Want(200).Into(&made)
	return made
}

// addPasskey adds the device's key to the account, and gives its id.
func addPasskey(c *harness.Client, d *device, name string) string {
	made := passkeyChallenge(c)
	body := passkeyBody(made, d.create(made))
	body["name"] = name
	return c.Post("/v1/me/passkeys", body).Want(201).ID()
}

func byPasskey(c *harness.Client, made challenge, response any) *harness.Answer {
	return c.Post("/v1/sessions", map[string]any{"passkey": passkeyBody(made, response)})
}

// A10: a passkey from its challenge to its end; it signs in without password
// and code.
func TestA10_Passkeys(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	ada := s.NewPerson("ada")
	if items := ada.Get("/v1/me/passkeys").Want(200).Items(); len(items) != 0 {
		t.Errorf("passkeys %v", items)
	}
	made := passkeyChallenge(ada)
	var options struct {
		RP                     struct{ ID, Name string }
		User                   struct{ ID, Name, DisplayName string }
		Challenge, Attestation string
		AuthenticatorSelection struct{ ResidentKey, UserVerification string }
		ExcludeCredentials     []any
		Timeout                int
	}
	if err := json.Unmarshal(made.Options, &options); err != nil {
		t.Fatal(err)
	}
	if options.RP.ID != "localhost" || options.User.Name != ada.Account.Handle || options.AuthenticatorSelection.ResidentKey != "required" ||
		options.AuthenticatorSelection.UserVerification != "required" || options.Attestation == "direct" || options.Timeout != 300_000 {
		t.Errorf("options %s", made.Options)
	}
	phone, key := newDevice(t, s, ada.Account.ID), newDevice(t, s, ada.Account.ID)
	id := addPasskey(ada, phone, " Phone 日本 ")
	addPasskey(ada, key, "")
	if raw := string(passkeyChallenge(ada).Options); strings.Count(raw, `"public-key"`) < 2 || !strings.Contains(raw, base64.RawURLEncoding.EncodeToString(phone.key.ID)) {
		t.Errorf("known keys are not left out: %s", raw)
	}
	items := ada.Get("/v1/me/passkeys").Want(200).Items()
	if len(items) != 2 || items[0]["name"] != "Passkey" || items[1]["name"] != "Phone 日本" || items[1]["id"] != id || items[1]["lastUsedAt"] != nil || items[1]["createdAt"] == nil {
		t.Errorf("passkeys %v", items)
	}
	for key := range maps.Keys(items[0]) {
		if !slices.Contains([]string{"id", "name", "createdAt", "lastUsedAt"}, key) {
			t.Errorf("%s is told", key)
		}
	}
	first := ada.Get("/v1/me/passkeys?limit=1").Want(200)
	if rest := ada.Get("/v1/me/passkeys?limit=1&cursor=" + first.Next()).Want(200).Items(); len(rest) != 1 || rest[0]["id"] != id {
		t.Errorf("the second page %v", rest)
	}

	secret := requestTOTP(t, ada, "Parley").Secret
	ada.Put("/v1/me/totp", map[string]any{"code": appCode(t, secret, 0)}).Want(200)
	for range 2 {
		c := s.Client()
		ask := askPasskey(c)
		answer := phone.get(ask)
		a := byPasskey(c, ask, answer).Want(201)
		if got := a.Map()["account"].(map[string]any)["id"]; got != ada.Account.ID || len(a.Header.Values("Set-Cookie")) == 0 {
			t.Errorf("signed in as %v", got)
		}
		byPasskey(c, ask, answer).Want(401, "session.bad_credentials") // a challenge is good for one answer
	}
	s.Eventually("the use on every node", func() bool { return ada.Get("/v1/me/passkeys").Items()[1]["lastUsedAt"] != nil })

	ada.Delete("/v1/me/passkeys/" + id).Want(204)
	ada.Delete("/v1/me/passkeys/"+id).Want(404, "not_found")
	ask := askPasskey(ada)
	byPasskey(s.Client(), ask, phone.get(ask)).Want(401, "session.bad_credentials")
	addPasskey(ada, phone, "again") // its credential is free
	for _, subject := range []string{"A passkey was added to your account", "A passkey was removed from your account"} {
		s.Eventually("a mail: "+subject, func() bool {
			return slices.ContainsFunc(s.Mails(ada.Account.Handle+"@example.org"), func(l harness.Letter) bool { return l.Subject == subject })
		})
	}
}

// A10: what is wrong with an answer to sign in by has one answer.
func TestA10_BadPasskeySignIns(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	ada, bob := s.NewPerson("ada"), s.NewPerson("bob")
	phone, stranger := newDevice(t, s, ada.Account.ID), newDevice(t, s, ada.Account.ID)
	addPasskey(ada, phone, "phone")
	c := s.Client()
	refused := func(what string, made challenge, response any) {
		t.Helper()
		if a := byPasskey(c, made, response); a.Status != 401 || a.Error != "session.bad_credentials" {
			t.Errorf("%s: %s", what, a)
		}
	}
	ask := askPasskey(c)
	refused("an unknown key", ask, stranger.get(ask))
	ask = askPasskey(c)
	phone.Options.UserNotVerified = true
	refused("nobody verified", ask, phone.get(ask))
	phone.Options.UserNotVerified = false
	ask, phone.origin = askPasskey(c), "https://evil.example"
	refused("another page", ask, phone.get(ask))
	phone.origin = s.Base
	ask, other := askPasskey(c), askPasskey(c)
	refused("another challenge", ask, phone.get(other))
	bobs := newDevice(t, s, bob.Account.ID)
	bobs.key = phone.key
	ask = askPasskey(c)
	refused("another's handle", ask, bobs.get(ask))
	enrol := passkeyChallenge(ada)
	refused("a challenge for a new key", enrol, phone.get(enrol))
	refused("no challenge", challenge{ID: uuid.NewString()}, phone.get(askPasskey(c)))
	ask = askPasskey(c)
	forged := strings.Replace(string(phone.get(ask)), `"signature":"M`, `"signature":"N`, 1)
	refused("a forged signature", ask, json.RawMessage(strings.Replace(forged, `"userHandle":"`, `"userHandle":"A`, 1)))
	for _, response := range []any{nil, "", "x", 7, []any{}, map[string]any{}, map[string]any{"type": "public-key", "id": "AA", "rawId": "AA", "response": nil}, strings.Repeat("A", 100_000)} {
		if a := byPasskey(c, askPasskey(c), response); a.Error != "session.bad_credentials" && a.Status != 422 {
			t.Errorf("%.40v: %s", response, a)
		}
	}
	for _, body := range []any{map[string]any{}, map[string]any{"id": "x", "response": map[string]any{}}, map[string]any{"id": uuid.NewString()}, "x"} {
		if a := c.Post("/v1/sessions", map[string]any{"passkey": body}); a.Status != 422 {
			t.Errorf("%v: %s", body, a)
		}
	}
	ask = askPasskey(c)
	phone.key.Counter = 50
	byPasskey(c, ask, phone.get(ask)).Want(201)
	ask = askPasskey(c)
	phone.key.Counter = 20
	refused("a counter that has been before", ask, phone.get(ask))
	s.Eventually("a mail that tells of a copy", func() bool {
		return strings.Contains(s.Mail(ada.Account.Handle+"@example.org").Subject, "copied")
	})
	ask = askPasskey(c)
	phone.key.Counter = 51
	byPasskey(c, ask, phone.get(ask)).Want(201) // the right one goes on
}

// A10: what is wrong with a new passkey is told, and one credential has one
// account.
func TestA10_BadPasskeys(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	ada, bob := s.NewPerson("ada"), s.NewPerson("bob")
	phone := newDevice(t, s, ada.Account.ID)
	addPasskey(ada, phone, "phone")
	add := func(c *harness.Client, made challenge, response any) *harness.Answer {
		return c.Post("/v1/me/passkeys", passkeyBody(made, response))
	}
	made := passkeyChallenge(bob)
	add(bob, made, phone.create(made)).Want(409, "passkey.taken")
	made = passkeyChallenge(ada)
	add(ada, made, phone.create(made)).Want(409, "passkey.taken")
	other := newDevice(t, s, bob.Account.ID)
	made = passkeyChallenge(ada)
	add(bob, made, other.create(made)).Want(422, "passkey.invalid") // another's challenge
	made = passkeyChallenge(bob)
	answer := other.create(made)
	add(bob, made, answer).Want(201)
	add(bob, made, answer).Want(422, "passkey.invalid") // used
	made = askPasskey(bob)
	add(bob, made, other.get(made)).Want(422, "passkey.invalid") // a challenge to sign in
	third := newDevice(t, s, bob.Account.ID)
	third.origin = "https://evil.example"
	made = passkeyChallenge(bob)
	add(bob, made, third.create(made)).Want(422, "passkey.invalid")
	third.origin, third.Options.UserNotVerified = s.Base, true
	made = passkeyChallenge(bob)
	add(bob, made, third.create(made)).Want(422, "passkey.invalid")
	for _, response := range []any{"", "x", 7, []any{}, map[string]any{}, map[string]any{"type": "public-key", "id": "AA", "rawId": "AA", "response": map[string]any{"clientDataJSON": "AA", "attestationObject": "v2E"}}} {
		add(bob, passkeyChallenge(bob), response).Want(422)
	}
	made = passkeyChallenge(bob)
	body := passkeyBody(made, third.create(made))
	body["name"] = strings.Repeat("x", 51)
	if a := bob.Post("/v1/me/passkeys", body).Want(422, "request.invalid"); !slices.Contains(problems(a), "name too_long") {
		t.Errorf("%s", a)
	}
	s.Client().Post("/v1/me/passkeys/challenge", nil).Want(401, "auth.missing")
	bob.Delete("/v1/me/passkeys/"+uuid.NewString()).Want(404, "not_found")
	bob.Delete("/v1/me/passkeys/x").Want(404, "not_found")
}

// A10: the site is where --base-url says, its pages where --allowed-origins
// does.
func TestA10_PasskeySite(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--base-url=https://forum.example.org", "--allowed-origins=https://app.example.org"))
	ada := s.NewPerson("ada")
	phone := newDevice(t, s, ada.Account.ID)
	made := passkeyChallenge(ada)
	if !strings.Contains(string(made.Options), `"id":"forum.example.org"`) {
		t.Errorf("options %s", made.Options)
	}
	ada.Post("/v1/me/passkeys", passkeyBody(made, phone.create(made))).Want(422, "passkey.invalid") // from where it listens
	phone.origin = "https://app.example.org"
	addPasskey(ada, phone, "phone")
	ask := askPasskey(ada)
	phone.origin = "https://forum.example.org"
	byPasskey(s.Client(), ask, phone.get(ask)).Want(201)
}

// A10: asked on one node, answered on another.
func TestA10_PasskeysOnTwoNodes(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	ada := s.NewPerson("ada")
	here, there := s.Client(), s.Client()
	if s.Cluster != nil {
		nodes := s.Cluster.Nodes("api")
		here, there = nodes[0].Client(), nodes[1].Client()
	}
	for _, c := range []*harness.Client{here, there} {
		c.Token, c.Position = ada.Token, ada.Position
	}
	phone := newDevice(t, s, ada.Account.ID)
	made := passkeyChallenge(here)
	a := there.Post("/v1/me/passkeys", passkeyBody(made, phone.create(made))).Want(201)
	here.Position = there.Position
	if items := here.Get("/v1/me/passkeys").Want(200).Items(); len(items) != 1 || items[0]["id"] != a.ID() {
		t.Errorf("passkeys %v", items)
	}
	for _, pair := range [][2]*harness.Client{{here, there}, {there, here}} {
		ask := askPasskey(pair[0])
		answer := phone.get(ask)
		byPasskey(pair[1], ask, answer).Want(201)
		byPasskey(pair[0], ask, answer).Want(401, "session.bad_credentials")
	}
}
