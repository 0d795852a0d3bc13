package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// cluster is three brokers in this process.
func cluster(t testing.TB, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(3), kfake.GroupMinSessionTimeout(time.Second)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func urlOf(c *kfake.Cluster) string { return "kafka://" + c.ListenAddrs()[0] }

// open makes a client that does not wait long.
func open(t testing.TB, url string, adjust func(*Config)) *Client {
	t.Helper()
	cfg := Config{
		URL: url, Partitions: 5, Timeout: patience, MetadataAge: 200 * time.Millisecond,
		RetryFirst: 10 * time.Millisecond, RetryLongest: 200 * time.Millisecond, Log: quiet(t),
	}
	if adjust != nil {
		adjust(&cfg)
	}
	c, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// quiet logs to the test while it runs.
func quiet(t testing.TB) *slog.Logger {
	w := &testWriter{t: t}
	t.Cleanup(func() { w.over.Store(true) })
	return slog.New(slog.NewTextHandler(w, nil))
}

type testWriter struct {
	t    testing.TB
	over atomic.Bool
}

func (w *testWriter) Write(b []byte) (int, error) {
	if !w.over.Load() {
		w.t.Logf("%s", b)
	}
	return len(b), nil
}

// patience bounds every wait for what must happen.
const patience = time.Minute

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func publisher(t testing.TB, c *Client, cfg PublisherConfig) *Publisher {
	t.Helper()
	p, err := c.NewPublisher(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// topic is a name of its own, made.
func topic(t testing.TB, c *Client) string {
	t.Helper()
	name := "t-" + uuid.NewString()
	dropTopics(t, c.cfg.URL, name)
	// Metadata are given up when they are as old as the client lets them get.
	eventually(t, "the topic", func() bool { return c.EnsureTopics(context.Background(), name) == nil })
	return name
}

// numbered are messages from … to (exclusive), spread over some keys.
func numbered(from, to, keys int) []*message.Message {
	var all []*message.Message
	for n := from; n < to; n++ {
		m := message.NewMessage(fmt.Sprint(n), []byte(fmt.Sprintf(`{"n":%d}`, n)))
		m.Metadata.Set(KeyMetadata, fmt.Sprintf("key-%d", n%keys))
		all = append(all, m)
	}
	return all
}

// stored reads everything that a topic holds, partition by partition.
func stored(t testing.TB, c *Client, topic string) [][]fetched {
	t.Helper()
	var leaders []int
	eventually(t, "the leaders", func() (ok bool) {
		var err error
		leaders, err = c.leaders(context.Background(), topic)
		return err == nil
	})
	ends := make([]partition, len(leaders))
	ask := make([]*partition, len(leaders))
	for i := range ends {
		ends[i] = partition{topic: topic, id: i}
		ask[i] = &ends[i]
	}
	eventually(t, "the offsets", func() bool { return c.offsets(context.Background(), ask, -1) == nil })
	parts := make([]partition, len(leaders))
	left := 0
	for i, e := range ends {
		parts[i] = partition{topic: topic, id: i}
		if e.offset > 0 {
			left++
		}
	}
	all := make([][]fetched, len(parts))
	if left == 0 {
		return all
	}
	ctx, stop := context.WithTimeout(context.Background(), patience)
	f := c.newFetcher(FetchConfig{Wait: 10 * time.Millisecond}, parts)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(f.out)
		_ = f.run(ctx)
	}()
	for hauls := range f.out {
		for _, h := range hauls {
			all[h.index] = append(all[h.index], h.records...)
			if len(h.records) > 0 && h.next == ends[h.index].offset {
				if left--; left == 0 {
					stop()
				}
			}
		}
	}
	stop()
	<-done
	if left > 0 {
		t.Fatalf("%d partitions of %s were not read to their end", left, topic)
	}
	return all
}

// dropTopics deletes the topics of a prefix when the test ends: brokers may be
// shared.
func dropTopics(t testing.TB, url, prefix string) {
	t.Cleanup(func() {
		c, err := Open(Config{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		all, err := c.api.Metadata(context.Background(), &kafka.MetadataRequest{})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, topic := range all.Topics {
			if strings.HasPrefix(topic.Name, prefix) {
				names = append(names, topic.Name)
			}
		}
		if _, err := c.api.DeleteTopics(context.Background(), &kafka.DeleteTopicsRequest{Topics: names}); err != nil {
			t.Error(err)
		}
	})
}
