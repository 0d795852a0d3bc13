package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/fetch"
	"golang.org/x/sync/errgroup"
)

// FetchConfig bounds what is read at once. Zero values mean the defaults given.
type FetchConfig struct {
	Bytes          int           // of one answer of a broker; 4 MiB
	PartitionBytes int           // of one partition in it; 1 MiB
	Wait           time.Duration // how long a broker waits for something to come; 500 ms
}

func (c *FetchConfig) fill() {
	c.Bytes = cmp.Or(c.Bytes, 4<<20)
	c.PartitionBytes = cmp.Or(c.PartitionBytes, maxMessageBytes)
	c.Wait = cmp.Or(c.Wait, 500*time.Millisecond)
}

// partition is one that is read, and the offset to read next.
type partition struct {
	topic  string
	id     int
	offset int64
}

// haul is what one answer brought of one partition; it may be nothing.
type haul struct {
	index   int // of the partition among those that are read
	records []fetched
	next    int64 // the offset after them
	high    int64 // the partition's end, as the broker knew it
}

// errOutOfRange says that a broker no longer has, or does not yet have, what
// is asked of a partition.
type errOutOfRange struct{ index int }

func (e *errOutOfRange) Error() string { return "kafka: the offset is not there (any more)" }

// fetcher reads some partitions at once, one request to each of their leaders
// at a time.
type fetcher struct {
	c     *Client
	cfg   FetchConfig
	parts []partition // the fetcher's own
	out   chan []haul // not buffered: what was not taken is read again
}

func (c *Client) newFetcher(cfg FetchConfig, parts []partition) *fetcher {
	cfg.fill()
	return &fetcher{c: c, cfg: cfg, parts: slices.Clone(parts), out: make(chan []haul)}
}

// run reads until ctx ends. After a failure it asks again who leads what, with
// pauses. Errors: the context's, *errOutOfRange.
func (f *fetcher) run(ctx context.Context) error {
	wait := f.c.cfg.RetryFirst
	for {
		progress, err := f.round(ctx)
		var gone *errOutOfRange
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.As(err, &gone) {
			return gone
		}
		if progress {
			wait = f.c.cfg.RetryFirst
		}
		f.c.cfg.Log.Warn("reading Kafka failed; trying again", "error", err, "pause", wait)
		if !pause(ctx, wait) {
			return ctx.Err()
		}
		wait = min(2*wait, f.c.cfg.RetryLongest)
	}
}

// round reads until a request fails. progress: one had succeeded.
func (f *fetcher) round(ctx context.Context) (progress bool, err error) {
	led := map[int][]int{} // by leader: indices of partitions
	leaders := map[string][]int{}
	for i, p := range f.parts {
		if leaders[p.topic] == nil {
			if leaders[p.topic], err = f.c.leaders(ctx, p.topic); err != nil {
				return false, err
			}
		}
		if p.id >= len(leaders[p.topic]) {
			return false, fmt.Errorf("kafka: topic %s has lost partition %d", p.topic, p.id)
		}
		leader := leaders[p.topic][p.id]
		led[leader] = append(led[leader], i)
	}
	group, ctx := errgroup.WithContext(ctx)
	answers := make([]int, len(led))
	n := 0
	for _, indices := range led {
		count := &answers[n]
		n++
		group.Go(func() error {
			for first := 0; ; first++ { // brokers fill an answer in the order of the request: each has its turn
				turn := first % len(indices)
				if err := f.ask(ctx, slices.Concat(indices[turn:], indices[:turn])); err != nil {
					return err
				}
				*count++
			}
		})
	}
	err = group.Wait()
	return slices.Max(append(answers, 0)) > 0, err
}

// ask sends one request and hands out what it brings.
func (f *fetcher) ask(ctx context.Context, indices []int) error {
	req := &fetch.Request{
		ReplicaID: -1, MaxWaitTime: int32(f.cfg.Wait.Milliseconds()), MinBytes: 1, MaxBytes: int32(f.cfg.Bytes),
		SessionEpoch: -1, // no session: each request says everything
	}
	for _, i := range indices {
		p := f.parts[i]
		at := slices.IndexFunc(req.Topics, func(t fetch.RequestTopic) bool { return t.Topic == p.topic })
		if at < 0 {
			at = len(req.Topics)
			req.Topics = append(req.Topics, fetch.RequestTopic{Topic: p.topic})
		}
		req.Topics[at].Partitions = append(req.Topics[at].Partitions, fetch.RequestPartition{
			Partition: int32(p.id), CurrentLeaderEpoch: -1, FetchOffset: p.offset, LogStartOffset: -1, PartitionMaxBytes: int32(f.cfg.PartitionBytes),
		})
	}
	asking, cancel := context.WithTimeout(ctx, f.c.cfg.Timeout+f.cfg.Wait)
	defer cancel()
	res, err := f.c.transport.RoundTrip(asking, f.c.api.Addr, req)
	if err != nil {
		return fmt.Errorf("kafka: fetch: %w", err)
	}
	answer := res.(*fetch.Response)
	if answer.ErrorCode != 0 {
		return fmt.Errorf("kafka: fetch: %w", kafka.Error(answer.ErrorCode))
	}
	hauls, failed := f.read(answer, indices)
	if len(hauls) > 0 {
		select {
		case f.out <- hauls:
		case <-ctx.Done():
			return ctx.Err()
		}
		for _, h := range hauls {
			f.parts[h.index].offset = h.next
		}
	}
	return failed
}

// read takes everything out of an answer. What came before an error counts.
func (f *fetcher) read(answer *fetch.Response, indices []int) (hauls []haul, failed error) {
	for _, t := range answer.Topics {
		for _, n := range t.Partitions {
			at := slices.IndexFunc(indices, func(i int) bool { return f.parts[i].topic == t.Topic && f.parts[i].id == int(n.Partition) })
			switch {
			case at < 0:
				failed = cmp.Or(failed, fmt.Errorf("kafka: fetch: a broker answers for partition %d of %s, which nobody asked for", n.Partition, t.Topic))
				continue
			case n.ErrorCode == int16(kafka.OffsetOutOfRange):
				failed = &errOutOfRange{indices[at]}
				continue
			case n.ErrorCode != 0:
				failed = cmp.Or(failed, fmt.Errorf("kafka: fetch partition %d of %s: %w", n.Partition, t.Topic, kafka.Error(n.ErrorCode)))
				continue
			}
			h := haul{index: indices[at], next: f.parts[indices[at]].offset, high: n.HighWatermark}
			if err := h.fill(n.RecordSet.Records); err != nil {
				failed = cmp.Or(failed, fmt.Errorf("kafka: fetch partition %d of %s: %w", n.Partition, t.Topic, err))
			}
			hauls = append(hauls, h)
		}
	}
	return hauls, failed
}

// fill reads the records from h.next on: a batch may begin before it.
func (h *haul) fill(records protocol.RecordReader) error {
	if records == nil {
		return nil
	}
	for {
		r, err := records.ReadRecord()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		one, err := take(r)
		if err != nil {
			return err
		}
		if one.offset >= h.next {
			h.records = append(h.records, one)
			h.next = one.offset + 1
		}
	}
}

// offsets sets the offset of each partition to its first or its last one:
// kafka.FirstOffset, kafka.LastOffset.
func (c *Client) offsets(ctx context.Context, parts []*partition, which int64) error {
	ask := map[string][]kafka.OffsetRequest{}
	for _, p := range parts {
		ask[p.topic] = append(ask[p.topic], kafka.OffsetRequest{Partition: p.id, Timestamp: which})
	}
	if len(ask) == 0 {
		return nil
	}
	res, err := c.api.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: ask})
	if err != nil {
		return fmt.Errorf("kafka: offsets: %w", err)
	}
	for _, p := range parts {
		at := slices.IndexFunc(res.Topics[p.topic], func(o kafka.PartitionOffsets) bool { return o.Partition == p.id })
		if at < 0 {
			return fmt.Errorf("kafka: offsets of partition %d of %s: no answer", p.id, p.topic)
		}
		o := res.Topics[p.topic][at]
		if o.Error != nil {
			return fmt.Errorf("kafka: offsets of partition %d of %s: %w", p.id, p.topic, o.Error)
		}
		if p.offset = o.LastOffset; which == kafka.FirstOffset {
			p.offset = o.FirstOffset
		}
		if p.offset < 0 {
			return fmt.Errorf("kafka: offsets of partition %d of %s: the broker does not say", p.id, p.topic)
		}
	}
	return nil
}
