package stack

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Report is told how it stands with a dependency: nil when it is up.
type Report func(name string, problem error)

// await opens one dependency, again and again with growing pauses, until it
// answers, ctx or OpenTimeout ends, or the error is final: nobody can connect
// before an operator changes something.
func await[T any](ctx context.Context, c Config, name string, open func(context.Context) (T, error)) (engine T, err error) {
	trying, stop := ctx, func() {}
	if c.OpenTimeout > 0 {
		trying, stop = context.WithTimeout(ctx, c.OpenTimeout)
	}
	defer stop()
	pause := c.RetryFirst
	var problem error // the newest that is not of our own giving up
	for {
		engine, err = open(trying)
		c.Report(name, err)
		if err == nil {
			return engine, nil
		}
		if isFinal := new(final); errors.As(err, &isFinal) {
			return engine, fmt.Errorf("%s: %w", name, err)
		}
		if trying.Err() == nil || problem == nil {
			problem = err
			c.Log.WarnContext(ctx, "a dependency does not answer; trying again", "dependency", name, "pause", pause, "error", err)
		}
		select {
		case <-time.After(pause):
		case <-trying.Done():
			if ctx.Err() != nil {
				return engine, ctx.Err()
			}
			return engine, fmt.Errorf("%s does not answer, tried for %s: %w", name, c.OpenTimeout, problem)
		}
		pause = min(2*pause, c.RetryLongest)
	}
}

// final is an error that no waiting mends.
type final struct{ error }

func (f *final) Unwrap() error { return f.error }
