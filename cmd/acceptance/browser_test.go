//go:build stack

package acceptance

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// browser is a page of a headless Chromium with an empty profile.
type browser struct {
	t   *testing.T
	ctx context.Context
}

// newBrowser opens a page of the site, by the name localhost, to which alone
// passkeys are bound on a loopback address.
func newBrowser(t *testing.T, s *harness.Server) browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("no chromium: deploy/servers/install chromium brings it: %v", err)
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(),
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(time.Minute),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
	)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.Navigate(strings.Replace(s.Base, "127.0.0.1", "localhost", 1)+"/")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel = context.WithTimeout(ctx, 3*harness.Patience)
	t.Cleanup(cancel)
	return browser{t, ctx}
}

// authenticator plugs a virtual one in that verifies its person.
func (b browser) authenticator() {
	b.t.Helper()
	_, err1 := chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{})
	_, err2 := chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap21, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
	if err := errors.Join(err1, err2); err != nil {
		b.t.Fatal(err)
	}
}

// page are the calls that a page makes, as an application would write them.
const page = `
const call = async (method, path, body, token) => {
	const headers = {'Content-Type': 'application/json'}
	if (token) headers.Authorization = 'Bearer ' + token
	const res = await fetch(path, {method, headers, body: JSON.stringify(body)})
	const answer = await res.json()
	if (!res.ok) throw new Error(answer.error)
	return answer.data
}
const create = async (token, name) => {
	const {id, options} = await call('POST', '/v1/me/passkeys/challenge', undefined, token)
	const made = await navigator.credentials.create({publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options)})
	return call('POST', '/v1/me/passkeys', {id, name, response: made.toJSON()}, token)
}
const signIn = async () => {
	const {id, options} = await call('POST', '/v1/passkeys/challenge')
	const got = await navigator.credentials.get({publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options)})
	return call('POST', '/v1/sessions', {passkey: {id, response: got.toJSON()}})
}
const told = async (f) => { try { return {data: await f()} } catch (e) { return {name: e.name, message: e.message} } };
`

// fromPage is what came of a call in the page.
type fromPage struct {
	Data    map[string]any `json:"data"`
	Name    string         `json:"name"` // of the error
	Message string         `json:"message"`
}

func (b browser) run(expression string) fromPage {
	b.t.Helper()
	out, err := chromedp.Run(b.ctx, chromedp.Evaluate[fromPage](`(async () => {`+page+`return told(async () => `+expression+`)})()`, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return out
}

// A10: a browser makes a passkey of our options and signs in with it, on a page
// of the console's origin.
func TestA10_PasskeyInABrowser(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	ada := s.NewPerson("ada")
	b := newBrowser(t, s)
	b.authenticator()
	if got := b.run(`signIn()`); got.Name != "NotAllowedError" {
		t.Errorf("without a passkey: %+v", got)
	}
	if got := b.run(`create('` + ada.Token + `', 'This browser')`); got.Data["name"] != "This browser" {
		t.Fatalf("a new passkey: %+v", got)
	}
	if items := ada.Get("/v1/me/passkeys").Want(200).Items(); len(items) != 1 || items[0]["lastUsedAt"] != nil {
		t.Errorf("passkeys %v", items)
	}
	if got := b.run(`create('` + ada.Token + `', 'Twice')`); got.Name != "InvalidStateError" {
		t.Errorf("the same authenticator again: %+v", got)
	}
	for range 2 { // its counter rises
		got := b.run(`signIn()`)
		who, _ := got.Data["account"].(map[string]any)
		if who["id"] != ada.Account.ID {
			t.Fatalf("signed in: %+v", got)
		}
	}
	if items := ada.Get("/v1/me/passkeys").Want(200).Items(); len(items) != 1 || items[0]["lastUsedAt"] == nil {
		t.Errorf("passkeys %v", items)
	}
	ada.Delete("/v1/me/passkeys/" + ada.Get("/v1/me/passkeys").Items()[0]["id"].(string)).Want(204)
	if got := b.run(`signIn()`); got.Message != "session.bad_credentials" {
		t.Errorf("with a removed passkey: %+v", got)
	}
}
