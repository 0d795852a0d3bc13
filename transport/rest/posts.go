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

func (s *Server) posts() {
	absent := []*fault.Fault{fault.ErrNotFound}
	own := []*fault.Fault{fault.ErrNotFound, fault.ErrForbidden, commands.ErrChanged, post.ErrDeleted}
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/boards/{id}/posts", ID: "listBoardPosts", Summary: "A board's posts, pinned ones first, then the newest or the hottest",
		Tag: "Posts", Auth: Optional, Errors: absent,
	}, s.maySeeBoard, s.listBoardPosts)
	route(s, Op{
		Method: http.MethodPost, Path: "/v1/boards/{id}/posts", ID: "createPost", Summary: "Publish a post, schedule it, or keep a draft", Tag: "Posts",
		Status: http.StatusCreated, Errors: []*fault.Fault{fault.ErrNotFound, commands.ErrImageUnknown, board.ErrArchived},
	}, s.mayPost, s.createPost)
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/posts/{id}", ID: "getPost", Summary: "A post; a deleted one is a tombstone", Tag: "Posts",
		Auth: Optional, Errors: absent,
	}, nil, s.getPost)
	route(s, Op{
		Method: http.MethodPatch, Path: "/v1/posts/{id}", ID: "editPost", Summary: "Change a post, schedule or publish a draft; for its author and moderators",
		Tag: "Posts", Errors: append(own, board.ErrArchived, post.ErrPublished, post.ErrAuthorGone),
	}, s.mayEditPost, s.editPost)
	route(s, Op{
		Method: http.MethodDelete, Path: "/v1/posts/{id}", ID: "deletePost", Summary: "Delete a post; for its author and moderators", Tag: "Posts",
		Errors: own,
	}, s.mayEditPost, s.deletePost)
	route(s, Op{
		Method: http.MethodPut, Path: "/v1/posts/{id}/answer", ID: "acceptAnswer", Summary: "Accept a comment as the answer of a question; null takes it back",
		Tag: "Posts", Errors: append(own, post.ErrNoQuestion, post.ErrNotYet),
	}, s.mayEditPost, s.acceptAnswer)
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/me/posts", ID: "listOwnPosts", Summary: "One's own posts and drafts, the latest begun first", Tag: "Posts",
	}, nil, s.listOwnPosts)
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/accounts/{account}/posts", ID: "listAccountPosts", Summary: "What an account has posted under its name, newest first",
		Tag: "Posts", Auth: Optional, Errors: absent,
	}, s.maySeeAccount, s.listAccountPosts)
}

// Post is a post as the caller sees it.
type Post struct {
	ID          uuid.UUID      `json:"id"`
	BoardID     uuid.UUID      `json:"boardId"`
	Author      *Summary       `json:"author" doc:"null when anonymous"`
	Anonymous   bool           `json:"anonymous"`
	Type        string         `json:"type" enum:"article,question,picture"`
	Title       string         `json:"title"`
	Body        string         `json:"body" doc:"Markdown"`
	HTML        string         `json:"html" doc:"the body rendered, safe to show"`
	Images      []Image        `json:"images"`
	Thumbnail   *Image         `json:"thumbnail"`
	Hashtags    []string       `json:"hashtags"`
	Mentions    []Summary      `json:"mentions"`
	CreatedAt   Time           `json:"createdAt"`
	EditedAt    *Time          `json:"editedAt"`
	PublishedAt *Time          `json:"publishedAt"`
	PublishAt   *Time          `json:"publishAt" doc:"of a scheduled one"`
	PublishErr  *string        `json:"publishError" doc:"of a draft: the error that kept it from being published when it was due"`
	State       string         `json:"state" enum:"draft,scheduled,published,deleted"`
	Locked      bool           `json:"locked"`
	Pinned      bool           `json:"pinned"`
	AnswerID    *uuid.UUID     `json:"answerId"`
	Revision    int            `json:"revision" doc:"of the text, from 1"`
	Comments    int            `json:"comments" doc:"replies count too"`
	Reactions   map[string]int `json:"reactions"`
	Viewer      PostViewer     `json:"viewer"`
}

// PostViewer is what stands between the caller and a post.
type PostViewer struct {
	Mine       bool     `json:"mine"`
	Reactions  []string `json:"reactions"`
	Bookmarked bool     `json:"bookmarked"`
	Following  bool     `json:"following" doc:"one is told of replies"`
}

func showPost(p readmodels.Post) Post {
	open := p.State == post.Live
	out := Post{
		ID: p.ID, BoardID: p.Board, Anonymous: p.Anonymous, Type: string(p.Type), Title: p.Title, Body: p.Body, HTML: p.HTML,
		Images: imagesOf(p.Images, open), Thumbnail: imageOf(p.Thumbnail, open), Hashtags: p.Hashtags, Mentions: showSummaries(p.Mentions),
		CreatedAt: At(p.CreatedAt), EditedAt: AtOrNull(p.EditedAt), PublishedAt: AtOrNull(p.PublishedAt), PublishAt: AtOrNull(p.PublishAt),
		State: string(p.State), Locked: p.Locked, Pinned: p.Pinned, Revision: p.Revision, Comments: p.Comments, Reactions: p.Reactions.Counts,
		Viewer: PostViewer{Mine: p.Mine, Reactions: p.Reactions.Mine, Bookmarked: p.Bookmarked, Following: p.Following},
	}
	out.Author = showPerson(p.Author)
	if p.Refusal != "" {
		out.PublishErr = &p.Refusal
	}
	if p.Answer != uuid.Nil {
		out.AnswerID = &p.Answer
	}
	return out
}

func showSummaries(list []readmodels.Summary) []Summary {
	out := make([]Summary, len(list))
	for i, m := range list {
		out[i] = showSummary(m)
	}
	return out
}

// showPerson is a summary, or null for nobody that may be named.
func showPerson(p *readmodels.Summary) *Summary {
	if p == nil {
		return nil
	}
	s := showSummary(*p)
	return &s
}

type pagedThing struct {
	thingPath
	Page
}

func (s *Server) maySeeBoard(ctx context.Context, c *Call, p boardPosts) error {
	return s.cfg.Commands.SeesBoard(ctx, p.ID)
}

func (s *Server) mayPost(ctx context.Context, c *Call, p thingPath) error {
	return s.cfg.Commands.SeesBoard(ctx, p.ID)
}

func (s *Server) mayEditPost(ctx context.Context, c *Call, p thingPath) error {
	return s.cfg.Commands.MayEditPost(ctx, *c.Actor, p.ID)
}

// listPosts answers a page of posts.
func (s *Server) listPosts(ctx context.Context, c *Call, p Page,
	query func(r readmodels.Reader, after *readmodels.PostKey, limit int) ([]readmodels.Post, error), key func(readmodels.Post) readmodels.PostKey,
) (Reply[List[Post]], error) {
	return listed(ctx, s, c, p, query, showPost, key)
}

type boardPosts struct {
	pagedThing
	Sort string `query:"sort" enum:"newest,hot" default:"newest" doc:"hot is by time, 12 hours more each time that 1 and the reactions and comments double"`
}

func (s *Server) listBoardPosts(ctx context.Context, c *Call, p boardPosts, _ None) (Reply[List[Post]], error) {
	var at readmodels.BoardPage
	return listed(ctx, s, c, p.Page, func(r readmodels.Reader, after *readmodels.BoardPage, limit int) (posts []readmodels.Post, err error) {
		posts, at, err = readmodels.BoardPosts(ctx, r, c.Account(), p.ID, readmodels.PostOrder(p.Sort), after, limit)
		return posts, err
	}, showPost, func(p readmodels.Post) readmodels.BoardPage { return at.Place(p) })
}

func (s *Server) replyPost(ctx context.Context, c *Call, id uuid.UUID, position uint64) (Reply[Post], error) {
	query := readmodels.ChangedPost
	if position == 0 {
		query = readmodels.PostOf
	}
	return found(ctx, s, position, func(r readmodels.Reader) (readmodels.Post, bool, error) {
		return query(ctx, r, c.Account(), id)
	}, showPost, func(p readmodels.Post) string { return p.Version })
}

func (s *Server) getPost(ctx context.Context, c *Call, p thingPath, _ None) (Reply[Post], error) {
	return s.replyPost(ctx, c, p.ID, 0)
}

type newPost struct {
	Title     string      `json:"title,omitempty" doc:"needed; at most 200 characters"`
	Body      string      `json:"body,omitempty" text:"lines" doc:"Markdown, at most 40,000 characters; needed but for a picture"`
	Type      *string     `json:"type,omitempty" doc:"article where it is left out" enum:"article,question,picture"`
	Images    []uuid.UUID `json:"images,omitempty" doc:"ids of pictures"`
	Thumbnail *uuid.UUID  `json:"thumbnail,omitempty" doc:"id of a picture"`
	Anonymous bool        `json:"anonymous,omitempty" doc:"the author is sealed, and shown to nobody"`
	Draft     bool        `json:"draft,omitempty"`
	PublishAt *Time       `json:"publishAt,omitempty" doc:"when it is published by itself; not in the past, at most a year ahead"`
}

func (s *Server) createPost(ctx context.Context, c *Call, p thingPath, b newPost) (Reply[Post], error) {
	in := commands.CreatePost{
		Title: b.Title, Body: b.Body, Images: b.Images, Thumbnail: orNil(b.Thumbnail), Anonymous: b.Anonymous, Draft: b.Draft,
	}
	if b.Type != nil {
		in.Type = post.Type(*b.Type)
	}
	if b.PublishAt != nil {
		in.PublishAt = b.PublishAt.Time
	}
	id, out, err := s.cfg.Commands.CreatePost(ctx, *c.Actor, p.ID, in)
	if err != nil {
		return Reply[Post]{}, err
	}
	return s.replyPost(ctx, c, id, out.Position)
}

type postEdit struct {
	Title     Maybe[string] `json:"title" nullable:"false" doc:"at most 200 characters"`
	Body      Maybe[string] `json:"body" nullable:"false" text:"lines" doc:"Markdown, at most 40,000 characters"`
	Publish   Maybe[bool]   `json:"publish" nullable:"false" doc:"true puts a draft before everybody now"`
	PublishAt Maybe[Time]   `json:"publishAt" doc:"of a draft: when it is published by itself; null takes the date away"`
}

func (s *Server) editPost(ctx context.Context, c *Call, p thingPath, b postEdit) (Reply[Post], error) {
	in := commands.EditPost{Title: b.Title.Pointer(), Body: b.Body.Pointer(), IfMatch: c.match()}
	in.Publish, _ = b.Publish.Get()
	if !b.PublishAt.Absent() {
		at, _ := b.PublishAt.Get()
		in.PublishAt = &at.Time
	}
	out, err := s.cfg.Commands.EditPost(ctx, *c.Actor, p.ID, in)
	if err != nil {
		return Reply[Post]{}, err
	}
	return s.replyPost(ctx, c, p.ID, out.Position)
}

func (s *Server) deletePost(ctx context.Context, c *Call, p thingPath, _ None) (Reply[None], error) {
	out, err := s.cfg.Commands.DeletePost(ctx, *c.Actor, p.ID, c.match())
	return s.settled(ctx, out, err)
}

type acceptedAnswer struct {
	CommentID Maybe[uuid.UUID] `json:"commentId" doc:"needed; null takes the answer back"`
}

func (s *Server) acceptAnswer(ctx context.Context, c *Call, p thingPath, b acceptedAnswer) (Reply[Post], error) {
	if b.CommentID.Absent() {
		return Reply[Post]{}, fault.ErrInvalid.With(fault.Field("commentId", "required"))
	}
	comment, _ := b.CommentID.Get()
	out, err := s.cfg.Commands.AcceptAnswer(ctx, *c.Actor, p.ID, comment, c.match())
	if err != nil {
		return Reply[Post]{}, err
	}
	return s.replyPost(ctx, c, p.ID, out.Position)
}

type ownPosts struct {
	Page
	State string `query:"state" enum:"draft,scheduled,published,deleted" doc:"all but deleted ones where it is left out"`
}

func (s *Server) listOwnPosts(ctx context.Context, c *Call, p ownPosts, _ None) (Reply[List[Post]], error) {
	states := []post.State{post.Draft, post.Scheduled, post.Live}
	if p.State != "" {
		states = []post.State{post.State(p.State)}
	}
	return s.listPosts(ctx, c, p.Page, func(r readmodels.Reader, after *readmodels.PostKey, limit int) ([]readmodels.Post, error) {
		return readmodels.OwnPosts(ctx, r, c.Account(), states, after, limit)
	}, readmodels.Post.OwnPlace)
}

func (s *Server) listAccountPosts(ctx context.Context, c *Call, p accountList, _ None) (Reply[List[Post]], error) {
	return s.listPosts(ctx, c, p.Page, func(r readmodels.Reader, after *readmodels.PostKey, limit int) ([]readmodels.Post, error) {
		a, err := p.Account.find(ctx, r, c.Account())
		if err != nil {
			return nil, err
		}
		return readmodels.AuthorPosts(ctx, r, c.Account(), a.ID, after, limit)
	}, readmodels.Post.Place)
}
