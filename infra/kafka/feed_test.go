package kafka

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/parleyhq/parley/domain"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/pebble"
	"github.com/parleyhq/parley/infra/relay"
)

// newsroom is a log, brokers, and a relay that the test turns by hand.
type newsroom struct {
	t       *testing.T
	brokers *kfake.Cluster
	c       *Client
	store   event.Store
	encoder *relay.Encoder
	publish *Publisher
	epoch   uuid.UUID
	feed    *Feed
	relayed uint64
}

func newNewsroom(t *testing.T) *newsroom {
	t.Helper()
	log, err := pebble.Open("log", pebble.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	catalogue, err := domain.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	n := &newsroom{t: t, brokers: cluster(t), store: log, encoder: relay.NewEncoder(catalogue, "parley"), epoch: uuid.New()}
	n.c = open(t, urlOf(n.brokers), nil)
	n.publish = publisher(t, n.c, PublisherConfig{})
	n.feed = n.c.NewFeed(FeedConfig{
		Store: log, Epoch: n.epoch, Decode: relay.Decode, Encode: n.encoder.Encode,
		Topics: func(f event.Filter) []string { return relay.Topics(catalogue, "parley", f) },
		Fetch:  FetchConfig{Wait: 20 * time.Millisecond},
	})
	eventually(t, "the topics", func() bool {
		return n.c.EnsureTopics(context.Background(), relay.Topics(catalogue, "parley", event.Filter{})...) == nil
	})
	return n
}

// append adds events of outside to some streams: keyed by them.
func (n *newsroom) append(count int) {
	n.t.Helper()
	for range count {
		_, err := n.store.Append(context.Background(), fmt.Sprintf("game-%d", rand.IntN(20)), event.Any, []event.Event{
			{ID: uuid.New(), Type: "played", Time: time.Now(), ContentType: event.ContentJSON, Data: []byte(`{}`), Metadata: []byte(`{}`)},
		})
		if err != nil {
			n.t.Fatal(err)
		}
	}
}

// relay publishes what the log has after position, one by one in its order.
func (n *newsroom) relay(after uint64, epoch uuid.UUID) {
	n.t.Helper()
	parts := map[string][]*message.Message{}
	for rec, err := range n.store.All(context.Background(), after, event.Filter{}) {
		if err != nil {
			n.t.Fatal(err)
		}
		topic, m, err := n.encoder.Encode(context.Background(), epoch, rec)
		if err != nil {
			n.t.Fatal(err)
		}
		parts[topic] = append(parts[topic], m)
		n.relayed = rec.Position
	}
	for topic, messages := range parts {
		if err := n.publish.Publish(topic, messages...); err != nil {
			n.t.Fatal(err)
		}
	}
}

// read tails until the feed has handed out count events and caught up, with
// something done on the way; then it breaks off.
func (n *newsroom) read(after uint64, count int, then func(handedOut int)) []event.Record {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var all []event.Record
	for m, err := range n.feed.Tail(ctx, after, event.Filter{Categories: []string{"game"}}) {
		if err != nil {
			n.t.Fatalf("after %d of %d events: %v", len(all), count, err)
		}
		if !m.CaughtUp {
			all = append(all, m.Record)
			if m.Position != m.Record.Position {
				n.t.Fatalf("position %d for %d", m.Position, m.Record.Position)
			}
		}
		if then != nil {
			then(len(all))
		}
		if len(all) >= count {
			break
		}
	}
	return all
}

// each fails unless got is exactly what the log has after position, in order
// within each stream.
func (n *newsroom) each(after uint64, got []event.Record) {
	n.t.Helper()
	var want []uint64
	for rec, err := range n.store.All(context.Background(), after, event.Filter{}) {
		if err != nil {
			n.t.Fatal(err)
		}
		want = append(want, rec.Position)
	}
	last := map[string]uint64{}
	var have []uint64
	for _, rec := range got {
		if newest, ok := last[rec.Stream]; ok && rec.Revision != newest+1 {
			n.t.Errorf("%s: after revision %d comes %d", rec.Stream, newest, rec.Revision)
		}
		last[rec.Stream] = rec.Revision
		have = append(have, rec.Position)
	}
	slices.Sort(have)
	if !slices.Equal(have, want) {
		n.t.Errorf("handed out %v, the log has %v", have, want)
	}
}

// N7: what is appended after the feed's beginning is handed out once each,
// whenever it is relayed: before the feed looks at the partitions' ends, after
// it, again, and together with events of another epoch.
func TestFeed(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.append(30)
	n.relay(0, n.epoch)
	after, err := n.store.Head(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	n.append(20)
	n.relay(after, n.epoch) // before the feed begins
	n.append(20)            // not relayed yet
	step := 0
	got := n.read(after, 100, func(handedOut int) {
		switch {
		case handedOut >= 40 && step == 0:
			n.relay(after+10, n.epoch) // again, and late
			n.append(40)
			n.relay(0, uuid.New()) // another epoch
			step++
		case handedOut >= 40 && step == 1:
			n.relay(after+30, n.epoch) // never more than was relayed before: of a partition nothing comes before what precedes it
			step++
		case handedOut >= 60 && step == 2:
			n.append(20)
			n.relay(after, n.epoch) // all of it, after a relay that died before its checkpoint
			step++
		}
	})
	n.each(after, got)
}

// N7: a feed that is broken off goes on where it was.
func TestFeedGoesOn(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.append(10)
	var got []event.Record
	for range 20 { // in the part from the log, in the middle of an answer, at the end
		got = append(got, n.read(0, 1, nil)...)
		if len(got) == 5 {
			n.relay(0, n.epoch)
			n.append(40)
			n.relay(0, n.epoch)
		}
	}
	got = append(got, n.read(0, 50-len(got), nil)...)
	n.each(0, got)
}

// N7: what brokers dropped before it was read comes from the log.
func TestFeedMendsGaps(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.append(10)
	n.relay(0, n.epoch)
	got := n.read(0, 10, nil)
	n.append(60)
	n.relay(10, n.epoch)
	for p := range int32(5) {
		info := n.brokers.PartitionInfo("parley.outside", p)
		if p != 3 {
			if err := n.brokers.DeleteRecords("parley.outside", p, info.HighWatermark); err != nil {
				t.Fatal(err)
			}
		}
	}
	got = append(got, n.read(10, 60, nil)...)
	n.each(0, got)
	n.append(10)
	n.relay(0, n.epoch)
	n.each(0, append(got, n.read(10, 10, nil)...))
}

// N7: the feed says when it has caught up, and again after more came.
func TestFeedCatchesUp(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	said := 0
	for m, err := range n.feed.Tail(ctx, 0, event.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if !m.CaughtUp || m.Position < uint64(said*5) { // some partitions were asked before, others after the five came
			continue
		}
		if said++; said == 4 {
			break
		}
		n.append(5)
		n.relay(n.relayed, n.epoch)
	}
}

// A feed has one reader; messages that are none of ours do not stop it.
func TestFeedBadCompany(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	strange := message.NewMessage("strange", []byte("?"))
	n.append(1)
	got := n.read(0, 2, func(handedOut int) {
		if handedOut != 1 {
			return
		}
		for _, err := range n.feed.Tail(context.Background(), 0, event.Filter{}) {
			if !errors.Is(err, errFeedTaken) {
				t.Errorf("a second reader: %v", err)
			}
		}
		if err := n.publish.Publish("parley.outside", strange); err != nil {
			t.Error(err)
		}
		n.append(1)
		n.relay(1, n.epoch)
	})
	n.each(0, got)
}

// N7: brokers that are away at the beginning cost nothing but time.
func TestFeedBeginsLate(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.append(5)
	fine := n.feed.c
	n.feed.c = open(t, "kafka://127.0.0.1:1", func(cfg *Config) { cfg.Timeout = 200 * time.Millisecond })
	for _, err := range n.feed.Tail(context.Background(), 0, event.Filter{}) {
		if err == nil {
			t.Fatal("a tail without brokers")
		}
	}
	n.relay(0, n.epoch)
	n.feed.c = fine
	n.each(0, n.read(0, 5, nil))
}
