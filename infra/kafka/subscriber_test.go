package kafka

import (
	"context"
	"fmt"
	"maps"
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
		Heartbeat: 100 * time.Millisecond, Session: 30 * time.Second, Rebalance: 30 * time.Second,
		Rejoin: 50 * time.Millisecond,
		Fetch:  FetchConfig{Wait: 20 * time.Millisecond},
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
	case <-time.After(patience):
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

// N8: members come and go while messages flow, each of them works, and every
// message is acknowledged by one of them at the least.
func TestRebalance(t *testing.T) {
	t.Parallel()
	brokers := cluster(t)
	rebalance(t, open(t, urlOf(brokers), nil), brokers.ShufflePartitionLeaders)
}

// rebalance publishes to a group whose members come and go meanwhile; midway
// is called once, when all are there.
func rebalance(t *testing.T, c *Client, midway func()) {
	t.Helper()
	const keys, part, members = 40, 50, 4
	name, group := topic(t, c), uuid.NewString()
	p := publisher(t, c, PublisherConfig{})
	published := 0
	publish := func() {
		some := numbered(published, published+part, keys)
		eventually(t, "a publish", func() bool { return p.Publish(name, some...) == nil })
		published += part
	}
	all := &crew{done: make([]map[string]bool, members)}
	var subscribers []*Subscriber
	for i := range members {
		s := subscriber(t, c, group, 20)
		subscribers = append(subscribers, s)
		messages := subscribe(t, s, name)
		all.Go(func() { all.work(i, messages) })
		eventually(t, fmt.Sprint("work of member ", i), func() bool {
			publish()
			return all.count(i) > 0
		})
	}
	midway()
	for _, leaves := range subscribers[:members/2] {
		publish()
		if err := leaves.Close(); err != nil {
			t.Fatal(err)
		}
		publish()
	}
	eventually(t, "all messages", func() bool { return all.together() == published })
	for _, s := range subscribers {
		_ = s.Close()
	}
	all.Wait()
}

// crew is what the members of a group have acknowledged.
type crew struct {
	sync.WaitGroup
	mu   sync.Mutex
	done []map[string]bool // of each member
}

// work acknowledges everything.
func (c *crew) work(member int, messages <-chan *message.Message) {
	done := map[string]bool{}
	c.mu.Lock()
	c.done[member] = done
	c.mu.Unlock()
	for m := range messages {
		if m.Ack() {
			c.mu.Lock()
			done[m.UUID] = true
			c.mu.Unlock()
		}
	}
}

func (c *crew) count(member int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.done[member])
}

// together is how many different messages they have.
func (c *crew) together() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[string]bool{}
	for _, done := range c.done {
		maps.Copy(all, done)
	}
	return len(all)
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
