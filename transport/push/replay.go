package push

import (
	"context"
	"errors"
	"fmt"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/event"
)

// recoverLater lets a goroutine of the socket, which lives while there is
// something to do, bring a numbered reading up to the live.
func (c *conn) recoverLater(s *sub) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return
	}
	c.replay = append(c.replay, s)
	if len(c.replay) == 1 {
		c.s.running.Go(c.recoverAll)
	}
}

func (c *conn) recoverAll() {
	for {
		c.mu.Lock()
		if len(c.replay) == 0 {
			c.mu.Unlock()
			return
		}
		s := c.replay[0]
		c.mu.Unlock()
		if err := c.recover(c.s.life, s); err != nil {
			if c.s.life.Err() == nil {
				c.s.log.Error("the past of a topic cannot be read", "topic", s.topic.key, "error", err)
			}
			c.close(CloseGoingAway)
		}
		c.mu.Lock()
		if len(c.replay) > 0 {
			c.replay[0] = nil
			c.replay = c.replay[1:]
		}
		c.mu.Unlock()
	}
}

// recover hands over the past, from the ring or chunk by chunk from the log, no
// faster than the client takes it, until the reading is live.
func (c *conn) recover(ctx context.Context, s *sub) error {
	t := s.topic
	for c.roomy() {
		done, lacks := t.advance(s)
		if done {
			return nil
		}
		if !lacks {
			continue
		}
		t.mu.Lock()
		next, over, era := s.next, s.over, t.ring.era
		t.mu.Unlock()
		if over {
			return nil
		}
		k, err := c.s.chunk(ctx, t.topicName, c, next)
		switch {
		case errors.Is(err, errTopic):
			c.s.ended(s)
			return nil
		case err != nil:
			return err
		}
		t.mu.Lock()
		if !s.over && next < k.first { // what was visible before no longer is
			c.say(resetFrame{Topic: t.wire, Reset: true, From: k.first})
			s.next = max(s.next, s.end+1)
		} else if !s.over {
			for _, f := range k.frames {
				c.send(f)
			}
			s.next += uint64(len(k.frames))
			t.ring.merge(next, k.frames, k.alone, era)
		}
		t.mu.Unlock()
	}
	return nil
}

// ended takes a topic from its reader and says so.
func (s *Server) ended(r *sub) {
	r.topic.mu.Lock()
	if r.topic.detachLocked(r) {
		r.conn.say(endedFrame{Topic: r.topic.wire, Ended: true})
	}
	r.topic.mu.Unlock()
	r.conn.forget(r)
}

// chunk is a part of a topic's past as it stands now.
type chunk struct {
	first  uint64 // first number that the reader may see
	frames [][]byte
	alone  bool // they are for nobody else: some take words away, or have links that end
}

// chunk reads from number next on. Membership is looked at after the events
// were read, and at least as new as they are: nobody reads on past their own
// leaving. Errors: errTopic.
func (s *Server) chunk(ctx context.Context, n topicName, c *conn, next uint64) (chunk, error) {
	select {
	case s.replays <- struct{}{}:
		defer func() { <-s.replays }()
	case <-ctx.Done():
		return chunk{}, ctx.Err()
	}
	records, err := s.readChunk(ctx, n.stream(), next)
	if err != nil {
		return chunk{}, err
	}
	ctx = commands.WithPosition(ctx, max(s.position.Load(), records[len(records)-1].Position))
	account, _ := c.who()
	k := chunk{}
	if k.first, err = s.firstVisible(ctx, n, account); err != nil {
		return k, err
	}
	events := make([]event.Decoded, len(records))
	for i, rec := range records {
		if events[i], err = s.deps.Codec.Decode(ctx, rec); err != nil {
			return k, err
		}
	}
	gone, err := s.goneMessages(ctx, n, events)
	if err != nil {
		return k, err
	}
	for _, e := range events {
		f, err := s.numbered(ctx, n, e, gone)
		if err != nil {
			return k, err
		}
		k.frames = append(k.frames, f.frame)
		k.alone = k.alone || f.erases || f.links
	}
	return k, nil
}

func (s *Server) readChunk(ctx context.Context, stream string, next uint64) ([]event.Record, error) {
	most := max(1, min(replayChunk, s.cfg.QueueFrames/4)) // fits what roomy left
	records := make([]event.Record, 0, most)
	size := 0
	for rec, err := range s.deps.Store.Stream(ctx, stream, next-1, event.Forward) {
		if err != nil {
			return nil, err
		}
		records = append(records, rec)
		if size += len(rec.Data); len(records) == most || size >= replayBytes {
			break
		}
	}
	if len(records) == 0 || records[0].Revision != next-1 {
		return nil, fmt.Errorf("%s has nothing at number %d", stream, next)
	}
	return records, nil
}

// goneMessages are the messages among events, or meant by them, that were
// deleted.
func (s *Server) goneMessages(ctx context.Context, n topicName, events []event.Decoded) (map[uint64]bool, error) {
	if n.kind != topicRoom {
		return nil, nil
	}
	var numbers []uint64
	for _, e := range events {
		if number := messageOf(e); number > 0 {
			numbers = append(numbers, number)
		}
	}
	if len(numbers) == 0 {
		return nil, nil
	}
	return s.deps.Rooms.DeletedMessages(ctx, n.id, numbers)
}
