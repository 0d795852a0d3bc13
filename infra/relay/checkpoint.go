package relay

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/readmodels"
)

const checkpointTable = `CREATE TABLE IF NOT EXISTS relay_checkpoint (name text PRIMARY KEY, epoch text NOT NULL, position bigint NOT NULL)`

// checkpoint remembers how far the brokers have acknowledged, in the state
// database. It may be behind, never ahead.
type checkpoint struct {
	db   readmodels.DB
	name string
}

func (c checkpoint) prepare(ctx context.Context) error {
	err := c.db.Batch(ctx, func(b readmodels.Batch) error { return b.Exec(ctx, checkpointTable) })
	if err != nil {
		return fmt.Errorf("relay: the table of checkpoints: %w", err)
	}
	return nil
}

// load is the position in that epoch; 0 where the checkpoint is of another.
func (c checkpoint) load(ctx context.Context, epoch uuid.UUID) (uint64, error) {
	rows, err := c.db.Query(ctx, `SELECT epoch, position FROM relay_checkpoint WHERE name = ?`, c.name)
	if err != nil {
		return 0, fmt.Errorf("relay: read the checkpoint: %w", err)
	}
	var of string
	var position int64
	if rows.Next() {
		err = rows.Scan(&of, &position)
	}
	if err = errors.Join(err, rows.Err(), rows.Close()); err != nil {
		return 0, fmt.Errorf("relay: read the checkpoint: %w", err)
	}
	if of != epoch.String() {
		return 0, nil
	}
	return uint64(position), nil
}

// save is refused with ErrDeposed once another process leads.
func (c checkpoint) save(ctx context.Context, fence projections.Fence, epoch uuid.UUID, position uint64) error {
	err := c.db.Batch(ctx, func(b readmodels.Batch) error {
		if err := fence.Check(ctx, b); err != nil {
			return err
		}
		return b.Exec(ctx, `INSERT INTO relay_checkpoint (name, epoch, position) VALUES (?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch, position = excluded.position`, c.name, epoch.String(), int64(position))
	})
	if err != nil {
		return fmt.Errorf("relay: save the checkpoint: %w", err)
	}
	return nil
}
