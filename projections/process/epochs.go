package process

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/ops"
)

// epochs are the lives of the log, in their order, and where each begins.
// What happened before a restore keeps its position and its epoch.
type epochs []epoch

type epoch struct {
	id    uuid.UUID
	begin uint64
}

func loadEpochs(ctx context.Context, store event.Store) (epochs, error) {
	var all epochs
	for rec, err := range store.Stream(ctx, ops.EpochStream, 0, event.Forward) {
		if err != nil {
			return nil, err
		}
		all = append(all, epoch{rec.ID, rec.Position})
	}
	return all, nil
}

// at is the epoch of a position, and those that began after it. Positions
// before the first epoch count to it.
func (e epochs) at(position uint64) (id uuid.UUID, later []uuid.UUID) {
	for _, one := range slices.Backward(e) {
		if id = one.id; one.begin <= position {
			return id, later
		}
		later = append(later, one.id)
	}
	if len(later) > 0 {
		later = later[:len(later)-1] // the first one is its own
	}
	return id, later
}

// newest is the epoch now.
func (e epochs) newest() epoch {
	if len(e) == 0 {
		return epoch{}
	}
	return e[len(e)-1]
}
