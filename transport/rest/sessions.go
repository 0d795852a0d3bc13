package rest

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/commands/passwords"
	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/session"
	"github.com/parleyhq/parley/readmodels"
)

// The refresh cookie goes to the routes of sessions alone, and is nothing that
// a page's script could read.
const (
	refreshCookie = "parley_refresh"
	refreshPath   = "/v1/sessions"
	carrierBody   = "body"
)

func (s *Server) sessions() {
	route(s, Op{
		Method: http.MethodPost, Path: "/v1/sessions", ID: "signIn", Summary: "Sign in by address or handle and password, or by passkey", Tag: "Sessions",
		Auth: Public, Status: http.StatusCreated, Secret: true, Scarce: commands.ScarceSignIn,
		Errors: []*fault.Fault{
			commands.ErrBadCredentials, commands.ErrSuspended, commands.ErrCaptchaRequired, commands.ErrCaptchaWrong,
			commands.ErrOTPRequired, account.ErrOTPWrong, commands.ErrLocked, passwords.ErrBusy,
		},
	}, nil, s.signIn)
	route(s, Op{
		Method: http.MethodPost, Path: "/v1/sessions/refresh", ID: "refreshSession", Summary: "Use a refresh token", Tag: "Sessions",
		Auth: Public, Secret: true, BodyOptional: true,
		Errors: []*fault.Fault{session.ErrRefreshInvalid, session.ErrRefreshReused, commands.ErrBinding, commands.ErrSuspended, errOriginForeign},
	}, nil, s.refreshSession)
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/sessions", ID: "listSessions", Summary: "One's own sessions", Tag: "Sessions",
	}, nil, s.listSessions)
	route(s, Op{
		Method: http.MethodDelete, Path: "/v1/sessions/current", ID: "signOut", Summary: "Sign out here", Tag: "Sessions", Suspended: true,
	}, nil, s.signOut)
	route(s, Op{
		Method: http.MethodDelete, Path: "/v1/sessions/{id}", ID: "endSession", Summary: "Sign out there", Tag: "Sessions", Suspended: true,
		Errors: []*fault.Fault{fault.ErrNotFound},
	}, nil, s.endSession)
	route(s, Op{
		Method: http.MethodDelete, Path: "/v1/sessions", ID: "endSessions", Summary: "Sign out everywhere, or everywhere else", Tag: "Sessions", Suspended: true,
	}, nil, s.endSessions)
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/me/history", ID: "listHistory", Summary: "What became of one's own sign-ins and ways in, newest first", Tag: "Sessions",
	}, nil, s.listHistory)
	handle(s, Op{
		Method: http.MethodGet, Path: "/.well-known/jwks.json", ID: "jwks", Summary: "Public keys of access tokens", Tag: "Sessions",
		Auth: Public, Waits: NoWait, Produces: "application/json", Unlimited: true,
	}, nil, s.jwks)
}

// Session is one of the caller's own sessions.
type Session struct {
	ID         uuid.UUID `json:"id"`
	Device     *string   `json:"device"`
	Network    *string   `json:"network"`
	CreatedAt  Time      `json:"createdAt"`
	LastSeenAt Time      `json:"lastSeenAt"`
	Current    bool      `json:"current"`
}

func showSession(row readmodels.Session, current uuid.UUID) Session {
	return Session{
		ID: row.ID, Device: orNull(row.Device), Network: orNull(row.Network),
		CreatedAt: At(row.CreatedAt), LastSeenAt: At(row.LastSeenAt), Current: row.ID == current,
	}
}

// Tokens is what a sign-in and a refresh answer.
type Tokens struct {
	AccessToken  string  `json:"accessToken"`
	ExpiresIn    int     `json:"expiresIn" doc:"seconds"`
	RefreshToken string  `json:"refreshToken,omitempty" doc:"where the carrier is body"`
	Session      Session `json:"session"`
	Account      Account `json:"account"`
}

type credentials struct {
	Login    string         `json:"login,omitempty" doc:"needed without a passkey; an address or a handle"`
	Password string         `json:"password,omitempty" doc:"needed without a passkey" text:"lines"`
	OTP      string         `json:"otp,omitempty" doc:"of an authenticator app, or a recovery code; needed where session.otp_required says so"`
	Passkey  *passkeyAnswer `json:"passkey,omitempty" doc:"the answer to a challenge, in the place of login, password and otp"`
	captchaAnswer
	Carrier string `json:"carrier,omitempty" enum:"cookie,body" doc:"of the refresh token; cookie where it is left out"`
}

func (s *Server) signIn(ctx context.Context, c *Call, _ None, b credentials) (Reply[Tokens], error) {
	var done commands.SignedIn
	var err error
	if b.Passkey != nil {
		done, err = s.cfg.Commands.SignInByPasskey(ctx, commands.PasskeyAnswer(*b.Passkey))
	} else {
		done, err = s.cfg.Commands.SignIn(ctx, commands.SignIn{Login: b.Login, Password: b.Password, OTP: b.OTP, Captcha: b.captcha()})
	}
	if err != nil {
		return Reply[Tokens]{}, err
	}
	return s.replyTokens(ctx, c, done, b.Carrier == carrierBody)
}

type refreshRequest struct {
	RefreshToken string `json:"refreshToken,omitempty" doc:"where there is no cookie"`
}

// refreshSession takes the token of the body, or else of the cookie, which a
// foreign page could make a browser send.
func (s *Server) refreshSession(ctx context.Context, c *Call, _ None, b refreshRequest) (Reply[Tokens], error) {
	token, inBody := b.RefreshToken, b.RefreshToken != ""
	if !inBody {
		if err := c.CheckOrigin(); err != nil {
			return Reply[Tokens]{}, err
		}
		if cookie, err := c.Request.Cookie(refreshCookie); err == nil {
			token = cookie.Value
		}
	}
	done, err := s.cfg.Commands.Refresh(ctx, token)
	if err != nil {
		return Reply[Tokens]{}, err
	}
	return s.replyTokens(ctx, c, done, inBody)
}

func (s *Server) replyTokens(ctx context.Context, c *Call, done commands.SignedIn, inBody bool) (Reply[Tokens], error) {
	a, err := s.own(ctx, done.Account, done.Position)
	if err != nil {
		return Reply[Tokens]{}, err
	}
	var row readmodels.Session
	err = s.cfg.Tables.Read(ctx, func(r readmodels.Reader) error {
		var found bool
		if row, found, err = readmodels.SessionOf(ctx, r, done.Account, done.Session); err == nil && !found {
			err = session.ErrRefreshInvalid // ended since
		}
		return err
	})
	if err != nil {
		return Reply[Tokens]{}, err
	}
	reply := Reply[Tokens]{
		Data: Tokens{
			AccessToken: done.AccessToken, ExpiresIn: int(done.ExpiresIn.Seconds()),
			Session: showSession(row, done.Session), Account: showAccount(a),
		},
		Position: done.Position,
	}
	if inBody {
		reply.Data.RefreshToken = done.RefreshToken
	} else {
		reply.Cookies = []*http.Cookie{s.refreshCookie(done.RefreshToken, done.RefreshExpires.Sub(c.Now))}
	}
	return reply, nil
}

// refreshCookie carries a token for as long as it lives; none for no time
// takes the cookie away.
func (s *Server) refreshCookie(token string, life time.Duration) *http.Cookie {
	return s.cookie(http.Cookie{Name: refreshCookie, Value: token, Path: refreshPath, SameSite: http.SameSiteStrictMode}, life)
}

// cookie is one for us alone, out of the reach of scripts; without a value it
// is taken away.
func (s *Server) cookie(k http.Cookie, life time.Duration) *http.Cookie {
	k.HttpOnly, k.Secure = true, strings.HasPrefix(s.cfg.BaseURL, "https:")
	if k.MaxAge = int(life.Round(time.Second).Seconds()); k.Value == "" {
		k.MaxAge = -1
	}
	return &k
}

func (s *Server) listSessions(ctx context.Context, c *Call, p Page, _ None) (Reply[List[Session]], error) {
	after, err := seek[readmodels.SessionKey](c, p)
	if err != nil {
		return Reply[List[Session]]{}, err
	}
	var rows []readmodels.Session
	err = s.cfg.Tables.Read(ctx, func(r readmodels.Reader) (err error) {
		rows, err = readmodels.Sessions(ctx, r, c.Account(), c.Now, after, p.Limit)
		return err
	})
	if err != nil {
		return Reply[List[Session]]{}, err
	}
	if err := s.lastSeen(ctx, rows); err != nil {
		return Reply[List[Session]]{}, err
	}
	answer, err := page(c, p, rows,
		func(row readmodels.Session) Session { return showSession(row, c.Actor.Session) }, readmodels.Session.Key)
	return Reply[List[Session]]{Data: answer}, err
}

// HistoryEntry is one thing that became of the caller's sign-ins or ways in.
type HistoryEntry struct {
	Kind    string  `json:"kind" enum:"signed_in,signed_out,ended,reused,binding,password_changed,password_reset,email_changed,handle_changed,totp_enabled,totp_disabled,recovery_code_used,passkey_added,passkey_refused,passkey_removed,identity_linked,identity_unlinked,suspended,suspension_lifted" doc:"ended: all sessions, or all others; reused: a used refresh token came back; binding: a token came from another browser or network; passkey_refused: it may have been copied; suspension_lifted: one of them, or all"`
	Device  *string `json:"device" doc:"null where it is not known"`
	Network *string `json:"network" doc:"null where it is not known"`
	At      Time    `json:"at"`
}

func showHistory(h readmodels.HistoryEntry) HistoryEntry {
	return HistoryEntry{Kind: h.Kind, Device: orNull(h.Device), Network: orNull(h.Network), At: At(h.At)}
}

func (s *Server) listHistory(ctx context.Context, c *Call, p Page, _ None) (Reply[List[HistoryEntry]], error) {
	return listed(ctx, s, c, p, func(r readmodels.Reader, after *readmodels.HistoryKey, limit int) ([]readmodels.HistoryEntry, error) {
		return readmodels.History(ctx, r, c.Account(), s.cfg.History, after, limit)
	}, showHistory, readmodels.HistoryEntry.Key)
}

// lastSeen tells of sessions when they were used after they were refreshed.
func (s *Server) lastSeen(ctx context.Context, rows []readmodels.Session) error {
	if s.cfg.Seen == nil {
		return nil
	}
	ids := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	seen, err := s.cfg.Seen.Of(ctx, ids...)
	for i := range rows {
		if at := seen[rows[i].ID]; at.After(rows[i].LastSeenAt) {
			rows[i].LastSeenAt = at
		}
	}
	return err
}

func (s *Server) signOut(ctx context.Context, c *Call, _, _ None) (Reply[None], error) {
	return s.end(ctx, c, c.Actor.Session)
}

func (s *Server) endSession(ctx context.Context, c *Call, p otherPath, _ None) (Reply[None], error) {
	return s.end(ctx, c, p.ID)
}

func (s *Server) end(ctx context.Context, c *Call, id uuid.UUID) (Reply[None], error) {
	out, err := s.cfg.Commands.EndSession(ctx, *c.Actor, id)
	reply, err := s.settled(ctx, out, err)
	if id == c.Actor.Session {
		reply.Cookies = []*http.Cookie{s.refreshCookie("", 0)}
	}
	return reply, err
}

type whichSessions struct {
	Keep string `query:"keep" enum:"current" doc:"current: everywhere else"`
}

func (s *Server) endSessions(ctx context.Context, c *Call, p whichSessions, _ None) (Reply[None], error) {
	keep := uuid.Nil
	if p.Keep != "" {
		keep = c.Actor.Session
	}
	out, err := s.cfg.Commands.EndSessions(ctx, *c.Actor, keep)
	reply, err := s.settled(ctx, out, err)
	if keep == uuid.Nil {
		reply.Cookies = []*http.Cookie{s.refreshCookie("", 0)}
	}
	return reply, err
}

// jwks answers the set itself (RFC 7517), without an envelope.
func (s *Server) jwks(_ context.Context, c *Call, _ None, w http.ResponseWriter) error {
	raw, err := json.Marshal(s.cfg.Commands.JWKS())
	if err != nil {
		return err
	}
	c.Header().Set("Content-Type", "application/json")
	c.Header().Set("Cache-Control", "public, max-age=300")
	_, err = w.Write(raw)
	return err
}
