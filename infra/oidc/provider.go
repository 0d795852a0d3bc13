package oidc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	openid "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/parleyhq/parley/commands"
)

// maxAnswer is how much of an answer is read, in bytes.
const maxAnswer = 1 << 20

// maxError is how much of what a provider says goes into a log, in bytes.
const maxError = 300

// algorithms are those that an id_token may be signed with: asymmetric ones,
// whatever a provider offers besides (RFC 8725, section 3.1).
var algorithms = []string{
	openid.RS256, openid.RS384, openid.RS512, openid.PS256, openid.PS384, openid.PS512,
	openid.ES256, openid.ES384, openid.ES512, openid.EdDSA,
}

// provider is one provider, and what it last said of itself.
type provider struct {
	Provider
	cfg    Config
	client *http.Client

	turn chan struct{} // held by the one who looks; guards what follows

	known    *metadata // nil: it never answered
	due      time.Time // from when on it is asked again
	err      error     // of the newest try
	silenced bool      // it was said that it does not answer
}

// metadata is what a provider says of itself.
type metadata struct {
	issuer      string
	client      Provider
	provider    *openid.Provider
	verifier    *openid.IDTokenVerifier
	endpoint    oauth2.Endpoint
	namesIssuer bool // its answers carry iss (RFC 9207)
}

// metadata is what the provider said within Keep, or as long as it does not
// answer, what it said before that.
func (p *provider) metadata(ctx context.Context) (*metadata, error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if p.cfg.Now().Before(p.due) {
		return p.known, p.err
	}
	found, err := p.discover(ctx)
	switch {
	case err == nil:
		p.known, p.err, p.due = found, nil, p.cfg.Now().Add(p.cfg.Keep)
		if p.silenced {
			p.silenced = false
			p.cfg.Log.InfoContext(ctx, "the OpenID provider answers again", "provider", p.Name)
		}
		return found, nil
	case ctx.Err() != nil: // who asked went away
		return nil, ctx.Err()
	}
	p.due = p.cfg.Now().Add(p.cfg.RetryAfter)
	if !p.silenced {
		p.silenced = true
		p.cfg.Log.WarnContext(ctx, "the OpenID provider does not answer, or not as it should", "provider", p.Name, "error", err)
	}
	if p.known == nil {
		p.err = err
	}
	return p.known, p.err
}

// discover asks the provider for its configuration.
func (p *provider) discover(ctx context.Context) (*metadata, error) {
	found, err := openid.NewProvider(openid.ClientContext(ctx, p.client), p.Issuer)
	if err != nil {
		return nil, fmt.Errorf("discover %s: %w", p.Name, brief(err))
	}
	var more struct {
		JWKS          string   `json:"jwks_uri"`
		Algorithms    []string `json:"id_token_signing_alg_values_supported"`
		AuthMethods   []string `json:"token_endpoint_auth_methods_supported"`
		IssuerInReply bool     `json:"authorization_response_iss_parameter_supported"`
	}
	if err := found.Claims(&more); err != nil {
		return nil, fmt.Errorf("discover %s: %w", p.Name, err)
	}
	endpoint := found.Endpoint()
	for _, e := range []string{endpoint.AuthURL, endpoint.TokenURL, more.JWKS} {
		if err := p.mayCall(e); err != nil {
			return nil, err
		}
	}
	if e := found.UserInfoEndpoint(); e != "" {
		if err := p.mayCall(e); err != nil {
			return nil, err
		}
	}
	endpoint.AuthStyle = authStyle(p.Secret, more.AuthMethods)
	offered := slices.DeleteFunc(more.Algorithms, func(alg string) bool { return !slices.Contains(algorithms, alg) })
	if len(offered) == 0 {
		offered = []string{openid.RS256} // which every provider has to have
	}
	return &metadata{
		issuer: p.Issuer, client: p.Provider, provider: found, endpoint: endpoint, namesIssuer: more.IssuerInReply,
		verifier: found.Verifier(&openid.Config{ClientID: p.ClientID, SupportedSigningAlgs: offered, Now: p.cfg.Now}),
	}, nil
}

// mayCall refuses endpoints that are no URL, and unencrypted ones of a
// provider that is not.
func (p *provider) mayCall(endpoint string) error {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || strings.HasPrefix(p.Issuer, "https:")) {
		return fmt.Errorf("discover %s: %.100q is no endpoint", p.Name, endpoint)
	}
	return nil
}

// authStyle is how the client says who it is: trying both ways out would use
// up the code.
func authStyle(secret string, methods []string) oauth2.AuthStyle {
	if secret != "" && (len(methods) == 0 || slices.Contains(methods, "client_secret_basic")) {
		return oauth2.AuthStyleInHeader
	}
	return oauth2.AuthStyleInParams
}

func (m *metadata) oauth(a commands.Authorization) *oauth2.Config {
	return &oauth2.Config{
		ClientID: m.client.ClientID, ClientSecret: m.client.Secret, Endpoint: m.endpoint, RedirectURL: a.Callback, Scopes: scopes,
	}
}

// newClient calls providers: in bounded time, with bounded answers, and never
// where an answer sends it.
func newClient(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
		Transport: &bounded{&http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: timeout}).DialContext, ForceAttemptHTTP2: true,
			TLSHandshakeTimeout: timeout, ResponseHeaderTimeout: timeout, MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConns: 16, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute,
		}},
	}
}

// bounded cuts answers off at maxAnswer.
type bounded struct{ wires http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.wires.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	res.Body = &body{ReadCloser: res.Body, left: maxAnswer}
	return res, nil
}

// CloseIdleConnections is asked for by http.Client's.
func (b *bounded) CloseIdleConnections() {
	if w, ok := b.wires.(interface{ CloseIdleConnections() }); ok {
		w.CloseIdleConnections()
	}
}

type body struct {
	io.ReadCloser
	left int
}

// Read implements io.Reader. Errors: one more byte than the bound.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left+1)])
	if b.left -= n; b.left < 0 {
		return 0, errors.New("the answer is too large")
	}
	return n, err
}

// brief is err with as much of a foreign text as a log should hold.
func brief(err error) error {
	if s := err.Error(); len(s) > maxError {
		return fmt.Errorf("%.*q …", maxError, s)
	}
	return err
}
