package commands

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/session"
)

// refreshToken is token number n of a family. It is written as session,
// family, n and the HMAC of the three, so that any node can repeat it and
// nothing that the log holds helps to forge one.
type refreshToken struct {
	session, family uuid.UUID
	n               uint32
}

const refreshSize = 16 + 16 + 4

func (t refreshToken) bytes() []byte {
	b := append(append(make([]byte, 0, refreshSize+sha256.Size), t.session[:]...), t.family[:]...)
	return binary.BigEndian.AppendUint32(b, t.n)
}

func (c *Commands) writeRefresh(ctx context.Context, t refreshToken) (string, error) {
	mac, err := c.refreshMAC(ctx, t.bytes())
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(append(t.bytes(), mac...)), nil
}

// readRefresh reads a token that we issued. Errors: session.ErrRefreshInvalid.
func (c *Commands) readRefresh(ctx context.Context, token string) (refreshToken, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != refreshSize+sha256.Size || broken(token) {
		return refreshToken{}, session.ErrRefreshInvalid
	}
	mac, err := c.refreshMAC(ctx, raw[:refreshSize])
	if err != nil {
		return refreshToken{}, err
	}
	if !hmac.Equal(mac, raw[refreshSize:]) {
		return refreshToken{}, session.ErrRefreshInvalid
	}
	return refreshToken{
		session: uuid.UUID(raw[:16]), family: uuid.UUID(raw[16:32]), n: binary.BigEndian.Uint32(raw[32:]),
	}, nil
}

// broken says whether a text has line breaks, which the decoder of base64
// overlooks: none of ours has one.
func broken(text string) bool { return strings.ContainsAny(text, "\r\n") }

func (c *Commands) refreshMAC(ctx context.Context, b []byte) ([]byte, error) {
	key, err := c.deps.Keyring.System(ctx, "refresh")
	if err != nil {
		return nil, fmt.Errorf("key of refresh tokens: %w", err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(b)
	return mac.Sum(nil), nil
}

// Refresh uses a refresh token, and gives its successor and a new access
// token. Both streams are read as the log holds them now, so that no node
// that lags carries a thief across.
// Errors: session.ErrRefreshInvalid, session.ErrRefreshReused, ErrBinding, ErrSuspended.
func (c *Commands) Refresh(ctx context.Context, token string) (SignedIn, error) {
	t, err := c.readRefresh(ctx, token)
	if err != nil {
		return SignedIn{}, err
	}
	ctx, err = c.upToDate(ctx)
	if err != nil {
		return SignedIn{}, err
	}
	id, roles, err := c.refreshable(ctx, t)
	if err != nil {
		return SignedIn{}, err
	}
	from, err := c.origin(ctx, id)
	if err != nil {
		return SignedIn{}, err
	}
	var done session.Refreshment
	foreign := false
	out, err := change(WithActor(ctx, id.String()), c.core, session.Stream(t.session), session.New,
		func(s *session.Session) (events []event.Data, err error) {
			if foreign = !s.Fits(t.family, from); foreign {
				return nil, nil
			}
			events, done, err = s.Refresh(t.family, t.n, c.now(), c.cfg.RefreshGrace, c.cfg.RefreshTTL)
			return events, err
		})
	switch {
	case err != nil:
		return SignedIn{}, err
	case foreign:
		return SignedIn{}, c.mismatch(ctx, id, t.session)
	case done.Reused:
		c.revoke(ctx, Revocation{Account: id, Session: t.session, Position: out.Position})
		return SignedIn{}, session.ErrRefreshReused
	}
	t.n = done.Token
	return c.tokensOf(ctx, t, id, roles, from, done.Expires, out.Position)
}

// refreshable finds whose session a token is of, and refuses it where the
// account ended all of them.
func (c *Commands) refreshable(ctx context.Context, t refreshToken) (id uuid.UUID, roles []string, err error) {
	var epoch uint64
	err = view(ctx, c.core, session.Stream(t.session), session.New, func(s *session.Session) error {
		id, epoch = s.Account, s.Epoch
		return nil
	})
	if err != nil {
		return uuid.Nil, nil, err
	}
	if id == uuid.Nil {
		return uuid.Nil, nil, session.ErrRefreshInvalid
	}
	err = c.account(ctx, id, func(a *account.Account) error {
		if a.Over(t.session, epoch) {
			return session.ErrRefreshInvalid
		}
		roles = slices.Clone(a.Roles)
		return suspended(a, c.now())
	})
	return id, roles, err
}

// tokensOf writes a session's tokens down for their bearer, who is where to says.
func (c *Commands) tokensOf(ctx context.Context, t refreshToken, id uuid.UUID, roles []string, to session.Binding, expires time.Time, position uint64) (SignedIn, error) {
	access, err := c.deps.Tokens.Issue(id, t.session, roles, to)
	if err != nil {
		return SignedIn{}, fmt.Errorf("sign an access token: %w", err)
	}
	refresh, err := c.writeRefresh(ctx, t)
	if err != nil {
		return SignedIn{}, err
	}
	return SignedIn{
		Account: id, Session: t.session, AccessToken: access, ExpiresIn: c.deps.Tokens.TTL(),
		RefreshToken: refresh, RefreshExpires: expires, Position: position,
	}, nil
}
