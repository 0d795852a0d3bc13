package memory_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/commands/commandstest"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/infra/memory"
)

// clock is put forward by tests alone.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// N4, S9: tickets, captchas, nonces.
func TestEphemeral(t *testing.T) {
	t.Parallel()
	commandstest.Ephemeral(t, func(testing.TB) (commands.Ephemeral, commandstest.Advance) {
		c := newClock()
		return memory.NewEphemeral(1000, c.now), c.advance
	})
}

// S11: rates and lock-out.
func TestLimits(t *testing.T) {
	t.Parallel()
	commandstest.Limits(t, func(testing.TB) (commands.Limits, commandstest.Advance) {
		c := newClock()
		return memory.NewLimits(1000, c.now), c.advance
	})
}

// A3: failures that ask for a captcha.
func TestTallies(t *testing.T) {
	t.Parallel()
	commandstest.Tallies(t, func(testing.TB) (commands.Tallies, commandstest.Advance) {
		c := newClock()
		return memory.NewLimits(1000, c.now), c.advance
	})
}

// Invariant 12: a store that is full says so, and has room again in time.
func TestEphemeralIsBounded(t *testing.T) {
	t.Parallel()
	c := newClock()
	e, ctx := memory.NewEphemeral(3, c.now), t.Context()
	for i := range 3 {
		if err := e.Put(ctx, fmt.Sprint(i), nil, time.Duration(i+1)*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Put(ctx, "3", nil, time.Second); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("over the bound: %v", err)
	}
	if _, err := e.Add(ctx, "3", nil, time.Second); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("over the bound: %v", err)
	}
	if err := e.Put(ctx, "1", nil, time.Minute); err != nil {
		t.Errorf("in the place of another: %v", err)
	}
	c.advance(time.Second)
	if err := e.Put(ctx, "3", nil, time.Second); err != nil || e.Len() != 3 {
		t.Errorf("after one expired: %v, %d are kept", err, e.Len())
	}
}

// Invariant 12: limits forget whom they have not seen for longest.
func TestLimitsAreBounded(t *testing.T) {
	t.Parallel()
	c := newClock()
	l, ctx := memory.NewLimits(2, c.now), t.Context()
	draw := func(key string) time.Duration {
		levels, err := l.Draw(ctx, []commands.Draw{{Rule: "r", Key: key, Rate: commands.Rate{Count: 1, Per: time.Hour}}})
		if err != nil {
			t.Fatal(err)
		}
		return levels[0].Wait
	}
	for _, step := range []struct {
		key     string
		refused bool
	}{{"a", false}, {"b", false}, {"a", true}, {"c", false}, {"a", true}, {"b", false}} {
		if wait := draw(step.key); (wait > 0) != step.refused {
			t.Errorf("%+v: wait %s", step, wait)
		}
	}
}

// S11: two draws are what a signed-in write costs.
func BenchmarkDraw(b *testing.B) {
	l, ctx := memory.NewLimits(100_000, time.Now), b.Context()
	draws := []commands.Draw{
		{Rule: "account", Key: "0198b7c4-3bb6-7c3e-a5a1-7b6f5a1c2d3e", Rate: commands.Rate{Count: 1e9, Per: time.Minute}},
		{Rule: "write", Key: "0198b7c4-3bb6-7c3e-a5a1-7b6f5a1c2d3e sendMessage", Rate: commands.Rate{Count: 1e9, Per: time.Minute}},
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Draw(ctx, draws); err != nil {
			b.Fatal(err)
		}
	}
}
