//go:build linux

package pushbench_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/pebble"
	"github.com/parleyhq/parley/transport/push/pushbench"
)

func log(b testing.TB) event.Store {
	b.Helper()
	l, err := pebble.Open("log", pebble.Options{FS: vfs.NewMem()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	return l
}

func must(b *testing.B, v float64, err error) float64 {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
	return v
}

// BenchmarkFanOut measures both sides in turn and reports the ratio.
func BenchmarkFanOut(b *testing.B) {
	for _, sockets := range []int{1000, 8000} {
		for _, backlog := range []int{1, 64} {
			b.Run(fmt.Sprintf("sockets=%d/backlog=%d", sockets, backlog), func(b *testing.B) {
				ctx := context.Background()
				var parley, floor float64
				for range b.N {
					v, err := pushbench.FanOut(ctx, log(b), sockets, backlog, 2*time.Second)
					parley += must(b, v, err)
					v, err = pushbench.FanOutFloor(ctx, sockets, backlog, 2*time.Second)
					floor += must(b, v, err)
				}
				b.ReportMetric(parley/float64(b.N), "parley/s")
				b.ReportMetric(floor/float64(b.N), "floor/s")
				b.ReportMetric(parley/floor, "ratio")
			})
		}
	}
}

// BenchmarkIdle measures the memory of a socket that waits.
func BenchmarkIdle(b *testing.B) {
	const sockets = 4000
	for range b.N {
		v, err := pushbench.IdleMemory(context.Background(), log(b), sockets)
		parley := must(b, v, err)
		v, err = pushbench.IdleMemoryFloor(context.Background(), sockets)
		floor := must(b, v, err)
		b.ReportMetric(parley, "parley-B")
		b.ReportMetric(floor, "floor-B")
		b.ReportMetric(parley/floor, "ratio")
	}
}

// BenchmarkReconnect measures how many clients a second get what they missed.
func BenchmarkReconnect(b *testing.B) {
	clients := min(10_000, pushbench.MostSockets())
	for range b.N {
		parley, size, err := pushbench.Reconnect(context.Background(), log(b), clients)
		must(b, parley, err)
		v, err := pushbench.ReconnectFloor(context.Background(), clients, size)
		floor := must(b, v, err)
		b.ReportMetric(parley, "parley/s")
		b.ReportMetric(floor, "floor/s")
		b.ReportMetric(float64(size), "B/client")
		b.ReportMetric(floor/parley, "time-ratio")
	}
}
