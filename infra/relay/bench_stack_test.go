//go:build stack

package relay_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	driver "github.com/segmentio/kafka-go"

	"github.com/parleyhq/parley/domain"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/kafka"
	"github.com/parleyhq/parley/infra/pebble"
	"github.com/parleyhq/parley/infra/relay"
	"github.com/parleyhq/parley/infra/relay/relaybench"
	"github.com/parleyhq/parley/infra/sqlite"
)

// Q2: how fast the relay is, beside kafka-go's own writer with the same
// messages on the same brokers, in turn: `go test -tags stack -run '^$' -bench
// Relay`.
func BenchmarkRelay(b *testing.B) {
	for _, size := range []int{12, 256} {
		for _, batch := range []int{500, 2000, 5000} {
			b.Run(fmt.Sprintf("%dB/%d", size, batch), func(b *testing.B) { measure(b, size, batch) })
		}
	}
}

func measure(b *testing.B, size, batch int) {
	const events = 50_000
	ctx, epoch, prefix := b.Context(), uuid.New(), "t"+uuid.NewString()[:8]
	url := os.Getenv("PARLEY_TEST_KAFKA")
	if url == "" {
		b.Fatal("PARLEY_TEST_KAFKA names no broker: kafka://host:port")
	}
	brokers := strings.Split(strings.TrimPrefix(url, "kafka://"), ",")
	log, err := pebble.Open("log", pebble.Options{FS: vfs.NewMem()})
	must(b, err)
	defer func() { must(b, log.Close()) }()
	catalogue, err := domain.Catalogue()
	must(b, err)
	c, err := kafka.Open(kafka.Config{URL: url, Partitions: 4})
	must(b, err)
	defer func() { must(b, c.Close()) }()
	p, err := c.NewPublisher(kafka.PublisherConfig{})
	must(b, err)
	defer func() { must(b, p.Close()) }()
	must(b, relaybench.Begin(ctx, log, epoch))
	must(b, relaybench.Fill(ctx, log, events, size))
	topic, messages, err := relaybench.Messages(ctx, log, catalogue, epoch, prefix)
	must(b, err)
	must(b, c.EnsureTopics(ctx, topic))
	defer func() {
		bare := driver.Client{Addr: driver.TCP(brokers...), Transport: &driver.Transport{}}
		_, err := bare.DeleteTopics(context.WithoutCancel(ctx), &driver.DeleteTopicsRequest{Topics: relay.Topics(catalogue, prefix, event.Filter{})})
		bare.Transport.(*driver.Transport).CloseIdleConnections()
		must(b, err)
	}()
	var ours, bare float64
	b.ResetTimer()
	for n := range b.N {
		state, err := sqlite.OpenState(ctx, filepath.Join(b.TempDir(), fmt.Sprint(n)+".db"))
		must(b, err)
		one, err := relaybench.Relay(ctx, relay.Config{
			Store: log, Catalogue: catalogue, Publisher: p, Ensure: c.EnsureTopics, State: state, Prefix: prefix, Batch: batch,
		})
		must(b, err)
		must(b, state.Close())
		other, err := relaybench.Write(ctx, brokers, topic, messages)
		must(b, err)
		ours, bare = ours+one, bare+other
	}
	b.ReportMetric(ours/float64(b.N), "events/s")
	b.ReportMetric(bare/float64(b.N), "floor/s")
	b.ReportMetric(ours/bare, "ratio")
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
