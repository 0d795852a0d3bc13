package push

import (
	"context"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/event"
)

// routeForum hands an event of the forum to the live topics that have it.
func (s *Server) routeForum(ctx context.Context, e event.Decoded) {
	f, ok := forum(e)
	if !ok {
		return
	}
	if f.placed {
		if err := s.place(ctx, e, &f); err != nil {
			f.feed, f.from = false, uuid.Nil // who reads the post itself hears of it all the same
			s.log.Error("a post's place is not known", "type", e.Type, "position", e.Position, "error", err)
		}
	}
	names := []topicName{postTopic(f.post)}
	for _, board := range []uuid.UUID{f.board, f.from} {
		if board != uuid.Nil {
			names = append(names, boardTopic(board))
		}
	}
	var topics []*topic
	for _, n := range names {
		if t := s.hub.find(n.key); t != nil {
			topics = append(topics, t)
		}
	}
	switch {
	case f.feed:
		topics = append(topics, s.homesOf(f)...)
	case f.typ == typePostEdited:
		homes, err := s.homesByHashtags(ctx, e, f)
		if err != nil {
			s.log.Error("a post's hashtags are not known", "type", e.Type, "position", e.Position, "error", err)
		}
		topics = append(topics, homes...)
	}
	if len(topics) == 0 {
		return
	}
	frames, err := s.liveFrames(ctx, e, f)
	if err != nil {
		s.log.Error("an event cannot be shown", "type", e.Type, "position", e.Position, "error", err)
		return
	}
	var wrote uuid.UUID // a comment: who does not see that does not hear of it
	if f.comment != uuid.Nil {
		if wrote, err = s.deps.Posts.CommentAuthor(commands.WithPosition(ctx, e.Position), f.comment); err != nil {
			s.log.Error("a comment's author is not known", "type", e.Type, "position", e.Position, "error", err)
		}
	}
	for _, t := range topics {
		b := batch{writers: s.writers}
		t.broadcast(e.Position, &b, func(_ uuid.UUID, v *viewer) []byte {
			if f.actor != uuid.Nil && v.hides(f.actor) || wrote != uuid.Nil && v.hides(wrote) {
				return nil
			}
			frame, err := frames.of(t.wire, v)
			if err != nil {
				s.log.Error("a frame cannot be written", "type", e.Type, "position", e.Position, "error", err)
			}
			return frame
		})
		s.deliver(&b)
	}
}

// homesOf lists the home feeds that a post belongs into, or belonged.
func (s *Server) homesOf(f forumEvent) []*topic {
	var homes []*topic
	for _, t := range s.hub.homes() {
		v := s.hub.viewer(t.id)
		if v == nil {
			continue
		}
		left := f.from != uuid.Nil && v.wants(f.actor, f.from, nil)
		if t.id == f.actor || t.id == f.hidden || left || v.wants(f.actor, f.board, f.tags) {
			homes = append(homes, t)
		}
	}
	return homes
}

// homesByHashtags lists the home feeds that an edit brings its post into, or
// takes it from. Nothing but its hashtags does either.
func (s *Server) homesByHashtags(ctx context.Context, e event.Decoded, f forumEvent) ([]*topic, error) {
	homes := s.hub.homes()
	if len(homes) == 0 {
		return nil, nil
	}
	p, err := s.deps.Posts.PostPlace(ctx, f.post, e.Revision)
	if err != nil || slices.Equal(p.Had, p.Hashtags) {
		return nil, err
	}
	return slices.DeleteFunc(homes, func(t *topic) bool {
		v := s.hub.viewer(t.id)
		return v == nil || t.id == p.Author || t.id == p.Hidden || v.wants(p.Author, p.Board, p.Had) == v.wants(p.Author, p.Board, p.Hashtags)
	}), nil
}

// liveFrames are the frames of one event of the forum: one for each topic, and
// there one for each choice of people that a block keeps from a reader: of those
// who are mentioned, and of whoever wrote the accepted answer.
type liveFrames struct {
	frame    liveFrame
	people   []person
	answered uuid.UUID         // who wrote the accepted answer; uuid.Nil: there is none, or they are anonymous
	encoded  map[string][]byte // by the topic's name on the wire, and who is left out
}

// mentioning is data of a frame that lists whom a text mentions.
type mentioning interface {
	withMentions(summaries []any) any
}

func (s *Server) liveFrames(ctx context.Context, e event.Decoded, f forumEvent) (*liveFrames, error) {
	data, err := s.showForum(ctx, e, f)
	if err != nil {
		return nil, err
	}
	l := &liveFrames{
		frame:   liveFrame{Position: s.deps.Positions.Encode(e.Position), Type: f.typ, Time: Time(e.Time), Data: data},
		encoded: map[string][]byte{},
	}
	if l.people, err = s.people(ctx, f.mentions); err != nil || f.answer == uuid.Nil {
		return l, err
	}
	l.answered, err = s.deps.Posts.CommentAuthor(commands.WithPosition(ctx, e.Position), f.answer)
	return l, err
}

// of is the frame of a topic for a viewer: as REST would show it, without the
// summaries of mentioned people, and without an answer, that a block keeps from
// them.
func (l *liveFrames) of(wire string, v *viewer) ([]byte, error) {
	shown := make([]any, 0, len(l.people))
	key := wire
	unanswered := l.answered != uuid.Nil && v.hides(l.answered)
	if unanswered {
		key += " unanswered"
	}
	for i, p := range l.people {
		if v.hides(p.id) {
			key += " " + strconv.Itoa(i)
		} else {
			shown = append(shown, p.summary)
		}
	}
	if frame, ok := l.encoded[key]; ok {
		return frame, nil
	}
	this := l.frame
	this.Topic = wire
	if m, ok := this.Data.(mentioning); ok {
		this.Data = m.withMentions(shown)
	}
	if a, ok := this.Data.(answerData); ok && unanswered {
		a.AnswerID = nil
		this.Data = a
	}
	frame, err := textFrame(this)
	l.encoded[key] = frame
	return frame, err
}
