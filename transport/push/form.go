package push

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// shown is how an event looks on a socket.
type shown struct {
	typ    string // of the subprotocol, not of the log
	data   any
	erases bool // words said before are taken away
	links  bool // it holds links that end after a while
}

// framed is a whole frame of a numbered topic.
type framed struct {
	frame  []byte
	erases bool
	links  bool // nobody gets it later: its links might be over
}

// numbered encodes an event of a numbered topic. gone are messages that were
// deleted since.
func (s *Server) numbered(ctx context.Context, n topicName, e event.Decoded, gone map[uint64]bool) (framed, error) {
	var v shown
	var err error
	if n.kind == topicRoom {
		v, err = s.showRoom(ctx, n.id, e, gone)
	} else {
		v, err = s.showInbox(ctx, e)
	}
	if err != nil {
		return framed{}, fmt.Errorf("show %s at position %d: %w", e.Type, e.Position, err)
	}
	frame, err := textFrame(numberedFrame{Topic: n.wire, N: e.Revision + 1, Type: v.typ, Time: Time(e.Time), Data: v.data})
	return framed{frame, v.erases, v.links}, err
}

// images shows pictures; no ids are an empty list.
func (s *Server) images(ctx context.Context, ids []uuid.UUID, open bool) ([]any, error) {
	if len(ids) == 0 {
		return []any{}, nil
	}
	all, err := s.deps.Resources.Images(ctx, ids, open)
	if all == nil {
		all = []any{}
	}
	return all, err
}

// picture shows one picture, or null.
func (s *Server) picture(ctx context.Context, id uuid.UUID, open bool) (any, error) {
	if id == uuid.Nil {
		return nil, nil
	}
	all, err := s.images(ctx, []uuid.UUID{id}, open)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return all[0], nil
}

// summary shows a person; uuid.Nil, who is nobody's business, is null.
func (s *Server) summary(ctx context.Context, account uuid.UUID) (any, error) {
	if account == uuid.Nil {
		return nil, nil
	}
	return s.deps.Resources.Summary(ctx, account)
}

// speak turns texts of an event into what people read.
func (s *Server) speak(ctx context.Context, mentions []uuid.UUID, texts ...*string) (err error) {
	for _, t := range texts {
		if *t, err = s.deps.Rooms.Spoken(ctx, *t, mentions); err != nil {
			return err
		}
	}
	return nil
}

// person is somebody as REST shows them.
type person struct {
	id      uuid.UUID
	summary any
}

// people are those of accounts that are still there, in their order.
func (s *Server) people(ctx context.Context, accounts []uuid.UUID) ([]person, error) {
	var all []person
	for _, id := range accounts {
		one, err := s.summary(ctx, id)
		if err != nil {
			return nil, err
		}
		if one != nil {
			all = append(all, person{id, one})
		}
	}
	return all, nil
}

func (s *Server) summaries(ctx context.Context, accounts []uuid.UUID) ([]any, error) {
	people, err := s.people(ctx, accounts)
	all := make([]any, len(people))
	for i, p := range people {
		all[i] = p.summary
	}
	return all, err
}
