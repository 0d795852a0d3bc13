package rest

import (
	"context"
	"errors"
)

// positionHeader carries a position token both ways.
const positionHeader = "Parley-Position"

// readPosition takes the caller's position. Errors: errPosition and
// errPositionEpoch, which are told late: after access.
func (s *Server) readPosition(c *Call) error {
	tokens := c.Request.Header[positionHeader]
	if len(tokens) == 0 {
		return nil
	}
	if len(tokens) > 1 {
		return errPosition
	}
	p, err := s.cfg.Positions.Decode(tokens[0])
	if err != nil {
		return err
	}
	c.Position = p
	return nil
}

// awaitPosition waits until every projector that the route reads from has
// passed the caller's position. Errors: errPositionLate.
func (s *Server) awaitPosition(ctx context.Context, c *Call) error {
	return s.await(ctx, c, c.route.waits...)
}

// await is awaitPosition for some projectors.
func (s *Server) await(ctx context.Context, c *Call, projectors ...Waiter) error {
	if c.Position == 0 || len(projectors) == 0 {
		return nil
	}
	waiting, cancel := context.WithTimeout(ctx, s.cfg.PositionWait)
	defer cancel()
	for _, w := range projectors {
		err := w.Wait(waiting, c.Position)
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return ctx.Err()
		case waiting.Err() != nil && errors.Is(err, waiting.Err()):
			return errPositionLate
		default:
			return err
		}
	}
	return nil
}
