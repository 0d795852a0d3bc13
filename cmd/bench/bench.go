package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// A Turn measures once, for about as long as it is told.
type Turn func(context.Context, time.Duration) (float64, error)

// Sides are the two of a pair, ready to be measured in turn.
type Sides struct {
	Parley Turn
	Base   Turn         // nil: there is no floor
	Close  func() error // nil: nothing to close
}

// Pair is one row of the table.
type Pair struct {
	What  string
	Unit  string // "events/s", "ms", "KiB"
	Floor string // what the floor is; empty: there is none
	Aim   string // in words: "≥ 0.6"

	Needs []string // settings of servers that are not given, and without which it is not measured; nil: none

	// Open makes ready what both sides need. It is not measured.
	Open func(context.Context) (Sides, error)
	// Done closes what pairs have opened together, after all of them. It may
	// be called again. nil: there is nothing.
	Done func() error
}

// Options of Compare.
type Options struct {
	Rounds int           // turns of each side of a pair
	Each   time.Duration // of one turn
}

// Result is what came of one pair: medians of its turns.
type Result struct {
	What   string    `json:"what"`
	Unit   string    `json:"unit"`
	Parley float64   `json:"parley"`
	Floor  *float64  `json:"floor"` // null: there is none
	Ratio  *float64  `json:"ratio"` // Parley ÷ floor: the median of the turns' own ratios
	Aim    string    `json:"aim"`
	Beside string    `json:"beside"` // what the floor is
	Turns  []float64 `json:"turns"`  // of Parley, in order
	Floors []float64 `json:"floors"`
	Error  string    `json:"error,omitempty"`
}

// Compare measures pairs in order and hands over the result of each. The error
// of a pair is told in its result and is part of the answer in the end, unless
// it is errors.ErrUnsupported: then the platform cannot tell.
func Compare(ctx context.Context, pairs []Pair, o Options, show func(Result) error) (err error) {
	defer func() {
		for _, p := range pairs {
			if p.Done != nil {
				err = errors.Join(err, p.Done())
			}
		}
	}()
	var failed []error
	for _, p := range pairs {
		r, err := p.measure(ctx, o)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			r.Error = err.Error()
			if !errors.Is(err, errors.ErrUnsupported) {
				failed = append(failed, fmt.Errorf("%s: %w", p.What, err))
			}
		}
		if err := show(r); err != nil {
			return err
		}
	}
	return errors.Join(failed...)
}

// measure takes turns and gives the medians of both sides.
func (p Pair) measure(ctx context.Context, o Options) (r Result, err error) {
	r = Result{What: p.What, Unit: p.Unit, Aim: p.Aim, Beside: p.Floor, Turns: []float64{}, Floors: []float64{}}
	s, err := p.Open(ctx)
	if err != nil {
		return r, err
	}
	if s.Close != nil {
		defer func() { err = errors.Join(err, s.Close()) }()
	}
	var ratios []float64
	for range o.Rounds {
		a, err := s.Parley(ctx, o.Each)
		if err != nil {
			return r, err
		}
		r.Turns = append(r.Turns, a)
		if s.Base == nil {
			continue
		}
		b, err := s.Base(ctx, o.Each)
		if err != nil {
			return r, fmt.Errorf("floor: %w", err)
		}
		r.Floors = append(r.Floors, b)
		ratios = append(ratios, a/b)
	}
	r.Parley = median(r.Turns)
	if s.Base != nil {
		floor, ratio := median(r.Floors), median(ratios)
		r.Floor, r.Ratio = &floor, &ratio
	}
	return r, nil
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}
