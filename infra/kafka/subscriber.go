package kafka

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/segmentio/kafka-go"
)

// SubscriberConfig is what a Subscriber needs. Zero values of the settings
// mean the defaults given.
type SubscriberConfig struct {
	Group  string // of consumers; a topic's partitions are shared among its members
	Window int    // messages of one subscription that wait for their acknowledgement; 1

	CommitEvery time.Duration // how often what was acknowledged is told to the broker; 1 s
	NackFirst   time.Duration // how long a refused message rests, doubled up to NackLongest; 100 ms
	NackLongest time.Duration // 10 s
	Heartbeat   time.Duration // how often a member shows that it lives, and hears of rebalances; 3 s
	Session     time.Duration // after this long without one it is out; 30 s
	Rebalance   time.Duration // how long a rebalance waits for members; 30 s
	Rejoin      time.Duration // pause before joining again after a failure; 1 s
	Fetch       FetchConfig
}

func (c *SubscriberConfig) fill() {
	c.Window = cmp.Or(c.Window, 1)
	c.CommitEvery = cmp.Or(c.CommitEvery, time.Second)
	c.NackFirst = cmp.Or(c.NackFirst, 100*time.Millisecond)
	c.NackLongest = max(c.NackFirst, cmp.Or(c.NackLongest, 10*time.Second))
	c.Heartbeat = cmp.Or(c.Heartbeat, 3*time.Second)
	c.Session = cmp.Or(c.Session, 30*time.Second)
	c.Rebalance = cmp.Or(c.Rebalance, 30*time.Second)
	c.Rejoin = cmp.Or(c.Rejoin, time.Second)
}

// Subscriber implements Watermill's: a member of a consumer group for each
// subscription, from the oldest message on where the group is new.
//
// Messages of one partition come in order. Up to Window of them may wait for
// their acknowledgement; with more than one, a refused message (Nack) comes
// again after those that were handed out with it. Of each partition only what
// has nothing unacknowledged before it is committed, so a crash or a rebalance
// brings messages again and loses none.
type Subscriber struct {
	c       *Client
	cfg     SubscriberConfig
	life    context.Context // ends with Close
	end     context.CancelFunc
	running sync.WaitGroup // subscriptions

	mu     sync.Mutex
	closed bool
}

var (
	_ message.Subscriber           = (*Subscriber)(nil)
	_ message.SubscribeInitializer = (*Subscriber)(nil)
)

// NewSubscriber makes a subscriber; it asks no broker.
// Errors: a configuration without a group.
func (c *Client) NewSubscriber(cfg SubscriberConfig) (*Subscriber, error) {
	cfg.fill()
	if cfg.Group == "" {
		return nil, fmt.Errorf("kafka: a subscriber needs a group")
	}
	s := &Subscriber{c: c, cfg: cfg}
	s.life, s.end = context.WithCancel(context.Background())
	return s, nil
}

// SubscribeInitialize makes the topic if it is not there.
func (s *Subscriber) SubscribeInitialize(topic string) error {
	return s.c.EnsureTopics(s.life, topic)
}

// Subscribe joins the group. The channel is closed, and the group left, when
// ctx ends or the subscriber is closed; until then what fails is tried again.
// Errors: the topic is not there and cannot be made, ErrClosed.
func (s *Subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	ensuring, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.life, cancel)()
	if err := s.c.EnsureTopics(ensuring, topic); err != nil {
		return nil, err
	}
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: s.cfg.Group, Topics: []string{topic}, Brokers: s.c.address.brokers,
		Dialer: &kafka.Dialer{
			ClientID: s.c.cfg.ClientID, Timeout: s.c.cfg.Timeout, DualStack: true,
			TLS: s.c.address.encryption(), SASLMechanism: s.c.address.mechanism(),
		},
		HeartbeatInterval: s.cfg.Heartbeat, SessionTimeout: s.cfg.Session, RebalanceTimeout: s.cfg.Rebalance,
		JoinGroupBackoff: s.cfg.Rejoin, Timeout: s.c.cfg.Timeout, StartOffset: kafka.FirstOffset,
		WatchPartitionChanges: true, PartitionWatchInterval: s.cfg.Session,
	})
	if err != nil {
		return nil, fmt.Errorf("kafka: group %s: %w", s.cfg.Group, err)
	}
	sub := &subscription{s: s, group: group, out: make(chan *message.Message)}
	sub.ctx, sub.stop = context.WithCancel(ctx)
	release := context.AfterFunc(s.life, sub.stop)
	s.running.Go(func() {
		defer release()
		sub.run()
	})
	return sub.out, nil
}

// Close ends all subscriptions and waits for them. What was acknowledged is
// committed.
func (s *Subscriber) Close() error {
	s.end()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.running.Wait()
	return nil
}

// subscription is one membership of the group.
type subscription struct {
	s     *Subscriber
	group *kafka.ConsumerGroup
	ctx   context.Context
	stop  context.CancelFunc
	out   chan *message.Message
}

// run reads what generation after generation assigns to it.
func (s *subscription) run() {
	defer close(s.out)
	defer s.stop()
	var generations sync.WaitGroup
	for {
		g, err := s.group.Next(s.ctx)
		if s.ctx.Err() != nil {
			break
		}
		if err != nil {
			s.s.c.cfg.Log.Warn("the consumer group failed; joining again", "group", s.s.cfg.Group, "error", err)
			continue // the group itself pauses before it joins again
		}
		generations.Add(1)
		g.Start(func(ctx context.Context) {
			defer generations.Done()
			s.generation(ctx, g)
		})
	}
	if err := s.group.Close(); err != nil {
		s.s.c.cfg.Log.Warn("the consumer group was not left", "group", s.s.cfg.Group, "error", err)
	}
	generations.Wait()
}

// generation hands out messages of the partitions that are ours until the
// generation ends, and commits what was acknowledged.
func (s *subscription) generation(ctx context.Context, g *kafka.Generation) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(s.ctx, stop)()
	parts, err := s.begin(ctx, g)
	if err != nil || len(parts) == 0 {
		<-ctx.Done() // begin tries for ever; without partitions there is nothing to do
		return
	}
	w := newWindow(s, parts)
	var crew sync.WaitGroup
	crew.Go(func() { s.read(ctx, parts, w) })
	ticker := time.NewTicker(s.s.cfg.CommitEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-ticker.C:
			s.commit(g, w)
		}
	}
	crew.Wait()
	s.commit(g, w) // brokers take it until everybody has joined the next generation
}

// begin finds where to read on; where the group has committed nothing that is
// the oldest message.
func (s *subscription) begin(ctx context.Context, g *kafka.Generation) ([]partition, error) {
	var parts []partition
	var unknown []*partition
	for topic, assigned := range g.Assignments {
		for _, a := range assigned {
			parts = append(parts, partition{topic: topic, id: a.ID, offset: a.Offset})
		}
	}
	for i := range parts {
		if parts[i].offset < 0 {
			unknown = append(unknown, &parts[i])
		}
	}
	return parts, s.first(ctx, unknown)
}

// first sets partitions to their oldest message, trying until ctx ends.
func (s *subscription) first(ctx context.Context, parts []*partition) error {
	wait := s.s.c.cfg.RetryFirst
	for {
		err := s.s.c.offsets(ctx, parts, kafka.FirstOffset)
		if err == nil || ctx.Err() != nil {
			return err
		}
		s.s.c.cfg.Log.Warn("the first offsets cannot be read; trying again", "group", s.s.cfg.Group, "error", err)
		if !pause(ctx, wait) {
			return err
		}
		wait = min(2*wait, s.s.c.cfg.RetryLongest)
	}
}

// read fetches and hands out until ctx ends. What retention took before it
// was read is said and passed over.
func (s *subscription) read(ctx context.Context, parts []partition, w *window) {
	defer w.wait()
	for ctx.Err() == nil {
		f := s.s.c.newFetcher(s.s.cfg.Fetch, parts)
		reading, stop := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() {
			defer close(f.out)
			ended <- f.run(reading)
		}()
		for hauls := range f.out {
			for _, h := range hauls {
				if !w.handOut(ctx, h) {
					stop()
					break
				}
				parts[h.index].offset = h.next
			}
		}
		stop()
		gone, ok := (<-ended).(*errOutOfRange)
		if !ok {
			continue
		}
		p := &parts[gone.index]
		lost := p.offset
		if s.first(ctx, []*partition{p}) == nil {
			s.s.c.cfg.Log.Error("messages were deleted before they were read", "group", s.s.cfg.Group, "topic", p.topic, "partition", p.id, "from", lost, "to", p.offset)
			w.restart(gone.index, p.offset)
		}
	}
}

func (s *subscription) commit(g *kafka.Generation, w *window) {
	offsets, done := w.committable()
	if len(offsets) == 0 {
		return
	}
	if err := g.CommitOffsets(offsets); err != nil {
		s.s.c.cfg.Log.Warn("offsets were not committed; messages will come again", "group", s.s.cfg.Group, "error", err)
		return
	}
	done()
}
