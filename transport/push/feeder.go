package push

import (
	"context"
	"errors"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/follow"
	"github.com/parleyhq/parley/domain/session"
)

// retry is how long the feeder waits before it asks again.
const retry = time.Second

// settingsType is the event that may let those follow an account who wait.
const settingsType = "account.settings_changed.v1"

// eraseType is the event after which no ring may hold what somebody wrote.
const eraseType = "account.erased.v1"

// fed are the categories of streams that sockets hear of.
var fed = event.Filter{Categories: []string{
	"chat", "receipt", "inbox", "post", "comment", "reaction",
	"session", "account", "follow", "block", "mute", "boardfollow", "tagfollow",
}}

// feed listens to the feed, once for the whole node, until ctx ends or the log
// is closed. After any other error it goes on where it was.
func (s *Server) feed(ctx context.Context) error {
	for {
		err := s.tail(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, event.ErrClosed) {
			return err
		}
		s.log.Warn("the feeder lost its feed; going on", "error", err)
		if !pause(ctx, retry) {
			return ctx.Err()
		}
	}
}

func (s *Server) tail(ctx context.Context) error {
	for m, err := range s.deps.Feed.Tail(ctx, s.position.Load(), fed) {
		if err != nil {
			return err
		}
		s.position.Store(max(s.position.Load(), m.Position)) // before it is handed out: see openLive
		if m.CaughtUp {
			continue
		}
		if err := s.routeSafely(ctx, m.Record); err != nil {
			return err
		}
	}
	return errors.New("the tail ended by itself")
}

// routeSafely keeps a bug in how one event is shown from taking the node along.
func (s *Server) routeSafely(ctx context.Context, rec event.Record) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("an event cannot be handed out", "type", rec.Type, "position", rec.Position, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	return s.route(ctx, rec)
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// route hands one event to everybody it concerns. What concerns nobody here
// is not even decoded. Errors: the context's.
func (s *Server) route(ctx context.Context, rec event.Record) error {
	ctx = commands.WithPosition(ctx, rec.Position)
	id := event.StreamID(rec.Stream)
	switch rec.Category() {
	case "chat":
		return s.routeNumbered(ctx, rec, "room:"+id)
	case "inbox":
		return s.routeNumbered(ctx, rec, "inbox:"+id)
	case "receipt":
		return s.routeReceipt(ctx, rec)
	case "session":
		if rec.Type == "session.ended.v1" {
			return s.decoded(ctx, rec, s.routeSession)
		}
	case "account":
		if rec.Type == eraseType {
			s.erased = max(s.erased, rec.Position)
			s.hub.forget()
		}
		if who, err := uuid.Parse(id); err == nil {
			s.routeAccount(ctx, who)
		}
		if rec.Type == settingsType && s.hub.count() > 0 {
			return s.decoded(ctx, rec, s.routeSettings)
		}
	case "follow", "block", "mute", "boardfollow", "tagfollow":
		if s.hub.count() > 0 {
			return s.decoded(ctx, rec, s.routeRelation)
		}
	case "post", "comment", "reaction":
		if s.hub.count() > 0 {
			return s.decoded(ctx, rec, s.routeForum)
		}
	}
	return nil
}

// decoded opens an event. The keyring may be away for a while; an event that
// cannot be read at all is passed over with a word in the log.
func (s *Server) decoded(ctx context.Context, rec event.Record, then func(context.Context, event.Decoded)) error {
	for {
		e, err := s.deps.Codec.Decode(ctx, rec)
		switch {
		case err == nil:
			then(ctx, e)
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case !errors.Is(err, event.ErrKeysUnavailable):
			s.log.Error("an event cannot be read", "type", rec.Type, "position", rec.Position, "error", err)
			return nil
		}
		s.log.Warn("the keyring does not answer", "error", err)
		if !pause(ctx, retry) {
			return ctx.Err()
		}
	}
}

// routeNumbered encodes an event once and hands it to the topic. If it cannot
// be encoded now, its readers get it from the log like any number they lack.
func (s *Server) routeNumbered(ctx context.Context, rec event.Record, key string) error {
	t := s.hub.find(key)
	if t == nil {
		return nil
	}
	return s.decoded(ctx, rec, func(ctx context.Context, e event.Decoded) {
		f, err := s.numbered(ctx, t.topicName, e, nil)
		if err != nil {
			s.log.Warn("an event cannot be shown", "type", rec.Type, "position", rec.Position, "error", err)
			return
		}
		b := batch{writers: s.writers}
		t.number(e.Revision+1, f.frame, f.erases, &b)
		if f.links || rec.Position < s.erased { // later than the end of somebody whose words it may hold
			t.forget()
		}
		s.deliver(&b)
		s.routeDeparture(t, e)
	})
}

// routeDeparture takes the topic from who is no member any more.
func (s *Server) routeDeparture(t *topic, e event.Decoded) {
	var who uuid.UUID
	switch d := e.Payload.(type) {
	case chat.Left:
		who = d.Account
	case chat.Removed:
		who = d.Account
	default:
		return
	}
	s.expel(t, who, func(r *sub) bool { return r.departs(e.Revision + 1) })
}

// expel ends readings of an account that pick picks; it is called under the
// topic's lock.
func (s *Server) expel(t *topic, who uuid.UUID, pick func(*sub) bool) {
	frame, err := textFrame(endedFrame{Topic: t.wire, Ended: true})
	if err != nil {
		s.log.Error("a frame cannot be written", "error", err)
		return
	}
	t.expel(frame, who, pick)
}

// deliver hands what is ready to the writers, and lets who lacks numbers read
// them. A node that cannot keep up slows the feeder, not its clients.
func (s *Server) deliver(b *batch) {
	if len(b.ready) > 0 {
		s.writers.add(b.ready...)
	}
	for _, r := range b.stale {
		r.conn.recoverLater(r)
	}
	if b.pressed {
		s.writers.settle()
	}
}

func (s *Server) routeReceipt(ctx context.Context, rec event.Record) error {
	room, _, _ := strings.Cut(event.StreamID(rec.Stream), ".")
	t := s.hub.find("room:" + room)
	if t == nil {
		return nil
	}
	return s.decoded(ctx, rec, func(ctx context.Context, e event.Decoded) {
		d, ok := e.Payload.(chat.Read)
		if !ok {
			return
		}
		who, err := s.summary(ctx, d.Account)
		if err != nil {
			s.log.Warn("a receipt cannot be shown", "error", err)
			return
		}
		frame, err := textFrame(passingFrame{Topic: t.wire, Type: "read", Data: readData{who, d.Number}})
		if err != nil {
			s.log.Error("a frame cannot be written", "error", err)
			return
		}
		b := batch{writers: s.writers}
		t.broadcast(0, &b, func(uuid.UUID, *viewer) []byte { return frame })
		s.deliver(&b)
	})
}

func (s *Server) routeSession(_ context.Context, e event.Decoded) {
	d, ok := e.Payload.(session.Ended)
	id, err := uuid.Parse(event.StreamID(e.Stream))
	if ok && err == nil {
		s.hub.sessions(d.Account, CloseSessionEnded, func(session uuid.UUID) bool { return session == id })
	}
}

// routeAccount looks whether an account's sessions still hold after an event
// of its own: all sessions ended, a suspension, an erasure.
func (s *Server) routeAccount(ctx context.Context, who uuid.UUID) {
	for _, c := range s.hub.of(who) {
		switch code := c.check(ctx, c.by()); code {
		case 0, CloseTokenExpired, CloseGoingAway: // the timer's affair; not known now
		default:
			c.close(code)
		}
	}
}

// routeRelation keeps what viewers may see current.
func (s *Server) routeRelation(_ context.Context, e event.Decoded) {
	switch d := e.Payload.(type) {
	case follow.Started:
		s.relate(d.Follower, relation{kind: waitsFor, id: d.Followee}, false, e.Position)
		s.relate(d.Follower, relation{kind: followsAccount, id: d.Followee}, true, e.Position)
	case follow.Requested:
		s.relate(d.Follower, relation{kind: waitsFor, id: d.Followee}, true, e.Position)
	case follow.Ended:
		s.unfollow(d.Follower, d.Followee, e.Position)
	case follow.Refused:
		s.unfollow(d.Follower, d.Followee, e.Position)
	case follow.MuteStarted:
		s.relate(d.Muter, relation{kind: muting, id: d.Muted}, true, e.Position)
	case follow.MuteEnded:
		s.relate(d.Muter, relation{kind: muting, id: d.Muted}, false, e.Position)
	case follow.BoardStarted:
		s.relate(d.Account, relation{kind: followsBoard, id: d.Board}, true, e.Position)
	case follow.BoardEnded:
		s.relate(d.Account, relation{kind: followsBoard, id: d.Board}, false, e.Position)
	case follow.TagStarted:
		s.relate(d.Account, relation{kind: followsTag, tag: d.Tag}, true, e.Position)
	case follow.TagEnded:
		s.relate(d.Account, relation{kind: followsTag, tag: d.Tag}, false, e.Position)
	case follow.BlockStarted:
		s.relate(d.Blocker, relation{kind: blocking, id: d.Blocked}, true, e.Position)
		s.relate(d.Blocked, relation{kind: blockedBy, id: d.Blocker}, true, e.Position)
		s.separate(d.Blocker, d.Blocked, e.Position)
	case follow.BlockEnded:
		s.relate(d.Blocker, relation{kind: blocking, id: d.Blocked}, false, e.Position)
		s.relate(d.Blocked, relation{kind: blockedBy, id: d.Blocker}, false, e.Position)
	}
}

func (s *Server) unfollow(follower, followee uuid.UUID, position uint64) {
	s.relate(follower, relation{kind: waitsFor, id: followee}, false, position)
	s.relate(follower, relation{kind: followsAccount, id: followee}, false, position)
}

// routeSettings lets those follow who wait, where approval was switched off.
func (s *Server) routeSettings(_ context.Context, e event.Decoded) {
	d, ok := e.Payload.(account.SettingsChanged)
	if !ok || d.Privacy == nil || d.Privacy.ApproveFollowers == nil || *d.Privacy.ApproveFollowers {
		return
	}
	who, err := uuid.Parse(event.StreamID(e.Stream))
	if err != nil {
		return
	}
	for _, c := range s.hub.everyone() {
		c.viewer.open(who, e.Position)
	}
}

func (s *Server) relate(who uuid.UUID, r relation, on bool, position uint64) {
	if v := s.hub.viewer(who); v != nil {
		v.set(r, on, position)
	}
}

// separate takes each one's posts from the other. A reading that was allowed
// when the block was known stays: it has ended since.
func (s *Server) separate(a, b uuid.UUID, position uint64) {
	stale := func(r *sub) bool { return r.allowed < position }
	for _, t := range s.hub.all() {
		if t.kind != topicPost {
			continue
		}
		t.mu.Lock()
		author := t.author
		t.mu.Unlock()
		switch author {
		case a:
			s.expel(t, b, stale)
		case b:
			s.expel(t, a, stale)
		}
	}
}
