package process

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/readmodels"
)

// Checkpoint remembers how far a process has come. It may be behind. The zero
// epoch is none.
type Checkpoint interface {
	Load(ctx context.Context) (epoch uuid.UUID, position uint64, err error)
	// Save is for the leader alone. Errors: projections.ErrDeposed, the engine's.
	Save(ctx context.Context, fence projections.Fence, epoch uuid.UUID, position uint64) error
}

const checkpointTable = `CREATE TABLE IF NOT EXISTS process_checkpoint (name text PRIMARY KEY, epoch text NOT NULL, position bigint NOT NULL)`

// StateCheckpoint is a Checkpoint in the state database.
type StateCheckpoint struct {
	db   readmodels.DB
	name string
}

// NewStateCheckpoint makes the table if it is not there.
func NewStateCheckpoint(ctx context.Context, db readmodels.DB, name string) (*StateCheckpoint, error) {
	err := db.Batch(ctx, func(b readmodels.Batch) error { return b.Exec(ctx, checkpointTable) })
	if err != nil {
		return nil, fmt.Errorf("checkpoints of processes: %w", err)
	}
	return &StateCheckpoint{db: db, name: name}, nil
}

// Load implements Checkpoint.
func (c *StateCheckpoint) Load(ctx context.Context) (epoch uuid.UUID, position uint64, err error) {
	rows, err := c.db.Query(ctx, `SELECT epoch, position FROM process_checkpoint WHERE name = ?`, c.name)
	if err != nil {
		return uuid.Nil, 0, err
	}
	if rows.Next() {
		err = rows.Scan(&epoch, &position)
	}
	return epoch, position, errors.Join(err, rows.Err(), rows.Close())
}

// Save implements Checkpoint.
func (c *StateCheckpoint) Save(ctx context.Context, fence projections.Fence, epoch uuid.UUID, position uint64) error {
	return c.db.Batch(ctx, func(b readmodels.Batch) error {
		if err := fence.Check(ctx, b); err != nil {
			return err
		}
		return b.Exec(ctx, `INSERT INTO process_checkpoint (name, epoch, position) VALUES (?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch, position = excluded.position`, c.name, epoch.String(), int64(position))
	})
}
