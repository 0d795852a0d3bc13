package ops

import (
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// EpochStream is the stream whose newest event's id is the log's epoch.
// Tokens, cursors and checkpoints of another epoch are refused.
const EpochStream = "log-epoch"

// EpochBegun begins a life of the log: its first start, or a restore, after
// which numbers may stand for other events than before.
type EpochBegun struct {
	Reason string `json:"reason"` // "created", "restored", "copied"
}

// Events are the rows of the catalogue.
var Events = []event.Definition{
	event.Of[EpochBegun]("log.epoch_begun.v1", event.Ops, nil),
	event.Of[TypesEnabled]("log.types_enabled.v1", event.Ops, nil),
}

// Epoch is the state of EpochStream.
type Epoch struct{ ID uuid.UUID }

// NewEpoch is the state of a log that was never started.
func NewEpoch() *Epoch { return &Epoch{} }

// Apply takes the newest event's id.
func (e *Epoch) Apply(d event.Decoded) { e.ID = d.ID }

// Begin begins the first epoch; there is nothing to do later.
func (e *Epoch) Begin(reason string) []event.Data {
	if e.ID != uuid.Nil {
		return nil
	}
	return []event.Data{EpochBegun{Reason: reason}}
}
