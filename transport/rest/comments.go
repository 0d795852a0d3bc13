package rest

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/board"
	"github.com/parleyhq/parley/domain/comment"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/readmodels"
)

func (s *Server) comments() {
	own := []*fault.Fault{fault.ErrNotFound, fault.ErrForbidden, commands.ErrChanged}
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/posts/{id}/comments", ID: "listComments", Summary: "A post's comments, or one branch of them", Tag: "Comments",
		Auth: Optional, Errors: []*fault.Fault{fault.ErrNotFound},
	}, s.maySeeComments, s.listComments)
	route(s, Op{
		Method: http.MethodPost, Path: "/v1/posts/{id}/comments", ID: "createComment", Summary: "Comment on a post, or answer a comment", Tag: "Comments",
		Status: http.StatusCreated, Errors: []*fault.Fault{fault.ErrNotFound, board.ErrArchived, post.ErrDeleted, post.ErrNotYet, post.ErrLocked, comment.ErrDeleted},
	}, s.mayComment, s.createComment)
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/comments/{id}", ID: "getComment", Summary: "A comment; a deleted one is empty", Tag: "Comments",
		Auth: Optional, Errors: []*fault.Fault{fault.ErrNotFound},
	}, nil, s.getComment)
	route(s, Op{
		Method: http.MethodPatch, Path: "/v1/comments/{id}", ID: "editComment", Summary: "Change a comment; for its author", Tag: "Comments",
		Errors: append(own, post.ErrLocked, comment.ErrDeleted),
	}, s.mayEditComment, s.editComment)
	route(s, Op{
		Method: http.MethodDelete, Path: "/v1/comments/{id}", ID: "deleteComment", Summary: "Empty a comment; for its author and moderators", Tag: "Comments",
		Errors: own,
	}, s.mayDeleteComment, s.deleteComment)
}

// Comment is a comment as the caller sees it.
type Comment struct {
	ID        uuid.UUID      `json:"id"`
	PostID    uuid.UUID      `json:"postId"`
	ParentID  *uuid.UUID     `json:"parentId"`
	Author    *Summary       `json:"author" doc:"null for the author of an anonymous post"`
	Body      string         `json:"body" doc:"Markdown"`
	HTML      string         `json:"html" doc:"the body rendered, safe to show"`
	Mentions  []Summary      `json:"mentions"`
	CreatedAt Time           `json:"createdAt"`
	EditedAt  *Time          `json:"editedAt"`
	Deleted   bool           `json:"deleted"`
	Replies   int            `json:"replies" doc:"direct ones"`
	Reactions map[string]int `json:"reactions"`
	Viewer    CommentViewer  `json:"viewer"`
}

// CommentViewer is what stands between the caller and a comment.
type CommentViewer struct {
	Mine      bool     `json:"mine"`
	Reactions []string `json:"reactions"`
}

func showComment(m readmodels.Comment) Comment {
	out := Comment{
		ID: m.ID, PostID: m.Post, Author: showPerson(m.Author), Body: m.Body, HTML: m.HTML, Mentions: showSummaries(m.Mentions),
		CreatedAt: At(m.CreatedAt), EditedAt: AtOrNull(m.EditedAt), Deleted: m.Deleted, Replies: m.Replies, Reactions: m.Reactions.Counts,
		Viewer: CommentViewer{Mine: m.Mine, Reactions: m.Reactions.Mine},
	}
	if m.Parent != uuid.Nil {
		out.ParentID = &m.Parent
	}
	return out
}

type commentList struct {
	pagedThing
	Parent *uuid.UUID `query:"parent" doc:"only the branch below that comment"`
	Sort   string     `query:"sort" enum:"newest,oldest,best" default:"oldest" doc:"best is by number of reactions, then oldest"`
}

func (s *Server) maySeeComments(ctx context.Context, c *Call, p commentList) error {
	return s.seesPost(ctx, c, p.ID)
}

func (s *Server) listComments(ctx context.Context, c *Call, p commentList, _ None) (Reply[List[Comment]], error) {
	return listed(ctx, s, c, p.Page, func(r readmodels.Reader, after *readmodels.CommentKey, limit int) ([]readmodels.Comment, error) {
		return readmodels.Comments(ctx, r, c.Account(), p.ID, orNil(p.Parent), readmodels.CommentOrder(p.Sort), after, limit)
	}, showComment, readmodels.Comment.Place)
}

func (s *Server) replyComment(ctx context.Context, c *Call, id uuid.UUID, position uint64) (Reply[Comment], error) {
	return found(ctx, s, position, func(r readmodels.Reader) (readmodels.Comment, bool, error) {
		return readmodels.CommentOf(ctx, r, c.Account(), id)
	}, showComment, func(m readmodels.Comment) string { return m.Version })
}

func (s *Server) getComment(ctx context.Context, c *Call, p thingPath, _ None) (Reply[Comment], error) {
	return s.replyComment(ctx, c, p.ID, 0)
}

func (s *Server) mayComment(ctx context.Context, c *Call, p thingPath) error {
	return s.cfg.Commands.MaySeePost(ctx, *c.Actor, p.ID)
}

type newComment struct {
	Body     string     `json:"body,omitempty" text:"lines" doc:"needed; Markdown, at most 10,000 characters"`
	ParentID *uuid.UUID `json:"parentId,omitempty" doc:"the comment that it answers"`
}

func (s *Server) createComment(ctx context.Context, c *Call, p thingPath, b newComment) (Reply[Comment], error) {
	id, out, err := s.cfg.Commands.AddComment(ctx, *c.Actor, p.ID, b.Body, orNil(b.ParentID))
	if err != nil {
		return Reply[Comment]{}, err
	}
	return s.replyComment(ctx, c, id, out.Position)
}

func (s *Server) mayEditComment(ctx context.Context, c *Call, p thingPath) error {
	return s.cfg.Commands.MayEditComment(ctx, *c.Actor, p.ID)
}

func (s *Server) mayDeleteComment(ctx context.Context, c *Call, p thingPath) error {
	return s.cfg.Commands.MayDeleteComment(ctx, *c.Actor, p.ID)
}

type commentEdit struct {
	Body string `json:"body,omitempty" text:"lines" doc:"needed; Markdown, at most 10,000 characters"`
}

func (s *Server) editComment(ctx context.Context, c *Call, p thingPath, b commentEdit) (Reply[Comment], error) {
	out, err := s.cfg.Commands.EditComment(ctx, *c.Actor, p.ID, b.Body, c.match())
	if err != nil {
		return Reply[Comment]{}, err
	}
	return s.replyComment(ctx, c, p.ID, out.Position)
}

func (s *Server) deleteComment(ctx context.Context, c *Call, p thingPath, _ None) (Reply[None], error) {
	out, err := s.cfg.Commands.DeleteComment(ctx, *c.Actor, p.ID, c.match())
	return s.settled(ctx, out, err)
}
