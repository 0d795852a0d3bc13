package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/compress"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/produce"
)

// batchOverhead is more than a batch needs beside its records, in bytes.
const batchOverhead = 1 << 10

// PublisherConfig bounds a Publisher. Zero values mean the defaults given.
type PublisherConfig struct {
	BatchBytes   int    // of one partition's records in one request; below a topic's max.message.bytes; 1 MiB less a little
	RequestBytes int    // batches for one broker share a request up to here; 64 KiB
	Compression  string // of batches: none, gzip, snappy, lz4, zstd; none
}

// Publisher implements Watermill's. It may be used from any goroutine.
//
// The messages of one call keep their order in each partition, come what may:
// a partition has one request under way at a time, and after a failure nothing
// more of the call is written to it. So of each partition a prefix was
// written, and who publishes the same messages again in the same order
// repeats some and skips none. (kafka-go's own Writer sends what follows a
// failed batch.) Between calls at the same time there is no order.
type Publisher struct {
	c        *Client
	cfg      PublisherConfig
	compress compress.Compression
	running  sync.WaitGroup

	mu         sync.Mutex
	closed     bool
	partitions map[string][]int // of topics, as they were at the first message: a key stays where it is
}

var _ message.Publisher = (*Publisher)(nil)

// NewPublisher makes a publisher; it asks no broker.
// Errors: an unknown compression.
func (c *Client) NewPublisher(cfg PublisherConfig) (*Publisher, error) {
	cfg.BatchBytes = cmp.Or(cfg.BatchBytes, maxMessageBytes-batchOverhead)
	cfg.RequestBytes = cmp.Or(cfg.RequestBytes, 64<<10)
	p := &Publisher{c: c, cfg: cfg, partitions: map[string][]int{}}
	if cfg.Compression != "" && cfg.Compression != "none" {
		if err := p.compress.UnmarshalText([]byte(cfg.Compression)); err != nil {
			return nil, fmt.Errorf("kafka: %q is no compression; there are none, gzip, snappy, lz4, zstd", cfg.Compression)
		}
	}
	return p, nil
}

// Close lets calls that are under way end; later ones fail with ErrClosed.
func (p *Publisher) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.running.Wait()
	return nil
}

// Publish returns once every replica that is in sync has all messages
// (acks=all). The context of the first message counts for all.
func (p *Publisher) Publish(topic string, messages ...*message.Message) error {
	return p.Prepare(topic, messages...)()
}

// Prepare does of Publish what needs no broker, and gives the rest, which may
// be called again: whoever publishes one call after another can prepare the
// next while the former waits. The messages are not changed after it.
func (p *Publisher) Prepare(topic string, messages ...*message.Message) (publish func() error) {
	records := make([]kafka.Record, len(messages))
	for i, m := range messages {
		records[i] = record(m)
	}
	return func() error { return p.publish(topic, messages, records) }
}

func (p *Publisher) publish(topic string, messages []*message.Message, records []kafka.Record) error {
	if len(messages) == 0 {
		return nil
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return ErrClosed
	}
	p.running.Add(1)
	p.mu.Unlock()
	defer p.running.Done()

	ctx := messages[0].Context()
	leaders, err := p.c.leaders(ctx, topic)
	if err != nil {
		return err
	}
	queues := p.queues(topic, len(leaders), messages, records)
	wait, end := p.c.cfg.RetryFirst, time.Now().Add(p.c.cfg.Timeout)
	for {
		err := p.round(ctx, topic, leaders, queues)
		for n, q := range queues {
			if q.done() {
				delete(queues, n)
			}
		}
		switch {
		case err == nil && len(queues) == 0:
			return nil
		case err == nil:
			continue
		case !moving(err) || time.Now().After(end) || !pause(ctx, wait):
			return err
		}
		wait = min(2*wait, p.c.cfg.RetryLongest)
		if leaders, err = p.c.leaders(ctx, topic); err != nil {
			return err
		}
	}
}

// moving says whether nothing is wrong but that partitions change their
// leaders: what was refused for that is sent again.
func moving(err error) bool {
	var several interface{ Unwrap() []error }
	if errors.As(err, &several) {
		return !slices.ContainsFunc(several.Unwrap(), func(one error) bool { return !moving(one) })
	}
	return errors.Is(err, kafka.NotLeaderForPartition) || errors.Is(err, kafka.LeaderNotAvailable)
}

// queue is what is to be written to one partition, in order.
type queue struct {
	records []kafka.Record
	sizes   []int
	next    int  // how many of records the request under way takes
	written bool // that was done
}

// done takes off what was written, and says whether nothing is left.
func (q *queue) done() bool {
	if q.written {
		q.records, q.sizes, q.written = q.records[q.next:], q.sizes[q.next:], false
	}
	return len(q.records) == 0
}

// cut makes the next batch as long as may be: at least one record.
func (q *queue) cut(most int) (records []kafka.Record, bytes int) {
	for q.next = 0; q.next < len(q.records); q.next++ {
		if q.next > 0 && bytes+q.sizes[q.next] > most {
			break
		}
		bytes += q.sizes[q.next]
	}
	return q.records[:q.next], bytes
}

func (p *Publisher) queues(topic string, count int, messages []*message.Message, records []kafka.Record) map[int]*queue {
	p.mu.Lock()
	partitions := p.partitions[topic]
	if partitions == nil {
		partitions = make([]int, count)
		for i := range partitions {
			partitions[i] = i
		}
		p.partitions[topic] = partitions
	}
	p.mu.Unlock()
	places, shares := make([]int, len(messages)), make([]int, len(partitions))
	for i, m := range messages {
		places[i] = place(m, partitions)
		shares[places[i]]++
	}
	queues := map[int]*queue{}
	for i, n := range places {
		q := queues[n]
		if q == nil {
			q = &queue{records: make([]kafka.Record, 0, shares[n]), sizes: make([]int, 0, shares[n])}
			queues[n] = q
		}
		q.records, q.sizes = append(q.records, records[i]), append(q.sizes, sizeOf(records[i]))
	}
	return queues
}

// round writes one batch to each partition that has something left, all at
// once, and waits for all of them. Small batches for one broker share a
// request; large ones have connections of their own, which is faster than one
// with as much as all of them.
func (p *Publisher) round(ctx context.Context, topic string, leaders []int, queues map[int]*queue) error {
	var requests []*produce.Request
	open := map[int]*produce.Request{} // by broker: has room for more
	size := map[int]int{}
	for n, q := range queues {
		if n >= len(leaders) {
			return fmt.Errorf("kafka: topic %s has lost partition %d", topic, n)
		}
		leader := leaders[n]
		records, bytes := q.cut(p.cfg.BatchBytes)
		if open[leader] == nil || size[leader]+bytes > p.cfg.RequestBytes {
			open[leader], size[leader] = &produce.Request{
				Acks: int16(kafka.RequireAll), Timeout: int32(p.c.cfg.Timeout.Milliseconds() / 2),
				Topics: []produce.RequestTopic{{Topic: topic}},
			}, 0
			requests = append(requests, open[leader])
		}
		size[leader] += bytes
		parts := &open[leader].Topics[0].Partitions
		*parts = append(*parts, produce.RequestPartition{
			Partition: int32(n),
			RecordSet: protocol.RecordSet{Attributes: protocol.Attributes(p.compress), Records: kafka.NewRecordReader(records...)},
		})
	}
	errs := make(chan error, len(requests))
	for _, req := range requests {
		go func() { errs <- p.produce(ctx, req, queues) }()
	}
	var all []error
	for range requests {
		all = append(all, <-errs)
	}
	return errors.Join(all...)
}

// produce sends one request and notes what was written.
// Errors: of the broker, or of partitions.
func (p *Publisher) produce(ctx context.Context, req *produce.Request, queues map[int]*queue) error {
	topic := req.Topics[0].Topic
	ctx, cancel := context.WithTimeout(ctx, p.c.cfg.Timeout)
	defer cancel()
	res, err := p.c.transport.RoundTrip(ctx, p.c.api.Addr, req)
	if err != nil {
		return fmt.Errorf("kafka: publish to %s: %w", topic, err)
	}
	var errs []error
	answers := 0
	for _, t := range res.(*produce.Response).Topics {
		for _, n := range t.Partitions {
			if n.ErrorCode != 0 {
				errs = append(errs, fmt.Errorf("kafka: publish to partition %d of %s: %w", n.Partition, topic, kafka.Error(n.ErrorCode)))
			} else if q := queues[int(n.Partition)]; q != nil {
				q.written = true
			}
			answers++
		}
	}
	if asked := len(req.Topics[0].Partitions); answers != asked {
		errs = append(errs, fmt.Errorf("kafka: publish to %s: the broker answers for %d of %d partitions", topic, answers, asked))
	}
	return errors.Join(errs...)
}
