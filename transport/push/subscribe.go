package push

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

var (
	errTopic         = fault.New(fault.NotFound, "topic.not_found", "There is no such topic, or not for you.")
	errManyTopics    = fault.New(fault.Limited, "push.too_many_topics", "This socket reads as many topics as it may.")
	errPosition      = fault.New(fault.Malformed, "position.invalid", "This is no position token.")
	errPositionLate  = fault.New(fault.Unavailable, "position.not_reached", "That position was not reached in time; please try again.").After(time.Second)
	errPositionEpoch = fault.New(fault.Conflict, "position.epoch", "This position is of another life of the log.")
)

// subscribe begins to read a topic. It attaches first and looks afterwards, so
// that nothing can slip between the past and the live.
func (c *conn) subscribe(ctx context.Context, r request) error {
	account, _ := c.who()
	name, ok := topicNamed(r.Topic, account)
	if !ok {
		return errTopic
	}
	ctx, err := c.s.positioned(ctx, r.Position)
	if err != nil {
		return err
	}
	if old := c.reading(name.key); old != nil {
		if r.After == nil || !name.numbered() {
			return c.again(ctx, r, old)
		}
		c.drop(old)
	}
	s := &sub{conn: c}
	if !c.keep(s) {
		return errManyTopics
	}
	c.s.hub.attach(s, name, c.s.cfg.Ring)
	if name.numbered() {
		err = c.openNumbered(ctx, r, s)
	} else {
		err = c.openLive(ctx, r, s)
	}
	if err != nil {
		c.drop(s)
	}
	return err
}

// positioned makes everything under ctx at least as new as a client's token
// and as what the feeder has handed out already.
func (s *Server) positioned(ctx context.Context, token string) (context.Context, error) {
	position := s.position.Load()
	if token != "" {
		p, err := s.deps.Positions.Decode(token)
		switch {
		case errors.Is(err, event.ErrEpoch):
			return ctx, errPositionEpoch
		case err != nil:
			return ctx, errPosition
		}
		position = max(position, p)
	}
	return commands.WithPosition(ctx, position), nil
}

// again answers a request for what is read already.
func (c *conn) again(ctx context.Context, r request, s *sub) error {
	a := answer{Re: r.ID, OK: true, Topic: s.topic.wire}
	if s.topic.numbered() {
		end, _, err := c.s.newest(ctx, s.topic.stream())
		if err != nil {
			return err
		}
		recovered := false
		a.N, a.Recovered = &end, &recovered
	} else {
		a.Position = c.s.deps.Positions.Encode(c.s.position.Load())
	}
	c.say(a)
	return nil
}

// openNumbered answers, and hands over what the client lacks. Whether the
// account is let in is looked at after the end of the stream was, and as new:
// so the check knows of every leaving up to that end, however late the feeder
// hears of it, and every later one ends the reading.
func (c *conn) openNumbered(ctx context.Context, r request, s *sub) error {
	t := s.topic
	account, _ := c.who()
	end, position, err := c.s.newest(ctx, t.stream())
	if err != nil {
		return err
	}
	ctx = commands.WithPosition(ctx, max(commands.PositionFrom(ctx), position))
	first, err := c.s.firstVisible(ctx, t.topicName, account)
	if err != nil {
		return err
	}
	end = max(end+1, first) - 1 // who came in since sees nothing from before
	next, recovered, reset := end+1, false, uint64(0)
	epoch := c.s.deps.Positions.Epoch().String()
	switch {
	case r.Epoch != "" && r.Epoch != epoch && r.After != nil:
		reset = end
	case r.After == nil:
	case *r.After > end:
		reset = end
	case *r.After+1 < first:
		reset = first
	default:
		next, recovered = *r.After+1, true
	}

	t.mu.Lock()
	if s.over || s.left > end {
		t.mu.Unlock()
		return errTopic
	}
	s.next, s.end, s.told = next, end, true
	c.say(answer{Re: r.ID, OK: true, Topic: t.wire, N: &end, Recovered: &recovered})
	if r.After != nil && !recovered {
		c.say(resetFrame{Topic: t.wire, Reset: true, From: reset})
	}
	t.mu.Unlock()
	if done, _ := t.advance(s); !done {
		c.recoverLater(s)
	}
	return nil
}

// firstVisible is the first number that account may read. Errors: errTopic.
func (s *Server) firstVisible(ctx context.Context, n topicName, account uuid.UUID) (uint64, error) {
	if n.kind == topicInbox {
		return 1, nil
	}
	first, ok, err := s.deps.Rooms.RoomMember(ctx, n.id, account)
	if err == nil && !ok {
		err = errTopic
	}
	return first, err
}

// newest is the newest number of a stream and its position, 0 where there is
// none.
func (s *Server) newest(ctx context.Context, stream string) (number, position uint64, err error) {
	for rec, err := range s.deps.Store.Stream(ctx, stream, event.End, event.Backward) {
		return rec.Revision + 1, rec.Position, err
	}
	return 0, 0, nil
}

// openLive answers with the position from which on nothing is missed: the
// position is read after the topic is live. What comes later from below it was
// appended before, so a list read as of that position has it already, and it is
// not sent.
func (c *conn) openLive(ctx context.Context, r request, s *sub) error {
	t := s.topic
	author, err := c.s.mayRead(ctx, c, t.topicName)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.over {
		return errTopic
	}
	t.author, s.live, s.told, s.allowed = author, true, true, commands.PositionFrom(ctx)
	s.after = max(c.s.position.Load(), s.allowed)
	c.say(answer{Re: r.ID, OK: true, Topic: t.wire, Position: c.s.deps.Positions.Encode(s.after)})
	return nil
}

// mayRead says whether the account may read a live topic, and who wrote the
// post that it is about. Errors: errTopic, errPositionLate.
func (s *Server) mayRead(ctx context.Context, c *conn, n topicName) (author uuid.UUID, err error) {
	account, v := c.who()
	if v == nil {
		return author, errTopic
	}
	waiting, cancel := context.WithTimeout(ctx, c.s.cfg.PositionWait)
	defer cancel()
	if err := s.deps.Forum.Await(waiting, commands.PositionFrom(ctx)); err != nil {
		if waiting.Err() != nil {
			return author, errPositionLate
		}
		return author, err
	}
	switch n.kind {
	case topicPost:
		author, err = s.deps.Forum.Post(ctx, account, n.id)
	case topicBoard:
		err = s.deps.Forum.Board(ctx, account, n.id)
	case topicFeed:
		err = v.loadFollows(ctx, s)
	}
	if f := fault.As(err); f != nil && (f.Kind == fault.NotFound || f.Kind == fault.Forbidden) {
		return author, errTopic
	}
	if err == nil {
		err = v.loadBlocks(ctx, s)
	}
	return author, err
}

// unsubscribe ends a reading; ending what was not read is done already.
func (c *conn) unsubscribe(r request) error {
	account, _ := c.who()
	name, ok := topicNamed(r.Topic, account)
	if !ok {
		return errTopic
	}
	if s := c.reading(name.key); s != nil {
		c.drop(s)
	}
	c.say(answer{Re: r.ID, OK: true, Topic: name.wire})
	return nil
}

// drop ends a reading on both sides.
func (c *conn) drop(s *sub) {
	if s.topic != nil {
		s.topic.detach(s)
	}
	c.forget(s)
}

// who is the socket's account, and its state here while it is registered.
func (c *conn) who() (uuid.UUID, *viewer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.actor.Account, c.viewer
}

func (c *conn) reading(key string) *sub {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.subs {
		if s.topic.key == key {
			return s
		}
	}
	return nil
}

// keep remembers a reading, unless there are as many as may be.
func (c *conn) keep(s *sub) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.subs) >= c.s.cfg.PerSocket {
		return false
	}
	c.subs = append(c.subs, s)
	return true
}

func (c *conn) forget(s *sub) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.subs = slices.DeleteFunc(c.subs, func(other *sub) bool { return other == s })
}
