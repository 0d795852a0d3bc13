package commands

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
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
	OTP      string        // of an authenticator app, or a recovery code, where the account has a second factor
	Captcha  CaptchaAnswer // where one is asked for
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

// SignIn begins a session for whoever knows an account's password, and has its
// second factor if there is one: that is told after the right password alone.
// Failures count, of logins that nobody has too: so nothing is told by a lock.
// Errors: fault.ErrInvalid, ErrCaptchaRequired, ErrCaptchaWrong,
// ErrBadCredentials, ErrLocked, passwords.ErrBusy, secondFactor's.
func (c *Commands) SignIn(ctx context.Context, in SignIn) (SignedIn, error) {
	var check text.Check
	check.Need("login", in.Login)
	if in.Password == "" {
		check.Add("password", text.Required)
	}
	if err := check.Err(); err != nil {
		return SignedIn{}, err
	}
	login := strings.TrimSpace(in.Login)
	locks, err := c.signInLocks(ctx, login)
	if err != nil {
		return SignedIn{}, err
	}
	if err := c.locked(ctx, locks); err != nil { // before any work
		return SignedIn{}, err
	}
	if err := c.checkCaptcha(ctx, locks, in.Captcha); err != nil {
		return SignedIn{}, err
	}
	ctx, err = c.upToDate(ctx) // a session of an old epoch would be born dead
	if err != nil {
		return SignedIn{}, err
	}
	id, err := c.findLogin(ctx, login)
	if err != nil {
		return SignedIn{}, err
	}
	var hash string
	var who signer
	if id != uuid.Nil {
		err = c.account(ctx, id, func(a *account.Account) error {
			hash, who = a.PasswordHash, signerOf(a)
			return nil
		})
		if err != nil {
			return SignedIn{}, err
		}
	}
	ok, err := c.hasher.Check(ctx, hash, in.Password) // as much work for nobody
	if err != nil {
		return SignedIn{}, err
	}
	if ok {
		if err := c.secondFactor(ctx, id, in.OTP); err != nil {
			return SignedIn{}, err
		}
	}
	if err := c.settle(ctx, locks, !ok); err != nil {
		return SignedIn{}, err
	}
	if !ok {
		return SignedIn{}, ErrBadCredentials
	}
	return c.begin(WithActor(ctx, id.String()), id, who)
}

// signer is what an account's stream says about whoever signs in.
type signer struct {
	epoch uint64
	keep  uuid.UUID
	roles []string
}

func signerOf(a *account.Account) signer { return signer{a.Epoch, a.Keep, slices.Clone(a.Roles)} }

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

// loginKey names what somebody signs in with: the same for every spelling,
// and nothing that tells who it is.
func (c *Commands) loginKey(ctx context.Context, login string) (string, error) {
	if strings.LastIndexByte(login, '@') > 0 {
		if e, problem := parseEmail(login); problem == "" {
			return c.nameStream(ctx, "email", e.folded)
		}
	} else if handle, problem := account.FoldHandle(strings.TrimPrefix(login, "@"), account.AnyHandle); problem == "" {
		return c.nameStream(ctx, "handle", handle)
	}
	return c.nameStream(ctx, "login", strings.ToLower(login))
}

// begin signs an account in that proved itself. Errors: ErrSuspended.
func (c *Commands) begin(ctx context.Context, id uuid.UUID, who signer) (SignedIn, error) {
	if err := c.MayWrite(ctx, id); err != nil {
		return SignedIn{}, err
	}
	client := ClientFrom(ctx)
	s := session.Started{
		Account: id, Family: c.newID(), Epoch: who.epoch,
		Device: deviceName(client.Agent), Network: client.Network, ExpiresAt: c.now().Add(c.cfg.RefreshTTL),
	}
	to, err := c.origin(ctx, id)
	if err != nil {
		return SignedIn{}, err
	}
	var sid uuid.UUID
	var out Outcome
	switch c.cfg.SessionMode {
	case SessionShared:
		sid, out, err = c.share(ctx, s, to, who.keep)
	case SessionSingle:
		sid = c.newID()
		if s.Epoch, err = c.endOthers(ctx, id, sid); err != nil {
			return SignedIn{}, err
		}
		out, err = c.start(ctx, sid, s, to)
	default:
		sid = c.newID()
		out, err = c.start(ctx, sid, s, to)
	}
	if err != nil {
		return SignedIn{}, err
	}
	return c.tokensOf(ctx, refreshToken{session: sid, family: s.Family}, id, who.roles, to, s.ExpiresAt, out.Position)
}

func (c *Commands) start(ctx context.Context, sid uuid.UUID, s session.Started, to session.Binding) (Outcome, error) {
	return change(ctx, c.core, session.Stream(sid), session.New, func(st *session.Session) ([]event.Data, error) {
		return st.Start(s, to), nil
	})
}

// share lets a sign-in join the account's one session: the one that was kept
// when others ended, or the one of its epoch. Where that is over, a new epoch
// has another.
func (c *Commands) share(ctx context.Context, s session.Started, to session.Binding, keep uuid.UUID) (uuid.UUID, Outcome, error) {
	for range maxConflict {
		own, err := c.sharedSession(ctx, s.Account, s.Epoch)
		if err != nil {
			return uuid.Nil, Outcome{}, err
		}
		for _, sid := range []uuid.UUID{keep, own} {
			if sid == uuid.Nil {
				continue
			}
			var ok bool
			out, err := change(ctx, c.core, session.Stream(sid), session.New, func(st *session.Session) (events []event.Data, err error) {
				events, ok = st.Share(s, to)
				return events, nil
			})
			if err != nil || ok {
				return sid, out, err
			}
		}
		if s.Epoch, err = c.endOthers(ctx, s.Account, uuid.Nil); err != nil {
			return uuid.Nil, Outcome{}, err
		}
		keep = uuid.Nil
	}
	return uuid.Nil, Outcome{}, fault.ErrConflict
}

// sharedSession is the id of the one session of an account's epoch, a UUID of
// version 8 that only we can derive.
func (c *Commands) sharedSession(ctx context.Context, id uuid.UUID, epoch uint64) (uuid.UUID, error) {
	key, err := c.deps.Keyring.System(ctx, "names")
	if err != nil {
		return uuid.Nil, fmt.Errorf("key of names: %w", err)
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "session\x00%s.%d", id, epoch)
	sid := uuid.UUID(mac.Sum(nil)[:16])
	sid[6], sid[8] = sid[6]&0x0f|0x80, sid[8]&0x3f|0x80
	return sid, nil
}

// endOthers ends every session but keep, and gives the epoch that keep is of.
func (c *Commands) endOthers(ctx context.Context, id, keep uuid.UUID) (epoch uint64, err error) {
	out, err := change(ctx, c.core, account.Stream(id), account.New, func(a *account.Account) ([]event.Data, error) {
		events := a.EndSessions(keep)
		epoch = events[0].(account.SessionsEnded).Epoch
		return events, nil
	})
	if err == nil {
		c.revoke(ctx, Revocation{Account: id, Epoch: epoch, Keep: keep, Position: out.Position})
	}
	return epoch, err
}

// EndSession ends one of the account's own sessions, at once and with all its
// tokens. Errors: fault.ErrNotFound for another's.
func (c *Commands) EndSession(ctx context.Context, by Actor, id uuid.UUID) (Outcome, error) {
	out, err := change(ctx, c.core, session.Stream(id), session.New, func(s *session.Session) ([]event.Data, error) {
		return s.End(by.Account, session.SignedOut)
	})
	if err == nil {
		c.revoke(ctx, Revocation{Account: by.Account, Session: id, Position: out.Position})
	}
	return out, err
}

// EndSessions ends all of the account's sessions; keep, which may be uuid.Nil,
// goes on.
func (c *Commands) EndSessions(ctx context.Context, by Actor, keep uuid.UUID) (Outcome, error) {
	var epoch uint64
	out, err := change(ctx, c.core, account.Stream(by.Account), account.New, func(a *account.Account) ([]event.Data, error) {
		if !a.Exists() {
			return nil, fault.ErrNotFound
		}
		events := a.EndSessions(keep)
		epoch = events[0].(account.SessionsEnded).Epoch
		return events, nil
	})
	if err == nil {
		c.revoke(ctx, Revocation{Account: by.Account, Epoch: epoch, Keep: keep, Position: out.Position})
	}
	return out, err
}

// Authenticate says who asks with an access token. It reads no log: what this
// process appended counts at once, what others appended too where nodes share
// what they know, and otherwise within Freshness.
// Errors: ErrTokenInvalid, ErrTokenExpired, ErrTokenRevoked, ErrBinding.
func (c *Commands) Authenticate(ctx context.Context, token string) (Actor, error) {
	a, err := c.deps.Tokens.Check(token)
	if err != nil {
		return Actor{}, err
	}
	if err := c.holds(ctx, a); err != nil {
		return Actor{}, err
	}
	return a, c.bound(ctx, a)
}

// CheckSession says whether a session that was signed in may have a socket: it
// lives, and its account is not suspended. Errors: ErrTokenRevoked, ErrSuspended.
func (c *Commands) CheckSession(ctx context.Context, by Actor) error {
	if err := c.holds(ctx, by); err != nil {
		return err
	}
	return c.MayWrite(ctx, by.Account)
}

// holds says whether a session lives, by what all nodes know.
// Errors: ErrTokenRevoked.
func (c *Commands) holds(ctx context.Context, by Actor) error {
	epoch, err := c.lives(ctx, by)
	if err != nil || c.deps.Shared == nil {
		return err
	}
	_, standing, err := c.pass(ctx, nil, &by)
	if err != nil {
		return err
	}
	return c.upheld(ctx, by, epoch, standing)
}
