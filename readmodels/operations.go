package readmodels

import (
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/fault"
)

// ProjectionState is a projection as its operators see it.
type ProjectionState struct {
	Name        string
	Position    uint64 // up to which the log is in it
	Lag         uint64 // positions behind the log's head
	Rebuildable bool
	Rebuild     *float64 // from 0 to 1; nil: nothing is being built
	Parked      int      // events that are not in it
}

// Rebuild is a rebuild that somebody asked for.
type Rebuild struct {
	ID         uuid.UUID
	Projection string
	State      RebuildState
	Progress   float64 // from 0 to 1
	Reason     string  // why it failed
	Asked      time.Time
}

// RebuildState is where a rebuild stands.
type RebuildState string

// The states.
const (
	Queued  RebuildState = "queued" // until its leader looks
	Running RebuildState = "running"
	Done    RebuildState = "done" // after the swap
	Failed  RebuildState = "failed"
)

// ParkedEvent is an event that is not in a projection.
type ParkedEvent struct {
	ID         string // of the parked entry, among all projections
	Projection string
	EventID    string
	Stream     string
	Type       string
	Position   uint64
	Reason     string
	Behind     bool // nothing is wrong with it: it waits for an earlier one
	At         time.Time
}

// Faults of those who operate projections.
var (
	ErrRebuilding     = fault.New(fault.Conflict, "projection.rebuilding", "A rebuild of this is under way.")
	ErrNotRebuildable = fault.New(fault.Invalid, "projection.not_rebuildable", "This cannot be rebuilt: what was told stays told.")
	ErrParkedAgain    = fault.New(fault.Conflict, "parked.fails_again", "This event, or one that waits behind it, still cannot be applied.")
	ErrReplaying      = fault.New(fault.Conflict, "parked.replaying", "A replay of this event is under way.")
	ErrNobodyLeads    = fault.New(fault.Unavailable, "projection.nobody_leads", "Nobody has taken this up yet; it stays asked for.").After(5 * time.Second)
)
