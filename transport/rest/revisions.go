package rest

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/board"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/readmodels"
)

func (s *Server) revisions() {
	own := []*fault.Fault{fault.ErrNotFound, fault.ErrForbidden, commands.ErrChanged}
	route(s, Op{
		Method: http.MethodPost, Path: "/v1/posts/{id}/restore", ID: "restorePost", Tag: "Posts",
		Summary: "Take a delete back: authors what they deleted themselves, moderators anything",
		Errors:  append(own, post.ErrNotDeleted, post.ErrTooLate, board.ErrArchived),
	}, s.mayRestorePost, s.restorePost)
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/posts/{id}/revisions", ID: "listRevisions", Summary: "The texts that a post has had, the newest first", Tag: "Posts",
		Auth: Optional, Errors: []*fault.Fault{fault.ErrNotFound},
	}, s.maySeeRevisions, s.listRevisions)
	route(s, Op{
		Method: http.MethodDelete, Path: "/v1/posts/{id}/revisions/{n}", ID: "redactRevision", Tag: "Posts",
		Summary: "Redact an earlier text, for good; for the author and moderators", Errors: append(own, post.ErrNewest),
	}, s.mayRedactRevision, s.redactRevision)
}

// Revision is a text that a post has or had.
type Revision struct {
	N         int      `json:"n" doc:"from 1; the highest is the text as it stands"`
	Title     string   `json:"title" doc:"empty where it was redacted, or the post deleted"`
	Body      string   `json:"body" doc:"Markdown; empty likewise"`
	Editor    *Summary `json:"editor" doc:"who wrote it so; null for an anonymous author"`
	CreatedAt Time     `json:"createdAt"`
	Redacted  bool     `json:"redacted"`
}

func showRevision(v readmodels.Revision) Revision {
	return Revision{N: v.N, Title: v.Title, Body: v.Body, Editor: showPerson(v.Editor), CreatedAt: At(v.CreatedAt), Redacted: v.Redacted}
}

func (s *Server) mayRestorePost(ctx context.Context, c *Call, p thingPath) error {
	return s.cfg.Commands.MayRestorePost(ctx, *c.Actor, p.ID)
}

func (s *Server) restorePost(ctx context.Context, c *Call, p thingPath, _ None) (Reply[Post], error) {
	out, err := s.cfg.Commands.RestorePost(ctx, *c.Actor, p.ID, c.match())
	if err != nil {
		return Reply[Post]{}, err
	}
	return s.replyPost(ctx, c, p.ID, out.Position)
}

func (s *Server) maySeeRevisions(ctx context.Context, c *Call, p pagedThing) error {
	return s.seesPost(ctx, c, p.ID)
}

// seesPost is nil where the caller may read a post. Errors: not found.
func (s *Server) seesPost(ctx context.Context, c *Call, id uuid.UUID) error {
	return s.cfg.Tables.Read(ctx, func(r readmodels.Reader) error {
		sees, err := readmodels.SeesPost(ctx, r, c.Account(), id)
		if err == nil && !sees {
			err = fault.ErrNotFound
		}
		return err
	})
}

func (s *Server) listRevisions(ctx context.Context, c *Call, p pagedThing, _ None) (Reply[List[Revision]], error) {
	return listed(ctx, s, c, p.Page, func(r readmodels.Reader, after *readmodels.RevisionKey, limit int) ([]readmodels.Revision, error) {
		return readmodels.Revisions(ctx, r, c.Account(), p.ID, after, limit)
	}, showRevision, readmodels.Revision.Place)
}

type revisionPath struct {
	thingPath
	N int `path:"n" doc:"number of the revision"`
}

func (s *Server) mayRedactRevision(ctx context.Context, c *Call, p revisionPath) error {
	return s.cfg.Commands.MayEditPost(ctx, *c.Actor, p.ID)
}

func (s *Server) redactRevision(ctx context.Context, c *Call, p revisionPath, _ None) (Reply[None], error) {
	out, err := s.cfg.Commands.RedactRevision(ctx, *c.Actor, p.ID, p.N, c.match())
	return s.settled(ctx, out, err)
}
