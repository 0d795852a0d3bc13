package kafka

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"
	"github.com/segmentio/kafka-go"

	"github.com/parleyhq/parley/domain/event"
)

// FeedConfig is what a Feed needs.
type FeedConfig struct {
	Store  event.Store                                                                                  // the log, for what was appended before the feed reached its partitions' ends
	Epoch  uuid.UUID                                                                                    // events of others are none
	Topics func(event.Filter) []string                                                                  // where the events are that a filter keeps
	Decode func(*message.Message) (event.Record, uuid.UUID, error)                                      // a message's event and epoch
	Encode func(context.Context, uuid.UUID, event.Record) (topic string, m *message.Message, err error) // the way there
	Fetch  FetchConfig
}

// Feed is the tail of the log as Kafka brings it: all partitions of the topics
// it needs, without a group, merged as they come. It is for nodes that each
// want every event and shall not burden the log with it.
//
// Events of one root come in the log's order, each once; those of different
// roots in any order, and all of them later than the log has them. One Tail
// runs at a time.
type Feed struct {
	c   *Client
	cfg FeedConfig

	turn   sync.Mutex // held by the one Tail
	begun  bool
	filter event.Filter
	parts  []partition // offset: what comes next
	newest []uint64    // position handed out last, of each partition
	floor  uint64      // everything up to here is handed out
	bridge uint64      // what the log itself has to bring: up to here, from after floor
	gap    *gap        // likewise, of one partition
	seen   uint64      // highest position there was
}

// gap is what a broker dropped of a partition before it was read.
type gap struct {
	index int
	until uint64
}

// errFeedTaken is the error of a second Tail at a time.
var errFeedTaken = errors.New("kafka: a feed has one reader at a time")

// NewFeed makes a feed; it asks no broker before Tail.
func (c *Client) NewFeed(cfg FeedConfig) *Feed { return &Feed{c: c, cfg: cfg} }

// Tail hands out what comes, without end, like event.Store's.
//
// The first call makes topics that are not there and begins at the partitions'
// ends. What lies between after and those ends is read from the log: whatever
// was appended after position after is handed out, however late it is relayed.
// A later call goes on where the one before ended, whatever after it says; its
// filter must be the same. An event counts as handed out once it was yielded.
//
// CaughtUp comes when all partitions are read to their ends, as brokers told
// them last; its position is the highest there was. Errors: of the brokers and of the log, after which
// Tail may be called again; the context's.
func (f *Feed) Tail(ctx context.Context, after uint64, filter event.Filter) iter.Seq2[event.Message, error] {
	return func(yield func(event.Message, error) bool) {
		if !f.turn.TryLock() {
			yield(event.Message{}, errFeedTaken)
			return
		}
		defer f.turn.Unlock()
		if !f.begun {
			if err := f.begin(ctx, after, filter); err != nil {
				yield(event.Message{}, err)
				return
			}
			f.begun = true
		}
		for {
			on, err := f.cross(ctx, yield)
			if on && err == nil {
				on, err = f.mend(ctx, yield)
			}
			if on && err == nil {
				on, err = f.follow(ctx, yield)
			}
			if err != nil {
				yield(event.Message{}, err)
				return
			}
			if !on {
				return
			}
		}
	}
}

// begin finds the partitions and their ends, then how far the log goes: what
// is appended after that is written behind those ends.
func (f *Feed) begin(ctx context.Context, after uint64, filter event.Filter) (err error) {
	topics := f.cfg.Topics(filter)
	if err := f.c.EnsureTopics(ctx, topics...); err != nil {
		return err
	}
	f.filter, f.parts = filter, nil
	for _, topic := range topics {
		leaders, err := f.c.leaders(ctx, topic)
		if err != nil {
			return err
		}
		for n := range leaders {
			f.parts = append(f.parts, partition{topic: topic, id: n})
		}
	}
	f.newest = make([]uint64, len(f.parts))
	f.floor, f.seen = after, after
	ends := make([]*partition, len(f.parts))
	for i := range ends {
		ends[i] = &f.parts[i]
	}
	f.bridge, err = f.end(ctx, ends...)
	return err
}

// end takes partitions to their ends, and gives the position up to which the
// log has what is before.
func (f *Feed) end(ctx context.Context, parts ...*partition) (uint64, error) {
	if err := f.c.offsets(ctx, parts, kafka.LastOffset); err != nil {
		return 0, err
	}
	return f.cfg.Store.Head(ctx) // after the ends: see begin
}

// cross hands out from the log what lies before the partitions' beginnings.
func (f *Feed) cross(ctx context.Context, yield func(event.Message, error) bool) (on bool, err error) {
	if f.floor >= f.bridge {
		return true, nil
	}
	for rec, err := range f.cfg.Store.All(ctx, f.floor, f.filter) {
		if err != nil {
			return false, err
		}
		if rec.Position > f.bridge { // Kafka brings it
			break
		}
		f.floor, f.seen = rec.Position, max(f.seen, rec.Position)
		if !yield(event.Message{Record: rec, Position: rec.Position}, nil) {
			return false, nil
		}
	}
	f.floor, f.seen = f.bridge, max(f.seen, f.bridge)
	return true, nil
}

// follow hands out what the partitions bring. on: what was missed must be read
// from the log first.
func (f *Feed) follow(ctx context.Context, yield func(event.Message, error) bool) (on bool, err error) {
	reading, stop := context.WithCancel(ctx)
	fetcher := f.c.newFetcher(f.cfg.Fetch, f.parts)
	ended := make(chan error, 1)
	go func() {
		defer close(fetcher.out)
		ended <- fetcher.run(reading)
	}()
	defer func() {
		stop()
		for range fetcher.out {
		}
	}()
	atEnd := make([]bool, len(f.parts))
	said := false
	for hauls := range fetcher.out {
		for _, h := range hauls {
			if !f.handOut(h, yield) {
				return false, nil
			}
			atEnd[h.index] = h.next >= h.high
			said = said && atEnd[h.index] && len(h.records) == 0
		}
		if !said && !slices.Contains(atEnd, false) {
			said = true
			if !yield(event.Message{CaughtUp: true, Position: f.seen}, nil) {
				return false, nil
			}
		}
	}
	err = <-ended
	if gone := (*errOutOfRange)(nil); errors.As(err, &gone) {
		return true, f.lose(ctx, gone.index)
	}
	return false, err
}

// handOut gives out one partition's events; false when nobody wants more.
func (f *Feed) handOut(h haul, yield func(event.Message, error) bool) bool {
	p := &f.parts[h.index]
	for _, r := range h.records {
		p.offset = r.offset + 1
		rec, epoch, err := f.cfg.Decode(r.message())
		if err != nil {
			f.c.cfg.Log.Error("a message is none of ours; passed over", "topic", p.topic, "partition", p.id, "offset", r.offset, "error", err)
			continue
		}
		if epoch != f.cfg.Epoch || rec.Position <= f.floor || rec.Position <= f.newest[h.index] {
			continue // of another life of the log, or relayed again
		}
		f.newest[h.index], f.seen = rec.Position, max(f.seen, rec.Position)
		if f.filter.Match(rec.Stream, rec.Type) && !yield(event.Message{Record: rec, Position: rec.Position}, nil) {
			return false
		}
	}
	p.offset = h.next
	return true
}

// lose notes that a broker has dropped what comes next of a partition.
func (f *Feed) lose(ctx context.Context, index int) error {
	p := &f.parts[index]
	f.c.cfg.Log.Warn("Kafka no longer has what comes next; reading the log instead", "topic", p.topic, "partition", p.id, "offset", p.offset)
	until, err := f.end(ctx, p)
	if err == nil {
		f.gap = &gap{index, until}
	}
	return err
}

// mend hands out from the log what is in the gap.
func (f *Feed) mend(ctx context.Context, yield func(event.Message, error) bool) (on bool, err error) {
	if f.gap == nil {
		return true, nil
	}
	p, newest := f.parts[f.gap.index], &f.newest[f.gap.index]
	for rec, err := range f.cfg.Store.All(ctx, max(f.floor, *newest), f.filter) {
		if err != nil {
			return false, err
		}
		if rec.Position > f.gap.until {
			break
		}
		topic, m, err := f.cfg.Encode(ctx, f.cfg.Epoch, rec)
		if err != nil {
			return false, err
		}
		if topic != p.topic || place(m, f.numbers(topic)) != p.id {
			continue
		}
		*newest, f.seen = rec.Position, max(f.seen, rec.Position)
		if !yield(event.Message{Record: rec, Position: rec.Position}, nil) {
			return false, nil
		}
	}
	*newest, f.gap = max(*newest, f.gap.until), nil
	return true, nil
}

// numbers are the partitions of a topic.
func (f *Feed) numbers(topic string) []int {
	var all []int
	for _, p := range f.parts {
		if p.topic == topic {
			all = append(all, p.id)
		}
	}
	return all
}
