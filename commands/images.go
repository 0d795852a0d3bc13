package commands

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/fault"
)

// errImage says that a field names an image that was not issued to whoever
// names it.
var errImage = fault.New(fault.Invalid, "image.unknown", "There is no such image of yours.")

// ownImages is nil when all ids are images that were issued to account, and
// image.unknown with that field otherwise. None are issued yet.
func (c *Commands) ownImages(_ context.Context, _ uuid.UUID, field string, ids ...uuid.UUID) error {
	if len(ids) == 0 {
		return nil
	}
	return errImage.With(fault.Field(field, "unknown"))
}
