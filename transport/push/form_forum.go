package push

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/comment"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/domain/reaction"
)

// The types of the live topics' frames.
const (
	typePostPublished    = "post.published.v1"
	typePostEdited       = "post.edited.v1"
	typePostDeleted      = "post.deleted.v1"
	typePostRestored     = "post.restored.v1"
	typePostRedacted     = "post.redacted.v1"
	typePostLocked       = "post.locked.v1"
	typePostPinned       = "post.pinned.v1"
	typePostMoved        = "post.moved.v1"
	typeAnswerAccepted   = "post.answer_accepted.v1"
	typeCommentPublished = "comment.published.v1"
	typeCommentEdited    = "comment.edited.v1"
	typeCommentDeleted   = "comment.deleted.v1"
	typeForumReactionOn  = "reaction.added.v1"
	typeForumReactionOff = "reaction.removed.v1"
)

type (
	postData struct {
		ID          uuid.UUID `json:"id"`
		BoardID     uuid.UUID `json:"boardId"`
		Author      any       `json:"author"` // null when anonymous
		Anonymous   bool      `json:"anonymous"`
		Type        post.Type `json:"type"`
		Title       string    `json:"title"`
		Body        string    `json:"body"`
		HTML        string    `json:"html"`
		Images      []any     `json:"images"`
		Thumbnail   any       `json:"thumbnail"`
		Hashtags    []string  `json:"hashtags"`
		Mentions    []any     `json:"mentions"`
		CreatedAt   Time      `json:"createdAt"`
		EditedAt    *Time     `json:"editedAt"`
		PublishedAt Time      `json:"publishedAt"`
		State       string    `json:"state"`
	}
	postEditData struct {
		ID       uuid.UUID `json:"id"`
		Title    string    `json:"title"`
		Body     string    `json:"body"`
		HTML     string    `json:"html"`
		Hashtags []string  `json:"hashtags"`
		Mentions []any     `json:"mentions"`
		EditedAt Time      `json:"editedAt"`
	}
	postStateData struct {
		ID    uuid.UUID  `json:"id"`
		State post.State `json:"state"`
	}
	postRedactData struct {
		ID       uuid.UUID `json:"id"`
		Revision int       `json:"revision"`
	}
	postLockData struct {
		ID     uuid.UUID `json:"id"`
		Locked bool      `json:"locked"`
	}
	postPinData struct {
		ID     uuid.UUID `json:"id"`
		Pinned bool      `json:"pinned"`
	}
	postMoveData struct {
		ID      uuid.UUID `json:"id"`
		BoardID uuid.UUID `json:"boardId"`
		From    uuid.UUID `json:"from"`
	}
	answerData struct {
		ID       uuid.UUID  `json:"id"`
		AnswerID *uuid.UUID `json:"answerId"`
	}
	commentData struct {
		ID        uuid.UUID  `json:"id"`
		PostID    uuid.UUID  `json:"postId"`
		ParentID  *uuid.UUID `json:"parentId"`
		Author    any        `json:"author"` // null when anonymous
		Body      string     `json:"body"`
		HTML      string     `json:"html"`
		Mentions  []any      `json:"mentions"`
		CreatedAt Time       `json:"createdAt"`
		EditedAt  *Time      `json:"editedAt"`
		Deleted   bool       `json:"deleted"`
	}
	commentEditData struct {
		ID       uuid.UUID `json:"id"`
		PostID   uuid.UUID `json:"postId"`
		Body     string    `json:"body"`
		HTML     string    `json:"html"`
		Mentions []any     `json:"mentions"`
		EditedAt Time      `json:"editedAt"`
	}
	commentDeleteData struct {
		ID      uuid.UUID `json:"id"`
		PostID  uuid.UUID `json:"postId"`
		Deleted bool      `json:"deleted"`
	}
	forumReactionData struct {
		Subject subjectData `json:"subject"`
		PostID  uuid.UUID   `json:"postId"`
		Kind    string      `json:"kind"`
		Account any         `json:"account"` // null for an anonymous post's author
		On      bool        `json:"on"`
	}
)

// withMentions gives the data with those of the mentioned that its reader may see.
func (d postData) withMentions(summaries []any) any        { d.Mentions = summaries; return d }
func (d postEditData) withMentions(summaries []any) any    { d.Mentions = summaries; return d }
func (d commentData) withMentions(summaries []any) any     { d.Mentions = summaries; return d }
func (d commentEditData) withMentions(summaries []any) any { d.Mentions = summaries; return d }

// forumEvent is an event of the forum and where it goes.
type forumEvent struct {
	shown
	post, board uuid.UUID // topics; uuid.Nil: none
	from        uuid.UUID // likewise: the board that it leaves
	feed        bool
	tags        []string
	mentions    []uuid.UUID
	actor       uuid.UUID  // whose blocks count; uuid.Nil when anonymous
	hidden      uuid.UUID  // an anonymous post's author: for their own feed alone
	comment     uuid.UUID  // what it is about, where that is a comment which the event does not say who wrote
	answer      uuid.UUID  // the comment that it accepts; uuid.Nil: none
	placed      bool       // the event does not say where its post stands: see place
	state       post.State // of a post that was restored
}

// forum says what an event is about. It is cheap: nothing is shown yet.
// ok is false for events that no live topic has.
func forum(e event.Decoded) (f forumEvent, ok bool) {
	id, _ := uuid.Parse(event.StreamID(e.Stream))
	switch d := e.Payload.(type) {
	case post.Published:
		f.typ, f.post, f.board, f.feed, f.tags, f.mentions, f.actor = typePostPublished, id, d.Board, true, d.Hashtags, d.Mentions, d.Author
		if d.Anonymous {
			f.actor, f.hidden = uuid.Nil, d.HiddenAuthor
		}
	case post.Edited:
		f.typ, f.post, f.mentions, f.actor = typePostEdited, id, d.Mentions, d.Author
	case post.Deleted:
		f.typ, f.post, f.placed, f.feed = typePostDeleted, id, true, true
	case post.Restored:
		f.typ, f.post, f.placed, f.feed, f.state = typePostRestored, id, true, true, post.Live
	case post.Moved:
		f.typ, f.post, f.placed, f.feed, f.from = typePostMoved, id, true, true, d.From
	case post.Locked:
		f.typ, f.post, f.placed = typePostLocked, id, true
	case post.Pinned:
		f.typ, f.post, f.placed = typePostPinned, id, true
	case post.Redacted:
		f.typ, f.post = typePostRedacted, id
	case post.AnswerAccepted:
		f.typ, f.post, f.answer = typeAnswerAccepted, id, d.Comment
	case comment.Published:
		f.typ, f.post, f.mentions, f.actor = typeCommentPublished, d.Post, d.Mentions, d.Author
		if d.Anonymous {
			f.actor = uuid.Nil
		}
	case comment.Edited:
		f.typ, f.post, f.mentions, f.actor = typeCommentEdited, d.Post, d.Mentions, d.Author
	case comment.Restored:
		f.typ, f.post, f.mentions, f.actor = typeCommentEdited, d.Post, d.Mentions, d.Author
	case comment.Deleted:
		f.typ, f.post, f.comment = typeCommentDeleted, d.Post, id
	case reaction.Added:
		f.typ, f.post, f.actor = typeForumReactionOn, d.Post, d.Account
		if d.SubjectType == reaction.Comment {
			f.comment = d.Subject
		}
		if d.HiddenAccount != uuid.Nil {
			f.actor = uuid.Nil
		}
	case reaction.Removed:
		f.typ, f.post, f.actor = typeForumReactionOff, d.Post, d.Account
		if d.SubjectType == reaction.Comment {
			f.comment = d.Subject
		}
		if d.HiddenAccount != uuid.Nil {
			f.actor = uuid.Nil
		}
	default:
		return f, false
	}
	return f, true
}

// place adds what an event does not say: the board, author and hashtags of its
// post. A post that nobody else ever saw has its own topic alone.
func (s *Server) place(ctx context.Context, e event.Decoded, f *forumEvent) error {
	p, err := s.deps.Posts.PostPlace(ctx, f.post, e.Revision)
	switch {
	case err != nil:
		return err
	case !p.Open:
		f.feed, f.state = false, post.Draft
	default:
		f.board, f.actor, f.hidden, f.tags = p.Board, p.Author, p.Hidden, p.Hashtags
	}
	return nil
}

// showForum is what readers of a live topic see of an event, but for mentions
// and answers, which are looked at for each: see liveFrames. Nothing in it names an anonymous
// author; edits and deletes name nobody.
func (s *Server) showForum(ctx context.Context, e event.Decoded, f forumEvent) (data any, err error) {
	id, _ := uuid.Parse(event.StreamID(e.Stream))
	switch d := e.Payload.(type) {
	case post.Published:
		return s.showPost(ctx, id, e, d, f)
	case post.Edited:
		p := postEditData{ID: id, Title: d.Title, Body: d.Body, Hashtags: orEmpty(d.Hashtags), EditedAt: Time(e.Time)}
		p.HTML = s.deps.HTML(d.Body)
		return p, s.speak(ctx, d.Mentions, &p.Title, &p.Body, &p.HTML)
	case post.Deleted:
		return postStateData{ID: id, State: post.Tombstone}, nil
	case post.Restored:
		return postStateData{ID: id, State: f.state}, nil
	case post.Redacted:
		return postRedactData{ID: id, Revision: d.Revision}, nil
	case post.Locked:
		return postLockData{ID: id, Locked: d.Locked}, nil
	case post.Pinned:
		return postPinData{ID: id, Pinned: d.Pinned}, nil
	case post.Moved:
		return postMoveData{ID: id, BoardID: d.Board, From: d.From}, nil
	case post.AnswerAccepted:
		a := answerData{ID: id}
		if d.Comment != uuid.Nil {
			a.AnswerID = &d.Comment
		}
		return a, nil
	case comment.Published:
		return s.showComment(ctx, id, e, d, f)
	case comment.Edited:
		return s.showEdit(ctx, id, e, d.Post, d.Body, d.Mentions)
	case comment.Restored: // what it says now, as after an edit
		return s.showEdit(ctx, id, e, d.Post, d.Body, d.Mentions)
	case comment.Deleted:
		return commentDeleteData{ID: id, PostID: d.Post, Deleted: true}, nil
	case reaction.Added:
		return s.showForumReaction(ctx, string(d.SubjectType), d.Subject, d.Post, d.Kind, f.actor, true)
	case reaction.Removed:
		return s.showForumReaction(ctx, string(d.SubjectType), d.Subject, d.Post, d.Kind, f.actor, false)
	}
	return nil, nil
}

func (s *Server) showPost(ctx context.Context, id uuid.UUID, e event.Decoded, d post.Published, f forumEvent) (p postData, err error) {
	p = postData{
		ID: id, BoardID: d.Board, Anonymous: d.Anonymous, Type: d.Type, Title: d.Title, Body: d.Body, HTML: s.deps.HTML(d.Body),
		Hashtags: orEmpty(d.Hashtags), CreatedAt: Time(e.Time), PublishedAt: Time(e.Time), State: "published",
	}
	if e.Revision > 0 { // it was a draft: its id says when that began
		p.CreatedAt = Time(time.Unix(id.Time().UnixTime()))
	}
	if err = s.speak(ctx, d.Mentions, &p.Title, &p.Body, &p.HTML); err != nil {
		return p, err
	}
	if p.Author, err = s.summary(ctx, f.actor); err != nil {
		return p, err
	}
	if p.Images, err = s.images(ctx, d.Images, true); err != nil {
		return p, err
	}
	p.Thumbnail, err = s.picture(ctx, d.Thumbnail, true)
	return p, err
}

func (s *Server) showComment(ctx context.Context, id uuid.UUID, e event.Decoded, d comment.Published, f forumEvent) (c commentData, err error) {
	c = commentData{ID: id, PostID: d.Post, Body: d.Body, HTML: s.deps.HTML(d.Body), CreatedAt: Time(e.Time)}
	if d.Parent != uuid.Nil {
		c.ParentID = &d.Parent
	}
	if err = s.speak(ctx, d.Mentions, &c.Body, &c.HTML); err != nil {
		return c, err
	}
	c.Author, err = s.summary(ctx, f.actor)
	return c, err
}

func (s *Server) showEdit(ctx context.Context, id uuid.UUID, e event.Decoded, of uuid.UUID, body string, mentions []uuid.UUID) (c commentEditData, err error) {
	c = commentEditData{ID: id, PostID: of, Body: body, HTML: s.deps.HTML(body), EditedAt: Time(e.Time)}
	return c, s.speak(ctx, mentions, &c.Body, &c.HTML)
}

func (s *Server) showForumReaction(ctx context.Context, typ string, subject, of uuid.UUID, kind string, account uuid.UUID, on bool) (forumReactionData, error) {
	who, err := s.summary(ctx, account)
	return forumReactionData{Subject: subjectData{typ, subject}, PostID: of, Kind: kind, Account: who, On: on}, err
}

func orEmpty(all []string) []string {
	if all == nil {
		return []string{}
	}
	return all
}
