package commands

import (
	"context"
	"time"
)

// Tallies is those of this process alone. It is bounded, and passes
// commandstest.Tallies.
type Tallies interface {
	// Full says whether one of tallies is full.
	Full(ctx context.Context, tallies []Tally) (bool, error)
	// Count adds a failure to each, or empties them by a success.
	Count(ctx context.Context, tallies []Tally, failed bool) error
}

// Tally counts failures of one key for captchas. It locks nobody out.
type Tally struct {
	Key   string
	Count int           // failures that fill it, at least 1; older ones are not remembered
	For   time.Duration // how long a failure counts
	Keeps bool          // a success does not empty it
}

// full says whether one of tallies is.
func (c *Commands) full(ctx context.Context, tallies []Tally) (full bool, err error) {
	err = c.askTallies(ctx, tallies, func(ctx context.Context, t Tallies) (err error) {
		full, err = t.Full(ctx, tallies)
		return err
	})
	return full, err
}

// tally counts how an attempt went.
func (c *Commands) tally(ctx context.Context, tallies []Tally, failed bool) error {
	return c.askTallies(ctx, tallies, func(ctx context.Context, t Tallies) error { return t.Count(ctx, tallies, failed) })
}

// askTallies asks the ones that all nodes share, or else the process's own.
func (c *Commands) askTallies(ctx context.Context, tallies []Tally, ask func(context.Context, Tallies) error) error {
	if len(tallies) == 0 {
		return nil
	}
	shared, err := c.shared.try(ctx, func(ctx context.Context, s Shared) error { return ask(ctx, s) })
	if shared || err != nil || c.deps.Tallies == nil {
		return err
	}
	return ask(ctx, c.deps.Tallies)
}
