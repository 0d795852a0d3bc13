package commands

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/ops"
)

// Epoch is the log's epoch. An empty log begins its first one: exactly once,
// whoever else starts at the same time.
func (c *Commands) Epoch(ctx context.Context) (uuid.UUID, error) {
	_, err := change(ctx, c.core, ops.EpochStream, ops.NewEpoch, func(e *ops.Epoch) ([]event.Data, error) {
		return e.Begin("created"), nil
	})
	if err != nil {
		return uuid.Nil, err
	}
	var id uuid.UUID
	err = view(ctx, c.core, ops.EpochStream, ops.NewEpoch, func(e *ops.Epoch) error {
		id = e.ID
		return nil
	})
	return id, err
}
