package rest

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/board"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/post"
)

func (s *Server) postModeration() {
	errors := []*fault.Fault{fault.ErrNotFound, fault.ErrForbidden, commands.ErrChanged, post.ErrDeleted, post.ErrNotYet}
	for _, mark := range []struct {
		path, put, del, lets, ends string
		set                        func(*commands.Commands, context.Context, commands.Actor, uuid.UUID, bool, commands.Match) (commands.Outcome, error)
	}{
		{
			"lock", "lockPost", "unlockPost", "End the comments under a post; for moderators", "Let comments under a post again; for moderators",
			(*commands.Commands).LockPost,
		},
		{
			"pin", "pinPost", "unpinPost", "Let a post lead its board; for moderators", "Let a post lead its board no longer; for moderators",
			(*commands.Commands).PinPost,
		},
	} {
		for _, on := range []bool{true, false} {
			op := Op{Method: http.MethodPut, Path: "/v1/posts/{id}/" + mark.path, ID: mark.put, Summary: mark.lets, Tag: "Posts", Errors: errors}
			if !on {
				op.Method, op.ID, op.Summary = http.MethodDelete, mark.del, mark.ends
			}
			route(s, op, s.mayModeratePost, func(ctx context.Context, c *Call, p thingPath, _ None) (Reply[None], error) {
				out, err := mark.set(s.cfg.Commands, ctx, *c.Actor, p.ID, on, c.match())
				return s.settled(ctx, out, err)
			})
		}
	}
	route(s, Op{
		Method: http.MethodPut, Path: "/v1/posts/{id}/board", ID: "movePost", Tag: "Posts",
		Summary: "Put a post on another board; for those who moderate both", Errors: append(errors, board.ErrArchived),
	}, s.mayModeratePost, s.movePost)
}

func (s *Server) mayModeratePost(ctx context.Context, c *Call, p thingPath) error {
	return s.cfg.Commands.MayModeratePost(ctx, *c.Actor, p.ID)
}

type postBoard struct {
	BoardID uuid.UUID `json:"boardId"`
}

func (s *Server) movePost(ctx context.Context, c *Call, p thingPath, b postBoard) (Reply[Post], error) {
	out, err := s.cfg.Commands.MovePost(ctx, *c.Actor, p.ID, b.BoardID, c.match())
	if err != nil {
		return Reply[Post]{}, err
	}
	return s.replyPost(ctx, c, p.ID, out.Position)
}
