package readmodels

import (
	"context"
	"errors"

	"github.com/parleyhq/parley/domain/fault"
)

// Tables answers queries from whichever generation is live.
type Tables struct{ generations Generations }

// NewTables reads from those generations.
func NewTables(g Generations) *Tables { return &Tables{generations: g} }

// Read runs f on one snapshot of the live generation.
// Errors: fault.ErrUnavailable while there is none and while the engine does
// not answer; f's own.
func (t *Tables) Read(ctx context.Context, f func(Reader) error) error {
	err := t.generations.ReadLive(ctx, f)
	if errors.Is(err, ErrNoGeneration) || errors.Is(err, ErrUnavailable) {
		return fault.ErrUnavailable.Because(err)
	}
	return err
}
