package commands

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/session"
)

// Renew gives whoever asks with an access token that is older than MaxRefresh
// another one, for as long as a new one lives, but not for longer than the
// session. It is empty where there is nothing to gain, and where what it needs
// cannot be read now: the next request asks again. The old token stays good.
func (c *Commands) Renew(ctx context.Context, by Actor) string {
	now := c.now()
	if c.cfg.MaxRefresh <= 0 || by.Session == uuid.Nil || now.Sub(by.Issued) < c.cfg.MaxRefresh {
		return ""
	}
	var ends time.Time
	err := view(ctx, c.core, session.Stream(by.Session), session.New, func(s *session.Session) error {
		ends = s.Ends()
		return nil
	})
	if err != nil {
		return ""
	}
	if latest := now.Add(c.deps.Tokens.TTL()); ends.After(latest) {
		ends = latest
	}
	if !ends.Truncate(time.Second).After(by.Expires) {
		return ""
	}
	if c.MayWrite(ctx, by.Account) != nil { // whoever may not refresh is not renewed either
		return ""
	}
	var roles []string
	err = c.account(ctx, by.Account, func(a *account.Account) error {
		roles = slices.Clone(a.Roles)
		return nil
	})
	if err != nil {
		return ""
	}
	token, err := c.deps.Tokens.issue(by.Account, by.Session, roles, by.origin, now, ends)
	if err != nil {
		return ""
	}
	return token
}
