//go:build stack

package kafka

import (
	"fmt"
	"slices"
	"testing"
)

// Q2: the publisher alone, on a real broker.
func BenchmarkPublish(b *testing.B) {
	const messages = 50_000
	c := open(b, realURL(b), func(cfg *Config) { cfg.Partitions = 4 })
	all := numbered(0, messages, 100)
	for _, batch := range []int{500, 5000} {
		b.Run(fmt.Sprint(batch), func(b *testing.B) {
			name := topic(b, c)
			p := publisher(b, c, PublisherConfig{})
			for b.Loop() {
				for part := range slices.Chunk(all, batch) {
					if err := p.Publish(name, part...); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(messages*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
