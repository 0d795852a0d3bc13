package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sync/errgroup"
)

// prefixes fails unless each partition holds, of each of its keys, a prefix of
// the messages 0 … count of numbered(0, count, keys), once what was seen
// before is left out: that is how consumers read. It gives how many there are.
func prefixes(t *testing.T, all [][]fetched, keys int) int {
	t.Helper()
	total := 0
	for n, records := range all {
		next := map[string]int{}
		newest := -1
		for _, r := range records {
			id, err := strconv.Atoi(r.id)
			if err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprintf(`{"n":%d}`, id); string(r.value) != want {
				t.Fatalf("partition %d: %d holds %q, not %q", n, id, r.value, want)
			}
			if id <= newest {
				continue
			}
			newest = id
			key := r.headers[KeyMetadata]
			if _, ok := next[key]; !ok {
				next[key], _ = strconv.Atoi(strings.TrimPrefix(key, "key-"))
			}
			if id != next[key] {
				t.Fatalf("partition %d: after what is before %d of %s comes %d", n, next[key], key, id)
			}
			next[key] += keys
			total++
		}
	}
	return total
}

// Q2: a request that fails in the middle of a call ends what is written to its
// partition, however many requests are left; the same call again fills it up.
func TestPublishFailsInTheMiddle(t *testing.T) {
	t.Parallel()
	const messages, keys = 400, 20
	brokers := cluster(t)
	c := open(t, urlOf(brokers), nil)
	name := topic(t, c)
	p := publisher(t, c, PublisherConfig{BatchBytes: 1000}) // some five messages
	hits := 0
	for round := range 8 {
		fault := brokers.Fault(kfake.Fault{
			Keys: []kmsg.Key{kmsg.Produce}, Topic: name, Partitions: []int32{int32(round % 5)}, Err: kerr.NotEnoughReplicas, Count: 1,
			When: afterRequests(2 + round),
		})
		err := p.Publish(name, numbered(0, messages, keys)...)
		if fault.Hits() > 0 && !errors.Is(err, kafka.NotEnoughReplicas) {
			t.Fatalf("a refused batch: %v", err)
		}
		hits += fault.Hits()
		fault.Remove()
		if n := prefixes(t, stored(t, c, name), keys); n == 0 || n > messages {
			t.Fatalf("%d messages", n)
		}
	}
	if hits == 0 {
		t.Fatal("nothing failed")
	}
	if err := p.Publish(name, numbered(0, messages, keys)...); err != nil {
		t.Fatal(err)
	}
	if n := prefixes(t, stored(t, c, name), keys); n != messages {
		t.Fatalf("%d of %d messages", n, messages)
	}
}

// afterRequests lets the first n requests pass.
func afterRequests(n int) func(kmsg.Request) bool {
	return func(kmsg.Request) bool { n--; return n < 0 }
}

// Q2: leaders that move while messages are published cost nothing but time.
func TestPublishWhileLeadersMove(t *testing.T) {
	t.Parallel()
	const messages, keys, calls = 2000, 30, 100
	brokers := cluster(t)
	c := open(t, urlOf(brokers), nil)
	name := topic(t, c)
	p := publisher(t, c, PublisherConfig{})
	all := numbered(0, messages, keys)
	for i := range calls {
		if i%10 == 0 {
			brokers.ShufflePartitionLeaders()
		}
		part := all[i*messages/calls : (i+1)*messages/calls]
		eventually(t, "a publish", func() bool { return p.Publish(name, part...) == nil })
	}
	if n := prefixes(t, stored(t, c, name), keys); n != messages {
		t.Fatalf("%d of %d messages", n, messages)
	}
}

// Q2: what a moving leader refused arrives with all it says, within the call,
// and so does what is published a second time from one preparation.
func TestPublishAgain(t *testing.T) {
	t.Parallel()
	const messages, keys = 50, 7
	brokers := cluster(t)
	c := open(t, urlOf(brokers), nil)
	name := topic(t, c)
	p := publisher(t, c, PublisherConfig{})
	fault := brokers.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: name, Err: kerr.NotLeaderForPartition, Count: 1})
	publish := p.Prepare(name, numbered(0, messages, keys)...)
	for range 2 {
		if err := publish(); err != nil {
			t.Fatal(err)
		}
	}
	if fault.Hits() == 0 {
		t.Error("nothing was refused")
	}
	all := stored(t, c, name)
	if n := prefixes(t, all, keys); n != messages {
		t.Errorf("%d of %d messages", n, messages)
	}
	count := 0
	for _, part := range all {
		count += len(part)
	}
	if count < 2*messages {
		t.Errorf("%d messages came of two times %d", count, messages)
	}
}

// Q2: messages come out as they went in: headers, key, payload, all
// compressions, and what has no bytes at all.
func TestMessagesStay(t *testing.T) {
	t.Parallel()
	c := open(t, urlOf(cluster(t)), nil)
	for _, compression := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		name := topic(t, c)
		p := publisher(t, c, PublisherConfig{Compression: compression})
		big := message.NewMessage("big", []byte(strings.Repeat("0123456789abcdef", 32<<10))) // 512 KiB
		big.Metadata.Set("ce_type", "x")
		empty := message.NewMessage("empty", nil)
		for range 3 { // more than fits into one batch
			if err := p.Publish(name, big, empty); err != nil {
				t.Fatal(compression, err)
			}
		}
		counts := map[string]int{}
		for _, part := range stored(t, c, name) {
			for _, r := range part {
				counts[r.id]++
				if r.id == "big" && (string(r.value) != string(big.Payload) || r.headers["ce_type"] != "x" || len(r.headers) != 1) {
					t.Errorf("%s: the big one is another: %v, %d bytes", compression, r.headers, len(r.value))
				}
				if r.id == "empty" && (r.value == nil || len(r.value) != 0) {
					t.Errorf("%s: the empty one is %q", compression, r.value)
				}
			}
		}
		if counts["big"] != 3 || counts["empty"] != 3 {
			t.Errorf("%s: %v", compression, counts)
		}
	}
	if _, err := c.NewPublisher(PublisherConfig{Compression: "rar"}); err == nil {
		t.Error("rar is no compression of Kafka")
	}
}

// Keys land where Java's producer puts them: values of its own tests
// (org.apache.kafka.common.utils.UtilsTest.testMurmur2).
func TestPlace(t *testing.T) {
	t.Parallel()
	const count = 1 << 20
	partitions := make([]int, count)
	for i := range partitions {
		partitions[i] = i
	}
	for key, hash := range map[string]int32{
		"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536, "a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971, "abc": 479470107,
	} {
		m := message.NewMessage("", nil)
		m.Metadata.Set(KeyMetadata, key)
		if got, want := place(m, partitions), int(hash&0x7fffffff)%count; got != want {
			t.Errorf("%s is in partition %d, Java says %d", key, got, want)
		}
	}
}

// Q2: any number of processes may make the same topics at once, each gets them
// with the stated partitions; nobody makes one by accident.
func TestEnsureTopics(t *testing.T) {
	t.Parallel()
	url := urlOf(cluster(t, kfake.AllowAutoTopicCreation(), kfake.DefaultNumPartitions(1)))
	var group errgroup.Group
	for i := range 10 {
		c := open(t, url, func(cfg *Config) {
			cfg.MetadataAge = patience // which is how long the brokers may take to tell
			if i%2 == 0 {
				cfg.Topics = []string{"t.a", "t.b", "t.c"} // asking for them makes none
			}
		})
		group.Go(func() error { return c.EnsureTopics(context.Background(), "t.a", "t.b", "t.c") })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	c := open(t, url, func(cfg *Config) { cfg.MetadataAge = patience })
	for _, name := range []string{"t.a", "t.b", "t.c"} {
		if leaders, err := c.leaders(context.Background(), name); err != nil || len(leaders) != 5 {
			t.Errorf("%s: %v, %v", name, leaders, err)
		}
	}
	if err := publisher(t, c, PublisherConfig{}).Publish("t.typo", numbered(0, 1, 1)...); !errors.Is(err, kafka.UnknownTopicOrPartition) {
		t.Errorf("a topic that is not there: %v", err)
	}
	if _, err := c.leaders(context.Background(), "t.typo"); err == nil {
		t.Error("the topic was made by accident")
	}
}

// O3, O5: brokers that are away are named in errors, soon, and are there again
// when they are.
func TestBrokersAway(t *testing.T) {
	t.Parallel()
	c := open(t, "kafka://127.0.0.1:1", func(cfg *Config) { cfg.Timeout = time.Second })
	for what, err := range map[string]error{
		"ping":    c.Ping(context.Background()),
		"ensure":  c.EnsureTopics(context.Background(), "t"),
		"publish": publisher(t, c, PublisherConfig{}).Publish("t", numbered(0, 1, 1)...),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), "kafka: ") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := open(t, urlOf(cluster(t)), nil).Ping(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestPublishAfterClose(t *testing.T) {
	t.Parallel()
	p := publisher(t, open(t, "kafka://127.0.0.1:1", nil), PublisherConfig{})
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Publish("t", numbered(0, 1, 1)...); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

// O2: what --kafka may be.
func TestParseURL(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"kafka://a:1":                        "[a:1] '' '' false",
		"kafka://a:1,b:2/":                   "[a:1 b:2] '' '' false",
		"kafka://[::1]:9092":                 "[[::1]:9092] '' '' false",
		"kafka://me:p%40ss@a:1,b:2?tls=true": "[a:1 b:2] 'me' 'p@ss' true",
	} {
		a, err := parseURL(raw)
		if got := fmt.Sprintf("%v '%s' '%s' %t", a.brokers, a.user, a.password, a.tls); err != nil || got != want {
			t.Errorf("%s: %s, %v", raw, got, err)
		}
	}
	for _, raw := range []string{"", "http://a:1", "kafka://", "kafka://a", "kafka://a:", "kafka://a:0", "kafka://a:1,", "kafka://a:x", "kafka://:1", "kafka://a:1?tls=maybe", "kafka://a:1?x=1", "kafka://u:%zz@a:1"} {
		if _, err := parseURL(raw); err == nil {
			t.Errorf("%q is taken for a URL", raw)
		}
	}
	if _, err := parseURL("kafka://u:hidden%zz@a:1"); strings.Contains(fmt.Sprint(err), "hidden") {
		t.Error("an error shows the password")
	}
}

// SASL PLAIN lets in who knows the password.
func TestSignIn(t *testing.T) {
	t.Parallel()
	brokers := cluster(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "me", "secret"))
	at := brokers.ListenAddrs()[0]
	if err := open(t, "kafka://me:secret@"+at, nil).EnsureTopics(context.Background(), "t"); err != nil {
		t.Error(err)
	}
	if err := open(t, "kafka://me:wrong@"+at, nil).EnsureTopics(context.Background(), "t"); err == nil {
		t.Error("a wrong password lets in")
	}
}
