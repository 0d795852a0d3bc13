package commands

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/text"
)

// A sign-in by provider goes through three hands: a page begins it and gets
// the provider's address; the browser comes back from there with an answer,
// and is sent on to the page with a code; the page exchanges the code for a
// session. A cookie of the browser, of which only a hash is kept, holds the
// three together: neither an answer nor a code is worth anything elsewhere.

// Faults of sign-ins by provider.
var (
	ErrOAuthState = fault.New(fault.Invalid, "oauth.state_invalid", "This sign-in was begun in another browser, or too long ago; please begin again.")
	ErrOAuthCode  = fault.New(fault.Unauthorized, "oauth.code_invalid", "This sign-in is not valid any more; please begin again.")
)

// maxFlows is how many sign-ins of one network may be under way: the oldest
// gives way.
const maxFlows = 1024

// BeginOAuth is a page that wants somebody to sign in by a provider.
type BeginOAuth struct {
	Provider string
	Redirect string // page to which the browser returns
	Browser  string // its cookie; anything else begins a new one
	Link     *Actor // whose account the identity is to be linked to; nil: sign in
}

// OAuthBegun is where to send the browser.
type OAuthBegun struct {
	URL     string
	Browser string        // its cookie …
	TTL     time.Duration // … and how long it is needed
}

// flow is a sign-in that is under way. It is kept under the hash of its state.
type flow struct {
	Provider string    `json:"provider"`
	Redirect string    `json:"redirect"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"`
	Browser  []byte    `json:"browser"` // hash of the cookie
	Account  uuid.UUID `json:"account,omitzero"`
	Session  uuid.UUID `json:"session,omitzero"` // that links; uuid.Nil: it signs in
}

// entry is a code that waits for its page, kept under its hash.
type oauthEntry struct {
	Account uuid.UUID `json:"account"`
	Claim   string    `json:"claim"` // of the identity that signed in
	Browser []byte    `json:"browser"`
}

// HasProvider says whether one can sign in by a provider of that name.
func (c *Commands) HasProvider(name string) bool {
	return c.deps.Providers != nil && c.deps.Providers.Has(name)
}

// BeginOAuth begins a sign-in or a linking.
// Errors: fault.ErrNotFound, ErrRedirect, ErrSuspended, ErrNotRecent, ErrProvider.
func (c *Commands) BeginOAuth(ctx context.Context, in BeginOAuth) (OAuthBegun, error) {
	if !c.HasProvider(in.Provider) {
		return OAuthBegun{}, fault.ErrNotFound
	}
	if err := c.redirects.check(in.Redirect); err != nil {
		return OAuthBegun{}, err
	}
	if !isOAuthText(in.Browser) {
		in.Browser = oauthText()
	}
	a := Authorization{Callback: c.oauthCallback(in.Provider), State: oauthText(), Nonce: oauthText(), Verifier: oauthText()}
	f := flow{Provider: in.Provider, Redirect: in.Redirect, Nonce: a.Nonce, Verifier: a.Verifier, Browser: oauthHash(in.Browser)}
	if in.Link != nil {
		if err := c.MayWrite(ctx, in.Link.Account); err != nil {
			return OAuthBegun{}, err
		}
		if err := c.recentSignIn(ctx, *in.Link); err != nil { // a stolen token must not make a way in that stays
			return OAuthBegun{}, err
		}
		f.Account, f.Session = in.Link.Account, in.Link.Session
	}
	address, err := c.deps.Providers.Begin(ctx, in.Provider, a)
	if err != nil {
		return OAuthBegun{}, err
	}
	group, err := c.nameStream(ctx, "oauth", ClientFrom(ctx).Network)
	if err != nil {
		return OAuthBegun{}, err
	}
	kept, err := json.Marshal(f)
	if err != nil {
		return OAuthBegun{}, err
	}
	if err := c.deps.Ephemeral.PutAmong(ctx, group, maxFlows, oauthKey("state", a.State), kept, c.cfg.OAuthTTL); err != nil {
		return OAuthBegun{}, fmt.Errorf("keep a sign-in by provider: %w", err)
	}
	return OAuthBegun{URL: address, Browser: in.Browser, TTL: c.cfg.OAuthTTL + c.cfg.OAuthCodeTTL}, nil
}

// oauthCallback is the address at which browsers come back to us.
func (c *Commands) oauthCallback(provider string) string {
	return strings.TrimSuffix(c.cfg.BaseURL, "/") + "/v1/oauth/" + provider + "/callback"
}

// OAuthReturn is a browser that comes back from a provider.
type OAuthReturn struct {
	Provider string
	State    string
	Browser  string // its cookie
	Answer   Authorized
}

// ReturnOAuth gives the page to which the browser is sent on, with a code, or
// with the slug of a fault, behind its "#": neither reaches a server or its
// log. Errors: ErrOAuthState, where there is no page that could be trusted.
func (c *Commands) ReturnOAuth(ctx context.Context, in OAuthReturn) (page string, err error) {
	f, err := c.takeFlow(ctx, in)
	if err != nil {
		return "", err
	}
	code, err := c.admitIdentity(ctx, f, in.Answer)
	if err == nil {
		return f.Redirect + "#code=" + code, nil
	}
	page = f.Redirect + "#error="
	for _, told := range OAuthFaults() {
		if errors.Is(err, told) {
			if told == ErrProvider { // the cause is for the operator alone
				c.log.WarnContext(ctx, "a provider's answer was refused", "provider", f.Provider, "error", err)
			}
			return page + told.Slug, nil
		}
	}
	c.log.ErrorContext(ctx, "a sign-in by provider failed", "provider", f.Provider, "error", err)
	return page + fault.ErrUnavailable.Slug, nil
}

// OAuthFaults are all that a page hears of; whatever else goes wrong is
// fault.ErrUnavailable to it.
func OAuthFaults() []*fault.Fault {
	return []*fault.Fault{
		ErrDenied, ErrProvider, ErrEmailKnown, ErrEmailUnverified, account.ErrIdentityTaken, account.ErrIdentityExists,
		ErrTokenRevoked, account.ErrSuperseded, fault.ErrConflict, fault.ErrUnavailable,
	}
}

// takeFlow finds what the browser began, once. A browser that did not begin
// it does not end it either.
func (c *Commands) takeFlow(ctx context.Context, in OAuthReturn) (f flow, err error) {
	if !isOAuthText(in.State) || !isOAuthText(in.Browser) {
		return f, ErrOAuthState
	}
	key := oauthKey("state", in.State)
	kept, ok, err := c.deps.Ephemeral.Get(ctx, key)
	if err != nil {
		return f, fmt.Errorf("find a sign-in by provider: %w", err)
	}
	if !ok || json.Unmarshal(kept, &f) != nil || f.Provider != in.Provider || !sameBrowser(f.Browser, in.Browser) {
		return flow{}, ErrOAuthState
	}
	if _, ok, err = c.deps.Ephemeral.Take(ctx, key); err != nil {
		return flow{}, fmt.Errorf("use a sign-in by provider: %w", err)
	} else if !ok {
		return flow{}, ErrOAuthState
	}
	return f, nil
}

// admitIdentity finds out who came back, finds, links or makes the account,
// and leaves a code for its page: also where it was linked, as whoever links
// an identity has just signed in with it.
func (c *Commands) admitIdentity(ctx context.Context, f flow, answer Authorized) (code string, err error) {
	if !c.HasProvider(f.Provider) { // another node may have other settings
		return "", ErrProvider.Because(errors.New("this process does not have that provider"))
	}
	asked := Authorization{Callback: c.oauthCallback(f.Provider), Nonce: f.Nonce, Verifier: f.Verifier}
	who, err := c.deps.Providers.Finish(ctx, f.Provider, asked, answer)
	if err != nil {
		return "", err
	}
	v, err := c.vouch(ctx, f.Provider, who)
	if err != nil {
		return "", err
	}
	id := f.Account
	if f.Session != uuid.Nil {
		err = c.linkIdentity(ctx, Actor{Account: f.Account, Session: f.Session}, v)
	} else {
		id, err = c.accountOf(ctx, v)
	}
	if err != nil {
		return "", err
	}
	kept, err := json.Marshal(oauthEntry{Account: id, Claim: v.claim.stream, Browser: f.Browser})
	if err != nil {
		return "", err
	}
	code = oauthText()
	if err := c.deps.Ephemeral.Put(ctx, oauthKey("code", code), kept, c.cfg.OAuthCodeTTL); err != nil {
		return "", fmt.Errorf("keep a code: %w", err)
	}
	return code, nil
}

// ExchangeOAuth is a page that has a code.
type ExchangeOAuth struct {
	Code    string
	Browser string // its cookie
	OTP     string // as for SignIn
}

// ExchangeOAuth begins a session for whoever came back with the code. A
// refusal for what can be mended leaves the code as it is.
// Errors: fault.ErrInvalid, ErrOAuthCode, secondFactor's.
func (c *Commands) ExchangeOAuth(ctx context.Context, in ExchangeOAuth) (SignedIn, error) {
	var check text.Check
	check.Need("code", in.Code)
	if err := check.Err(); err != nil {
		return SignedIn{}, err
	}
	if !isOAuthText(in.Code) || !isOAuthText(in.Browser) {
		return SignedIn{}, ErrOAuthCode
	}
	key := oauthKey("code", in.Code)
	kept, ok, err := c.deps.Ephemeral.Get(ctx, key)
	if err != nil {
		return SignedIn{}, fmt.Errorf("find a code: %w", err)
	}
	var e oauthEntry
	if !ok || json.Unmarshal(kept, &e) != nil || !sameBrowser(e.Browser, in.Browser) {
		return SignedIn{}, ErrOAuthCode
	}
	if ctx, err = c.upToDate(ctx); err != nil { // a session of an old epoch would be born dead
		return SignedIn{}, err
	}
	var who signer
	err = c.account(ctx, e.Account, func(a *account.Account) error {
		if !a.Names(e.Claim) { // unlinked since
			return ErrOAuthCode
		}
		who = signerOf(a)
		return nil
	})
	if err != nil {
		return SignedIn{}, err
	}
	if err := c.secondFactor(ctx, e.Account, in.OTP); err != nil {
		return SignedIn{}, err
	}
	if _, ok, err = c.deps.Ephemeral.Take(ctx, key); err != nil {
		return SignedIn{}, fmt.Errorf("use a code: %w", err)
	} else if !ok {
		return SignedIn{}, ErrOAuthCode
	}
	return c.begin(WithActor(ctx, e.Account.String()), e.Account, who)
}

// oauthSize is how many random bytes states, nonces, verifiers, codes and
// cookies are.
const oauthSize = 32

func oauthText() string {
	var raw [oauthSize]byte
	_, _ = rand.Read(raw[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// isOAuthText says whether a text could be one of ours.
func isOAuthText(s string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(raw) == oauthSize && !broken(s)
}

func oauthHash(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}

func oauthKey(kind, s string) string { return "oauth " + kind + " " + hex.EncodeToString(oauthHash(s)) }

func sameBrowser(hash []byte, cookie string) bool {
	return subtle.ConstantTimeCompare(hash, oauthHash(cookie)) == 1
}
