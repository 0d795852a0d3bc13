package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parleyhq/parley/projections"
)

// pauses notes how long a leader rests.
type pauses struct {
	slog.Handler
	taken []time.Duration
}

func (p *pauses) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "pause" {
			p.taken = append(p.taken, a.Value.Duration())
		}
		return true
	})
	return nil
}

// Work that fails rests longer each time, up to the longest pause, and anew
// once something went well.
func TestLeaderRests(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	rests := &pauses{Handler: slog.NewTextHandler(&strings.Builder{}, nil)}
	l := leader{projections.Alone{}, "work", "rests", slog.New(rests), time.Microsecond, 4 * time.Microsecond}
	term, last := 0, errors.New("the last term")
	err := l.run(ctx, func(_ context.Context, _ projections.Fence, well func()) error {
		switch term++; term {
		case 5:
			well()
		case 8:
			cancel()
			return last
		}
		return fmt.Errorf("term %d", term)
	})
	if !errors.Is(err, last) {
		t.Errorf("ended with %v", err)
	}
	want := []time.Duration{1, 2, 4, 4, 1, 2, 4}
	for i := range want {
		want[i] *= time.Microsecond
	}
	if !slices.Equal(rests.taken, want) {
		t.Errorf("rested %v, want %v", rests.taken, want)
	}
}
