package commands

import (
	"context"
	"time"

	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/session"
)

// ErrNotRecent asks for a new sign-in before something that a stolen session
// must not do.
var ErrNotRecent = fault.New(fault.Forbidden, "session.not_recent", "You signed in too long ago to do this; please sign in again.")

// recentSignIn is nil where the actor's session was signed in to at most
// RecentSignIn ago; refreshing does not count. Errors: ErrNotRecent.
func (c *Commands) recentSignIn(ctx context.Context, by Actor) error {
	var at time.Time
	err := view(ctx, c.core, session.Stream(by.Session), session.New, func(s *session.Session) error {
		if s.Live(by.Account) {
			at = s.SignedInAt
		}
		return nil
	})
	if err == nil && c.now().Sub(at) > c.cfg.RecentSignIn {
		err = ErrNotRecent
	}
	return err
}
