package eventgrpc_test

import (
	"errors"
	"io"
	"math"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

// BenchmarkAppend is the official client with many appends at once, each of
// one event to a stream of its worker.
func BenchmarkAppend(b *testing.B) {
	k := start(b)
	c := k.client()
	var workers atomic.Int64
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		stream := "order-" + strconv.FormatInt(workers.Add(1), 10)
		for pb.Next() {
			if _, err := c.AppendToStream(k.ctx, stream, esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, proposed(1)...); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkReadAll is the official client reading 10,000 small events.
func BenchmarkReadAll(b *testing.B) {
	k := start(b)
	c := k.client()
	for range 10 {
		if _, err := c.AppendToStream(k.ctx, "order-1", esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, proposed(1000)...); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		r, err := c.ReadAll(k.ctx, esdb.ReadAllOptions{From: esdb.Start{}}, math.MaxUint64)
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for {
			if _, err := r.Recv(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != 10_000 {
			b.Fatalf("%d events", n)
		}
	}
	b.ReportMetric(10_000*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
