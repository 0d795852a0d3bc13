package rest

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/fault"
)

// The cookie that holds a sign-in by provider together goes to its routes
// alone. It is sent when the provider sends the browser back, which is a
// navigation from elsewhere: SameSite is Lax.
const (
	oauthCookie = "parley_oauth"
	oauthPath   = "/v1/oauth"
)

func (s *Server) identities() {
	route(s, Op{
		Method: http.MethodPost, Path: "/v1/oauth/{provider}/start", ID: "beginOAuth", Summary: "Begin a sign-in by a provider, or link it to one's account", Tag: "Identities",
		Auth: Public, Secret: true, Waits: NoWait, Scarce: commands.ScarceSignIn,
		Errors: []*fault.Fault{fault.ErrNotFound, commands.ErrRedirect, commands.ErrProvider, commands.ErrNotRecent, errOriginForeign, errAuthMissing},
	}, s.mayBeginOAuth, s.beginOAuth)
	handle(s, Op{
		Method: http.MethodGet, Path: "/v1/oauth/{provider}/callback", ID: "returnOAuth", Summary: returnSummary(), Tag: "Identities",
		Auth: Public, Secret: true, Waits: NoWait, Status: http.StatusSeeOther,
		Errors: []*fault.Fault{fault.ErrNotFound, commands.ErrOAuthState},
	}, nil, s.returnOAuth)
	route(s, Op{
		Method: http.MethodPost, Path: "/v1/oauth/exchange", ID: "exchangeOAuth", Summary: "Exchange the page's code for a session", Tag: "Identities",
		Auth: Public, Status: http.StatusCreated, Secret: true, Scarce: commands.ScarceConfirm,
		Errors: []*fault.Fault{commands.ErrOAuthCode, commands.ErrOTPRequired, account.ErrOTPWrong, commands.ErrLocked, errOriginForeign},
	}, nil, s.exchangeOAuth)
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/me/identities", ID: "listIdentities", Summary: "The providers by which one signs in", Tag: "Identities", Waits: NoWait,
	}, nil, s.listIdentities)
	route(s, Op{
		Method: http.MethodDelete, Path: "/v1/me/identities/{provider}", ID: "unlinkIdentity", Summary: "Sign in by a provider no longer", Tag: "Identities",
		Errors: []*fault.Fault{fault.ErrNotFound, commands.ErrNotRecent, account.ErrLastWayIn},
	}, nil, s.unlinkIdentity)
}

// returnSummary names what a page may find behind "#error=".
func returnSummary() string {
	var words []string
	for _, f := range commands.OAuthFaults() {
		words = append(words, f.Slug)
	}
	return "Where the provider sends the browser back: on to the page, with #code= or #error= and one of " + strings.Join(words, ", ")
}

type providerPath struct {
	Provider string `path:"provider" doc:"as the settings name it" example:"google"`
}

type oauthStart struct {
	Mode     string `json:"mode" enum:"login,link"`
	Redirect string `json:"redirect,omitempty" doc:"needed; the page to which the browser returns" example:"https://community.example/signed-in"`
}

// OAuthStart is where to send the browser.
type OAuthStart struct {
	URL string `json:"url"`
}

// mayBeginOAuth hides providers that are not there.
func (s *Server) mayBeginOAuth(_ context.Context, _ *Call, p providerPath) error {
	if !s.cfg.Commands.HasProvider(p.Provider) {
		return fault.ErrNotFound
	}
	return nil
}

func (s *Server) beginOAuth(ctx context.Context, c *Call, p providerPath, b oauthStart) (Reply[OAuthStart], error) {
	if err := c.CheckOrigin(); err != nil {
		return Reply[OAuthStart]{}, err
	}
	in := commands.BeginOAuth{Provider: p.Provider, Redirect: b.Redirect, Browser: c.oauthBrowser()}
	if b.Mode == "link" {
		actor, err := s.signedIn(ctx, c)
		if err != nil {
			return Reply[OAuthStart]{}, err
		}
		in.Link = &actor
	}
	begun, err := s.cfg.Commands.BeginOAuth(ctx, in)
	if err != nil {
		return Reply[OAuthStart]{}, err
	}
	return Reply[OAuthStart]{Data: OAuthStart{URL: begun.URL}, Cookies: []*http.Cookie{s.oauthCookie(begun.Browser, begun.TTL)}}, nil
}

// signedIn is who calls a public route that takes a token in one of its cases.
func (s *Server) signedIn(ctx context.Context, c *Call) (commands.Actor, error) {
	token, found, err := s.token(c)
	switch {
	case err != nil:
		return commands.Actor{}, err
	case !found:
		return commands.Actor{}, errAuthMissing
	case token == "":
		return commands.Actor{}, errAuthInvalid
	}
	return s.cfg.Auth.Authenticate(ctx, token)
}

// oauthBrowser is the value of the cookie, or "".
func (c *Call) oauthBrowser() string {
	k, err := c.Request.Cookie(oauthCookie)
	if err != nil {
		return ""
	}
	return k.Value
}

// oauthCookie carries a browser's name for as long as its sign-in may take;
// none takes the cookie away.
func (s *Server) oauthCookie(browser string, life time.Duration) *http.Cookie {
	return s.cookie(http.Cookie{Name: oauthCookie, Value: browser, Path: oauthPath, SameSite: http.SameSiteLaxMode}, life)
}

// oauthAnswer is what the browser brings back. What is too long to be of a
// provider is told as any wrong parameter.
type oauthAnswer struct {
	providerPath
	State  string `query:"state" maxLength:"100"`
	Code   string `query:"code" maxLength:"4096"`
	Error  string `query:"error" maxLength:"200"`
	Issuer string `query:"iss" maxLength:"500"`
}

func (s *Server) returnOAuth(ctx context.Context, c *Call, p oauthAnswer, w http.ResponseWriter) error {
	if !s.cfg.Commands.HasProvider(p.Provider) {
		return fault.ErrNotFound
	}
	page, err := s.cfg.Commands.ReturnOAuth(ctx, commands.OAuthReturn{
		Provider: p.Provider, State: p.State, Browser: c.oauthBrowser(),
		Answer: commands.Authorized{Code: p.Code, Issuer: p.Issuer, Error: p.Error},
	})
	if err != nil {
		return err
	}
	c.Header().Set("Location", page)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

type oauthCode struct {
	Code    string `json:"code,omitempty" doc:"needed; of the page's address"`
	OTP     string `json:"otp,omitempty" doc:"where the account has a second factor: a code of the app, or a recovery code"`
	Carrier string `json:"carrier,omitempty" enum:"cookie,body" doc:"of the refresh token; cookie where it is left out"`
}

func (s *Server) exchangeOAuth(ctx context.Context, c *Call, _ None, b oauthCode) (Reply[Tokens], error) {
	if err := c.CheckOrigin(); err != nil {
		return Reply[Tokens]{}, err
	}
	done, err := s.cfg.Commands.ExchangeOAuth(ctx, commands.ExchangeOAuth{Code: b.Code, Browser: c.oauthBrowser(), OTP: b.OTP})
	if err != nil {
		return Reply[Tokens]{}, err
	}
	reply, err := s.replyTokens(ctx, c, done, b.Carrier == carrierBody)
	reply.Cookies = append(reply.Cookies, s.oauthCookie("", 0))
	return reply, err
}

// LinkedIdentity is a provider by which one signs in.
type LinkedIdentity struct {
	Provider string  `json:"provider"`
	Email    *string `json:"email" doc:"that the provider told when it was linked"`
	LinkedAt Time    `json:"linkedAt"`
}

// listIdentities is a whole list: there is one of each provider at most.
func (s *Server) listIdentities(ctx context.Context, c *Call, _, _ None) (Reply[List[LinkedIdentity]], error) {
	all, err := s.cfg.Commands.Identities(ctx, *c.Actor)
	if err != nil {
		return Reply[List[LinkedIdentity]]{}, err
	}
	list := List[LinkedIdentity]{Items: make([]LinkedIdentity, len(all))}
	for i, one := range all {
		list.Items[i] = LinkedIdentity{Provider: one.Provider, Email: orNull(one.Email), LinkedAt: At(one.LinkedAt)}
	}
	return Reply[List[LinkedIdentity]]{Data: list}, nil
}

func (s *Server) unlinkIdentity(ctx context.Context, c *Call, p providerPath, _ None) (Reply[None], error) {
	out, err := s.cfg.Commands.UnlinkIdentity(ctx, *c.Actor, p.Provider)
	return s.settled(ctx, out, err)
}
