package kafka

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"
)

func subscriber(t *testing.T, c *Client, group string, window int) *Subscriber {
	t.Helper()
	s, err := c.NewSubscriber(SubscriberConfig{
		Group: group, Window: window, CommitEvery: 20 * time.Millisecond, NackFirst: time.Millisecond, NackLongest: 5 * time.Millisecond,
		Heartbeat: 100 * time.Millisecond, Session: 5 * time.Second, Rebalance: 5 * time.Second, Rejoin: 50 * time.Millisecond,
		Fetch: FetchConfig{Wait: 20 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func subscribe(t *testing.T, s *Subscriber, topic string) <-chan *message.Message {
	t.Helper()
	messages, err := s.Subscribe(context.Background(), topic)
	if err != nil {
		t.Fatal(err)
	}
	return messages
}

func next(t *testing.T, messages <-chan *message.Message) *message.Message {
	t.Helper()
	select {
	case m := <-messages:
		return m
	case <-time.After(30 * time.Second):
		t.Fatal("no message came")
		return nil
	}
}

// N8: at most Window messages wait, and of a partition only what has nothing
// unacknowledged before it is committed: the next member begins there.
func TestWindow(t *testing.T) {
	t.Parallel()
	const window = 10
	c := open(t, urlOf(cluster(t)), func(cfg *Config) { cfg.Partitions = 1 })
	name := topic(t, c)
	if err := publisher(t, c, PublisherConfig{}).Publish(name, numbered(0, 30, 1)...); err != nil {
		t.Fatal(err)
	}
	group := uuid.NewString()
	s := subscriber(t, c, group, window)
	messages := subscribe(t, s, name)
	var held []*message.Message
	for n := range window {
		m := next(t, messages)
		if m.UUID != fmt.Sprint(n) {
			t.Fatalf("message %s in place %d", m.UUID, n)
		}
		held = append(held, m)
	}
	for _, n := range []int{0, 1, 2, 4, 5, 9} { // 3 is missing
		held[n].Ack()
	}
	for n := range 6 { // as many as were acknowledged; no more
		held = append(held, next(t, messages))
		if held[window+n].UUID != fmt.Sprint(window+n) {
			t.Fatalf("message %s in place %d", held[window+n].UUID, window+n)
		}
	}
	select {
	case m := <-messages:
		t.Fatalf("message %s goes beyond the window", m.UUID)
	case <-time.After(50 * time.Millisecond):
	}
	held[6].Nack()
	if m := next(t, messages); m.UUID != "6" {
		t.Fatalf("after a refusal comes %s", m.UUID)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if m := next(t, subscribe(t, subscriber(t, c, group, 1), name)); m.UUID != "3" {
		t.Fatalf("the next member begins at %s", m.UUID)
	}
}

// N8: members come, go and die in the middle; every message is acknowledged by
// one of them at the least.
func TestRebalance(t *testing.T) {
	t.Parallel()
	const total, keys = 2000, 40
	brokers := cluster(t)
	c := open(t, urlOf(brokers), nil)
	name, group := topic(t, c), uuid.NewString()
	var mu sync.Mutex
	acked := map[string]bool{}
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(acked)
	}
	var crew sync.WaitGroup
	var members []*Subscriber
	join := func() {
		s := subscriber(t, c, group, 20)
		members = append(members, s)
		messages := subscribe(t, s, name)
		crew.Go(func() {
			for m := range messages {
				if m.Ack() {
					mu.Lock()
					acked[m.UUID] = true
					mu.Unlock()
				}
			}
		})
	}
	p := publisher(t, c, PublisherConfig{})
	join()
	for from := 0; from < total; from += 100 {
		part := numbered(from, from+100, keys)
		eventually(t, "a publish", func() bool { return p.Publish(name, part...) == nil })
		switch from {
		case 300, 600, 900:
			join()
		case 1200:
			brokers.ShufflePartitionLeaders()
		case 1500:
			if err := members[0].Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	eventually(t, "all messages", func() bool { return count() == total })
	for _, m := range members {
		_ = m.Close()
	}
	crew.Wait()
}

// N8: what retention took before it was read is passed over, and said.
func TestSubscriberPassesWhatIsGone(t *testing.T) {
	t.Parallel()
	brokers := cluster(t)
	c := open(t, urlOf(brokers), func(cfg *Config) { cfg.Partitions = 1 })
	name, group := topic(t, c), uuid.NewString()
	p := publisher(t, c, PublisherConfig{})
	if err := p.Publish(name, numbered(0, 10, 1)...); err != nil {
		t.Fatal(err)
	}
	s := subscriber(t, c, group, 1)
	next(t, subscribe(t, s, name)).Ack()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := brokers.DeleteRecords(name, 0, 7); err != nil {
		t.Fatal(err)
	}
	messages := subscribe(t, subscriber(t, c, group, 1), name)
	for _, want := range []string{"7", "8", "9"} {
		m := next(t, messages)
		if m.Ack(); m.UUID != want {
			t.Fatalf("%s instead of %s", m.UUID, want)
		}
	}
}

// N8: coordinators and leaders that move cost nothing but time.
func TestSubscriberFollowsMoves(t *testing.T) {
	t.Parallel()
	brokers := cluster(t)
	c := open(t, urlOf(brokers), nil)
	name := topic(t, c)
	p := publisher(t, c, PublisherConfig{})
	messages := subscribe(t, subscriber(t, c, uuid.NewString(), 1), name)
	for n := range 5 {
		part := numbered(n, n+1, 1)
		eventually(t, "a publish", func() bool { return p.Publish(name, part...) == nil })
		for {
			m := next(t, messages)
			if m.Ack(); m.UUID == fmt.Sprint(n) {
				break
			}
		}
		brokers.RehashCoordinators()
		brokers.ShufflePartitionLeaders()
	}
}
