package commands

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/session"
	"github.com/parleyhq/parley/domain/text"
)

// ErrBadCredentials is the one answer to an unknown account and to a wrong
// password.
var ErrBadCredentials = fault.New(fault.Unauthorized, "session.bad_credentials", "This account and password do not belong together.")

// SignIn is what somebody signs in with.
type SignIn struct {
	Login    string // an address, or a handle with or without "@"
	Password string
}

// SignedIn is a session with its newest tokens.
type SignedIn struct {
	Account, Session uuid.UUID
	AccessToken      string
	ExpiresIn        time.Duration // of the access token
	RefreshToken     string
	RefreshExpires   time.Time
	Position         uint64
}

// SignIn begins a session for whoever knows an account's password.
// Errors: fault.ErrInvalid, ErrBadCredentials, passwords.ErrBusy.
func (c *Commands) SignIn(ctx context.Context, in SignIn) (SignedIn, error) {
	var check text.Check
	check.Need("login", in.Login)
	if in.Password == "" {
		check.Add("password", text.Required)
	}
	if err := check.Err(); err != nil {
		return SignedIn{}, err
	}
	ctx, err := c.upToDate(ctx) // a session of an old epoch would be born dead
	if err != nil {
		return SignedIn{}, err
	}
	id, err := c.findLogin(ctx, strings.TrimSpace(in.Login))
	if err != nil {
		return SignedIn{}, err
	}
	var hash string
	var epoch uint64
	var roles []string
	if id != uuid.Nil {
		err = c.account(ctx, id, func(a *account.Account) error {
			hash, epoch, roles = a.PasswordHash, a.Epoch, slices.Clone(a.Roles)
			return nil
		})
		if err != nil {
			return SignedIn{}, err
		}
	}
	ok, err := c.hasher.Check(ctx, hash, in.Password) // as much work for nobody
	switch {
	case err != nil:
		return SignedIn{}, err
	case !ok:
		return SignedIn{}, ErrBadCredentials
	}
	return c.begin(WithActor(ctx, id.String()), id, epoch, roles)
}

// findLogin is the account of an address or handle; uuid.Nil: none.
func (c *Commands) findLogin(ctx context.Context, login string) (uuid.UUID, error) {
	if strings.LastIndexByte(login, '@') <= 0 {
		return c.accountByHandle(ctx, login)
	}
	e, problem := parseEmail(login)
	if problem != "" {
		return uuid.Nil, nil
	}
	id, _, err := c.accountByEmail(ctx, e)
	return id, err
}

// begin starts a session of an account that proved itself.
func (c *Commands) begin(ctx context.Context, id uuid.UUID, epoch uint64, roles []string) (SignedIn, error) {
	sid, client := c.newID(), ClientFrom(ctx)
	if c.cfg.SessionMode == SessionSingle {
		var err error
		if epoch, err = c.endOthers(ctx, id, sid); err != nil {
			return SignedIn{}, err
		}
	}
	s := session.Started{
		Account: id, Family: c.newID(), Epoch: epoch,
		Device: deviceName(client.Agent), Network: client.Network, ExpiresAt: c.now().Add(c.cfg.RefreshTTL),
	}
	out, err := change(ctx, c.core, session.Stream(sid), session.New, func(st *session.Session) ([]event.Data, error) {
		return st.Start(s), nil
	})
	if err != nil {
		return SignedIn{}, err
	}
	return c.tokensOf(ctx, refreshToken{session: sid, family: s.Family}, id, roles, s.ExpiresAt, out.Position)
}

// endOthers ends every session but keep, and gives the epoch that keep is of.
func (c *Commands) endOthers(ctx context.Context, id, keep uuid.UUID) (epoch uint64, err error) {
	_, err = change(ctx, c.core, account.Stream(id), account.New, func(a *account.Account) ([]event.Data, error) {
		events := a.EndSessions(keep)
		epoch = events[0].(account.SessionsEnded).Epoch
		return events, nil
	})
	return epoch, err
}

// EndSession ends one of the account's own sessions, at once and with all its
// tokens. Errors: fault.ErrNotFound for another's.
func (c *Commands) EndSession(ctx context.Context, by Actor, id uuid.UUID) (Outcome, error) {
	return change(ctx, c.core, session.Stream(id), session.New, func(s *session.Session) ([]event.Data, error) {
		return s.End(by.Account, session.SignedOut)
	})
}

// EndSessions ends all of the account's sessions; keep, which may be uuid.Nil,
// goes on.
func (c *Commands) EndSessions(ctx context.Context, by Actor, keep uuid.UUID) (Outcome, error) {
	return change(ctx, c.core, account.Stream(by.Account), account.New, func(a *account.Account) ([]event.Data, error) {
		if !a.Exists() {
			return nil, fault.ErrNotFound
		}
		return a.EndSessions(keep), nil
	})
}

// Authenticate says who asks with an access token. It reads no log: what this
// process appended counts at once, what others appended within Freshness.
// Errors: ErrTokenInvalid, ErrTokenExpired, ErrTokenRevoked.
func (c *Commands) Authenticate(ctx context.Context, token string) (Actor, error) {
	a, err := c.deps.Tokens.Check(token)
	if err != nil {
		return Actor{}, err
	}
	return a, c.CheckSession(ctx, a)
}

// CheckSession says whether a session that was signed in still lives.
// Errors: ErrTokenRevoked.
func (c *Commands) CheckSession(ctx context.Context, by Actor) error {
	var epoch uint64
	err := view(ctx, c.core, session.Stream(by.Session), session.New, func(s *session.Session) error {
		if !s.Live(by.Account) {
			return ErrTokenRevoked
		}
		epoch = s.Epoch
		return nil
	})
	if err != nil {
		return err
	}
	return c.account(ctx, by.Account, func(acc *account.Account) error {
		if acc.Over(by.Session, epoch) {
			return ErrTokenRevoked
		}
		return nil
	})
}
