package stack

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// O2: whoever has no time to wait for a server hears which one is away and
// why, also where an attempt hangs; who has waits until it comes.
func TestAwait(t *testing.T) {
	t.Parallel()
	away := errors.New("connection refused")
	cfg := Config{RetryFirst: time.Millisecond, RetryLongest: time.Millisecond, Report: func(string, error) {}, Log: slog.New(slog.DiscardHandler)}
	tries := 0
	refuses := func(context.Context) (int, error) { tries++; return 0, away }
	cfg.OpenTimeout = 500 * time.Millisecond // time for two tries, on a starved machine too
	if _, err := await(t.Context(), cfg, "redis", refuses); !errors.Is(err, away) || !strings.HasPrefix(err.Error(), "redis does not answer, tried for 500ms: ") || tries < 2 {
		t.Errorf("one that refuses, after %d tries: %v", tries, err)
	}
	tries = 0
	hangs := func(ctx context.Context) (int, error) {
		if tries++; tries == 1 {
			return 0, away
		}
		<-ctx.Done()
		return 0, ctx.Err()
	}
	if _, err := await(t.Context(), cfg, "redis", hangs); !errors.Is(err, away) || tries != 2 {
		t.Errorf("one that hangs, after %d tries: %v", tries, err)
	}
	cfg.OpenTimeout, tries = 0, 0
	comes := func(context.Context) (int, error) {
		if tries++; tries < 50 {
			return 0, away
		}
		return 7, nil
	}
	if got, err := await(t.Context(), cfg, "redis", comes); err != nil || got != 7 {
		t.Errorf("one that comes late: %d, %v", got, err)
	}
	stopped, stop := context.WithCancel(t.Context())
	cfg.OpenTimeout = time.Hour
	if _, err := await(stopped, cfg, "redis", func(context.Context) (int, error) { stop(); return 0, away }); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped meanwhile: %v", err)
	}
}
