package pebble_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/parleyhq/parley/infra/pebble/pebblebench"
)

// BenchmarkAppend measures durable appends of 256 B. Compare with
// BenchmarkFloor of the same run: go test -bench 'Append|Floor' -count 4.
func BenchmarkAppend(b *testing.B) { benchmark(b, pebblebench.Append) }

// BenchmarkFloor is a raw file with group commit and fsync.
func BenchmarkFloor(b *testing.B) { benchmark(b, pebblebench.Floor) }

func benchmark(b *testing.B, load func(ctx context.Context, dir string, writers int, d time.Duration) (float64, error)) {
	for _, writers := range []int{1, 64, 512} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			sum := 0.0
			for range b.N {
				perSecond, err := load(b.Context(), b.TempDir(), writers, time.Second)
				if err != nil {
					b.Fatal(err)
				}
				sum += perSecond
			}
			b.ReportMetric(sum/float64(b.N), "events/s")
		})
	}
}

// BenchmarkRatio runs log and floor in turn, A B A B, and reports the ratio.
func BenchmarkRatio(b *testing.B) {
	for _, writers := range []int{1, 64, 512} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			var log, floor float64
			for range b.N {
				for range 3 {
					l, err := pebblebench.Append(b.Context(), b.TempDir(), writers, time.Second)
					if err != nil {
						b.Fatal(err)
					}
					f, err := pebblebench.Floor(b.Context(), b.TempDir(), writers, time.Second)
					if err != nil {
						b.Fatal(err)
					}
					log, floor = log+l, floor+f
				}
			}
			b.ReportMetric(log/floor, "ratio")
			b.ReportMetric(log/float64(3*b.N), "events/s")
			b.ReportMetric(floor/float64(3*b.N), "floor/s")
		})
	}
}
