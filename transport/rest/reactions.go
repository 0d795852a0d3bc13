package rest

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/comment"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/domain/reaction"
)

// react is a command that adds a reaction or takes it back.
type react func(c *commands.Commands, ctx context.Context, by commands.Actor, subject uuid.UUID, kind string, on bool) (commands.Outcome, error)

func (s *Server) reactions() {
	s.reaction("posts", "Post", (*commands.Commands).MaySeePost, (*commands.Commands).ReactToPost)
	s.reaction("comments", "Comment", (*commands.Commands).MaySeeComment, (*commands.Commands).ReactToComment)
}

type reactionPath struct {
	thingPath
	Kind string `path:"kind"`
}

// reaction registers PUT and DELETE of the reactions to a thing that one may
// see.
func (s *Server) reaction(group, thing string, sees func(*commands.Commands, context.Context, commands.Actor, uuid.UUID) error, command react) {
	may := func(ctx context.Context, c *Call, p reactionPath) error {
		return sees(s.cfg.Commands, ctx, *c.Actor, p.ID)
	}
	set := func(on bool) func(context.Context, *Call, reactionPath, None) (Reply[None], error) {
		return func(ctx context.Context, c *Call, p reactionPath, _ None) (Reply[None], error) {
			out, err := command(s.cfg.Commands, ctx, *c.Actor, p.ID, p.Kind, on)
			return s.settled(ctx, out, err)
		}
	}
	op := Op{
		Path: "/v1/" + group + "/{id}/reactions/{kind}", Tag: "Reactions",
		Errors: []*fault.Fault{fault.ErrNotFound, reaction.ErrUnknown, post.ErrDeleted, post.ErrNotYet, comment.ErrDeleted},
	}
	op.Method, op.ID, op.Summary = http.MethodPut, "reactTo"+thing, "Add a reaction; one of a kind for each person"
	route(s, op, may, set(true))
	op.Method, op.ID, op.Summary = http.MethodDelete, "unreactTo"+thing, "Take a reaction back"
	route(s, op, may, set(false))
}
