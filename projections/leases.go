package projections

import (
	"context"
	"errors"

	"github.com/parleyhq/parley/readmodels"
)

// Leases says which of several processes leads what only one may do at a time.
type Leases interface {
	// Lead waits until this process leads name, then runs f, and gives the lead
	// up when f returns. The context of f ends when the lead is lost or ctx
	// ends. Whatever f still writes after that, fence refuses.
	// Errors: f's, ErrDeposed where the lead was lost, the context's.
	Lead(ctx context.Context, name string, f func(ctx context.Context, fence Fence) error) error
}

// Fence is one term of a leader.
type Fence interface {
	// Check belongs into the transaction of everything that a leader writes: it
	// fails once another process leads, and keeps others from taking over
	// before the transaction has ended. The transaction may be one of the
	// tables, of any generation, or of the state. Errors: ErrDeposed, the
	// engine's.
	Check(ctx context.Context, b readmodels.Batch) error
}

// ErrDeposed says that another process leads, or may.
var ErrDeposed = errors.New("projections: another process leads")

// Alone is Leases for a process that has everything for itself: it leads.
type Alone struct{}

// Lead implements Leases.
func (Alone) Lead(ctx context.Context, _ string, f func(context.Context, Fence) error) error {
	return f(ctx, Alone{})
}

// Check implements Fence.
func (Alone) Check(context.Context, readmodels.Batch) error { return nil }

// Announcements carry how far leaders have come to those who wait for it in
// other processes.
type Announcements interface {
	// Announce belongs into the transaction that reaches position: others hear
	// of it when that commits, never before. The name is the leader's.
	Announce(ctx context.Context, b readmodels.Batch, name string, position uint64) error
	// Follow tells reach of all names' positions, the newest of each at once,
	// in the order of the names, and later ones in the order of their commits
	// (in one transaction: as announced), until ctx ends; then it returns nil.
	// After a broken connection it tells the newest of each again, likewise.
	Follow(ctx context.Context, reach func(name string, position uint64)) error
}
