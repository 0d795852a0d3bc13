package bench

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"
)

// Pair is one row of the table.
type Pair struct {
	What  string
	Unit  string // "events/s", "ms", "KiB"
	Floor string // what the floor is; empty: there is none
	Aim   string // in words: "≥ 0.6"
	Less  bool   // smaller is better: the ratio is still Parley ÷ floor

	// Each measures once, for about as long as it is told.
	Parley func(context.Context, time.Duration) (float64, error)
	Base   func(context.Context, time.Duration) (float64, error) // nil: no floor
}

// Options of Compare.
type Options struct {
	Rounds int           // turns of each side of a pair
	Each   time.Duration // of one turn
	Only   func(what string) bool
}

// Compare measures pairs in order and writes a line for each to out. An error
// of one is told in its line, and is the answer in the end.
func Compare(ctx context.Context, out io.Writer, pairs []Pair, o Options) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what\tParley\tfloor\tratio\taim\tfloor is")
	_ = w.Flush()
	var failed error
	for _, p := range pairs {
		if o.Only != nil && !o.Only(p.What) {
			continue
		}
		a, b, err := p.measure(ctx, o)
		switch {
		case err != nil:
			failed = fmt.Errorf("%s: %w", p.What, err)
			fmt.Fprintf(w, "%s\tfailed: %v\n", p.What, err)
		case p.Base == nil:
			fmt.Fprintf(w, "%s\t%s %s\t\t\t%s\t\n", p.What, round(a), p.Unit, p.Aim)
		default:
			fmt.Fprintf(w, "%s\t%s %s\t%s\t%.2f\t%s\t%s\n", p.What, round(a), p.Unit, round(b), a/b, p.Aim, p.Floor)
		}
		_ = w.Flush()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return failed
}

// measure gives the medians of both sides.
func (p Pair) measure(ctx context.Context, o Options) (parley, floor float64, err error) {
	var as, bs []float64
	for range o.Rounds {
		a, err := p.Parley(ctx, o.Each)
		if err != nil {
			return 0, 0, err
		}
		as = append(as, a)
		if p.Base == nil {
			continue
		}
		b, err := p.Base(ctx, o.Each)
		if err != nil {
			return 0, 0, fmt.Errorf("floor: %w", err)
		}
		bs = append(bs, b)
	}
	return median(as), median(bs), nil
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return v[len(v)/2]
}

func round(v float64) string {
	switch {
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 1:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 3, 64)
}
