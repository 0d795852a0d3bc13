package projections

import "context"

// Progress is a position that only rises, and those who wait for it. The zero
// value is ready.
type Progress struct{ waiting waiters }

// Wait returns once position is reached, or with the error of ctx, or with
// ErrTooManyWaiters.
func (p *Progress) Wait(ctx context.Context, position uint64) error {
	return p.waiting.wait(ctx, position)
}

// Reach says that position is reached.
func (p *Progress) Reach(position uint64) { p.waiting.reach(position) }

// Position is how far it has come.
func (p *Progress) Position() uint64 { return p.waiting.position() }
