package projections

import "context"

// Standing is how far something that follows the log has come, as this
// process knows it, whether it leads, stands by or only hears of it.
type Standing interface {
	Name() string // "tables", "search", "notify"
	Position() uint64
	Lag(ctx context.Context) (uint64, error) // positions behind the log's head
}

// Projection is what those ask who answer from a read model. Runner and
// Follower are Projections.
type Projection interface {
	Standing
	// Wait returns once the log up to position is in what answers queries.
	// Errors: the context's, ErrTooManyWaiters.
	Wait(ctx context.Context, position uint64) error
	// Ready says whether it has come to where the log ended when this process
	// began to follow.
	Ready() bool
}

// Rebuilder is a projection that can be built again from the log, in the
// process that leads it. Requests asks for it from any process.
type Rebuilder interface {
	Name() string
	// Rebuild builds everything anew beside what is live, and swaps. progress
	// (may be nil) is told positions of the log as it goes. Errors:
	// ErrNotLeading, ErrNotReady, ErrRebuilding; ErrDeposed and the context's
	// leave everything as it was.
	Rebuild(ctx context.Context, progress func(done, head uint64)) error
	// Rebuilding says how far what is being built is, if something is: by
	// Rebuild, or because this release builds it otherwise.
	Rebuilding() (done, head uint64, building bool)
}
