package commands

import (
	"context"

	"github.com/parleyhq/parley/domain/fault"
)

// MayAdminister is nil for administrators and for the API keys that they made;
// whether a key was made for that is asked before. Errors: forbidden.
func (c *Commands) MayAdminister(ctx context.Context, by Actor) error {
	admin, err := c.administrator(ctx, by.Account)
	if err == nil && !admin {
		err = fault.ErrForbidden
	}
	return err
}
