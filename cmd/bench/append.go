package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parleyhq/parley/infra/pebble/pebblebench"
)

// appends are durable appends to a new log each turn.
func (p Plan) appends(writers int) Pair {
	in := func(measure func(context.Context, string, int, time.Duration) (float64, error)) Turn {
		return func(ctx context.Context, d time.Duration) (perSecond float64, err error) {
			dir, drop, err := p.folder()
			if err != nil {
				return 0, err
			}
			defer func() { err = errors.Join(err, drop()) }()
			return measure(ctx, dir, writers, d)
		}
	}
	what := fmt.Sprintf("durable append, %d B, %d writers", pebblebench.Payload, writers)
	if writers == 1 {
		what = fmt.Sprintf("durable append, %d B, 1 writer", pebblebench.Payload)
	}
	return Pair{
		What: what, Unit: "events/s", Floor: "a raw file with group commit and fsync", Aim: "≥ 0.6",
		Open: ready(in(pebblebench.Append), in(pebblebench.Floor)),
	}
}
