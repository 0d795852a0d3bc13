package commands

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
)

// AccountSummary is how an account stands beside what it did.
type AccountSummary struct {
	ID          uuid.UUID
	Handle      string
	DisplayName string
	Avatar      uuid.UUID // of an image; uuid.Nil: none
}

// AccountSummary is an account's summary from its own stream, so that frames
// of sockets cost no query; false for one that is not there.
func (c *Commands) AccountSummary(ctx context.Context, id uuid.UUID) (s AccountSummary, ok bool, err error) {
	err = c.account(ctx, id, func(a *account.Account) error {
		ok = a.Exists()
		s = AccountSummary{ID: id, Handle: a.Handle, DisplayName: a.Profile.DisplayName, Avatar: a.Profile.Avatar}
		return nil
	})
	return s, ok, err
}
