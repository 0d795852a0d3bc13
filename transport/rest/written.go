package rest

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
)

// written waits until the tables show what was appended at position, so that
// a write can answer what it made. Errors: errPositionLate.
func (s *Server) written(ctx context.Context, position uint64) error {
	if position == 0 {
		return nil
	}
	waiting, cancel := context.WithTimeout(ctx, s.cfg.PositionWait)
	defer cancel()
	err := s.cfg.Waiters[Tables].Wait(waiting, position)
	if err != nil && ctx.Err() == nil && waiting.Err() != nil && errors.Is(err, waiting.Err()) {
		return errPositionLate
	}
	return err
}

// match lets a command hold the caller's If-Match against the newest event
// that changed the thing.
func (c *Call) match() commands.Match {
	if !c.IfMatch.Given() {
		return nil
	}
	return func(version uuid.UUID) error { return c.CheckMatch(version.String()) }
}

// settled ends a write that has nothing to say: the tables show it, and the
// caller gets its position.
func (s *Server) settled(ctx context.Context, out commands.Outcome, err error) (Reply[None], error) {
	if err == nil {
		err = s.written(ctx, out.Position)
	}
	return Reply[None]{Position: out.Position}, err
}
