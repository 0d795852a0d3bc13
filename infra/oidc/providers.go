package oidc

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	openid "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/fault"
)

// Provider is one provider as an operator names it.
type Provider struct {
	Name     string // in paths and answers: "google"
	Issuer   string // "https://accounts.google.com", to the letter
	ClientID string
	Secret   string // empty: a public client, whom PKCE alone protects
}

// Config is what all providers share.
type Config struct {
	Providers   []Provider
	CallTimeout time.Duration // of one call to a provider; 10 s
	Keep        time.Duration // how long what a provider says of itself is kept; 1 h
	RetryAfter  time.Duration // how long one that did not answer is left alone; 1 s
	Now         func() time.Time
	Log         *slog.Logger
}

// Providers is a commands.Providers. It may be used from any number of
// goroutines, and calls nobody until it is asked.
type Providers struct {
	all    map[string]*provider
	client *http.Client
}

var _ commands.Providers = (*Providers)(nil)

// scopes are what is asked for: who it is, and what an account needs.
var scopes = []string{openid.ScopeOpenID, "email", "profile"}

// maxSubject is the bound of OpenID Connect Core, section 2, in bytes.
const maxSubject = 255

// New makes the providers.
func New(cfg Config) *Providers {
	setDefault(&cfg.CallTimeout, 10*time.Second)
	setDefault(&cfg.Keep, time.Hour)
	setDefault(&cfg.RetryAfter, time.Second)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	ps := &Providers{all: map[string]*provider{}, client: newClient(cfg.CallTimeout)}
	for _, p := range cfg.Providers {
		ps.all[p.Name] = &provider{Provider: p, cfg: cfg, client: ps.client, turn: make(chan struct{}, 1)}
	}
	return ps
}

// Close lets go of connections that wait for the next call.
func (ps *Providers) Close() error {
	ps.client.CloseIdleConnections()
	return nil
}

// Has implements commands.Providers.
func (ps *Providers) Has(name string) bool { return ps.all[name] != nil }

// Names are the names of all, sorted.
func (ps *Providers) Names() []string {
	var names []string
	for name := range ps.all {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Ping says whether a provider could be begun with now.
func (ps *Providers) Ping(ctx context.Context, name string) error {
	_, err := ps.metadata(ctx, name)
	return err
}

func (ps *Providers) metadata(ctx context.Context, name string) (*metadata, error) {
	p := ps.all[name]
	if p == nil {
		return nil, fault.ErrNotFound
	}
	m, err := p.metadata(ctx)
	if err != nil {
		return nil, commands.ErrProvider.Because(err)
	}
	return m, nil
}

// Begin implements commands.Providers.
func (ps *Providers) Begin(ctx context.Context, name string, a commands.Authorization) (string, error) {
	m, err := ps.metadata(ctx, name)
	if err != nil {
		return "", err
	}
	return m.oauth(a).AuthCodeURL(a.State, openid.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)), nil
}

// Finish implements commands.Providers.
func (ps *Providers) Finish(ctx context.Context, name string, a commands.Authorization, back commands.Authorized) (commands.Identity, error) {
	m, err := ps.metadata(ctx, name)
	if err != nil {
		return commands.Identity{}, err
	}
	if err := m.admit(back); err != nil {
		return commands.Identity{}, err
	}
	who, err := ps.identify(ctx, m, a, back.Code)
	if err != nil {
		return commands.Identity{}, commands.ErrProvider.Because(fmt.Errorf("%s: %w", name, err))
	}
	return who, nil
}

// admit refuses answers of another issuer (RFC 9207) and those that say no.
// Errors: commands.ErrProvider, commands.ErrDenied.
func (m *metadata) admit(back commands.Authorized) error {
	switch {
	case back.Issuer != "" && back.Issuer != m.issuer:
		return commands.ErrProvider.Because(errors.New("the answer is of another issuer"))
	case back.Issuer == "" && m.namesIssuer:
		return commands.ErrProvider.Because(errors.New("the answer names no issuer, and the provider says that it does"))
	case back.Error == "access_denied":
		return commands.ErrDenied
	case back.Error != "":
		return commands.ErrProvider.Because(fmt.Errorf("it answered %.100q", back.Error))
	case back.Code == "":
		return commands.ErrProvider.Because(errors.New("it answered without a code"))
	}
	return nil
}

// identify exchanges the code and says whom the provider vouches for.
func (ps *Providers) identify(ctx context.Context, m *metadata, a commands.Authorization, code string) (commands.Identity, error) {
	ctx = openid.ClientContext(ctx, ps.client)
	token, err := m.oauth(a).Exchange(ctx, code, oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return commands.Identity{}, fmt.Errorf("exchange the code: %w", brief(err))
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return commands.Identity{}, errors.New("there is no id_token")
	}
	id, said, err := m.verify(ctx, raw, token.AccessToken, a.Nonce)
	if err != nil {
		return commands.Identity{}, err
	}
	if said.Email == "" && m.provider.UserInfoEndpoint() != "" {
		if err := m.ask(ctx, token, id.Subject, said); err != nil {
			return commands.Identity{}, err
		}
	}
	return commands.Identity{
		Issuer: m.issuer, Subject: id.Subject, Email: said.Email, EmailVerified: bool(said.EmailVerified), Name: said.Name,
	}, nil
}

// verify checks an id_token by OpenID Connect Core, section 3.1.3.7.
func (m *metadata) verify(ctx context.Context, raw, accessToken, nonce string) (*openid.IDToken, *claims, error) {
	id, err := m.verifier.Verify(ctx, raw)
	if err != nil {
		return nil, nil, fmt.Errorf("id_token: %w", brief(err))
	}
	var said claims
	if err := id.Claims(&said); err != nil {
		return nil, nil, fmt.Errorf("claims of the id_token: %w", err)
	}
	switch {
	case nonce == "" || subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(nonce)) != 1:
		return nil, nil, errors.New("id_token: the nonce is not ours")
	case said.AuthorizedParty != "" && said.AuthorizedParty != m.client.ClientID,
		said.AuthorizedParty == "" && len(id.Audience) > 1:
		return nil, nil, errors.New("id_token: it was issued to another client")
	case id.Subject == "" || len(id.Subject) > maxSubject:
		return nil, nil, errors.New("id_token: no subject")
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(accessToken); err != nil {
			return nil, nil, fmt.Errorf("id_token: %w", err)
		}
	}
	return id, &said, nil
}

// ask completes what the id_token said by what the UserInfo endpoint says,
// where some providers keep all but the subject.
func (m *metadata) ask(ctx context.Context, token *oauth2.Token, subject string, said *claims) error {
	info, err := m.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return fmt.Errorf("userinfo: %w", brief(err))
	}
	if info.Subject != subject { // section 5.3.2
		return errors.New("userinfo: it is of another subject")
	}
	said.Email, said.EmailVerified = info.Email, flag(info.EmailVerified)
	if said.Name == "" {
		var more claims
		if err := info.Claims(&more); err != nil {
			return fmt.Errorf("userinfo: %w", err)
		}
		said.Name = more.Name
	}
	return nil
}

// claims are what we read of an id_token besides what go-oidc does.
type claims struct {
	AuthorizedParty string `json:"azp"`
	Email           string `json:"email"`
	EmailVerified   flag   `json:"email_verified"`
	Name            string `json:"name"`
}

// flag is a truth that some providers write as a text.
type flag bool

// UnmarshalJSON takes true and "true"; everything else is false.
func (f *flag) UnmarshalJSON(b []byte) error {
	*f = string(b) == "true" || string(b) == `"true"`
	return nil
}

func setDefault[T comparable](at *T, value T) {
	var zero T
	if *at == zero {
		*at = value
	}
}
