package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/domain/text"
)

// EditPost changes what is not nil. Publish puts a draft before everybody now,
// whatever its date.
type EditPost struct {
	Title, Body *string
	Publish     bool
	PublishAt   *time.Time // of a draft; zero takes a date away
	IfMatch     Match
}

// EditPost changes a post or draft, for its author and moderators.
// Errors: not found, forbidden, invalid fields, IfMatch's, post.deleted,
// post.published, board.archived.
func (c *Commands) EditPost(ctx context.Context, by Actor, id uuid.UUID, in EditPost) (Outcome, error) {
	p, err := c.ownPost(ctx, by, id)
	if err != nil {
		return Outcome{}, err
	}
	if in.Title != nil {
		clean := cleanTitle(*in.Title)
		in.Title = &clean
	}
	var check text.Check
	dated := in.PublishAt != nil && !in.PublishAt.IsZero()
	post.CheckText(&check, c.cfg.Forum.Post, in.Title, in.Body, p.Waiting() && !in.Publish && !dated, p.Type == post.Picture)
	if dated {
		c.checkDate(&check, *in.PublishAt)
		if in.Publish {
			check.Add("publishAt", "not_with_publish")
		}
	}
	if err := check.Err(); err != nil {
		return Outcome{}, err
	}
	ctx = acting(ctx, by, p.Acts(by.Account))
	for range maxConflict {
		out, err := c.editOnce(ctx, p.Acts(by.Account), id, in)
		if !errors.Is(err, errTextMoved) {
			return out, err
		}
	}
	return Outcome{}, fault.ErrConflict
}

// errTextMoved says that a text was changed between reading and writing it.
var errTextMoved = errors.New("commands: the text was changed meanwhile")

// editOnce edits the text that it finds. Errors: errTextMoved to begin again.
func (c *Commands) editOnce(ctx context.Context, editor, id uuid.UUID, in EditPost) (Outcome, error) {
	old, err := c.postText(ctx, id)
	if err != nil {
		return Outcome{}, err
	}
	title, body := old.title, old.body
	if err := c.unquoted(ctx, old.mentions, &title, &body); err != nil {
		return Outcome{}, err
	}
	if in.Title != nil {
		title = *in.Title
	}
	if in.Body != nil {
		body = *in.Body
	}
	decide, err := c.edit(ctx, editor, old, in, title, body)
	if err != nil {
		return Outcome{}, err
	}
	return change(ctx, c.core, post.Stream(id), post.New, func(p *post.Post) ([]event.Data, error) {
		if err := in.IfMatch.check(p.Version); err != nil {
			return nil, err
		}
		if p.State != post.Tombstone && !old.stands(p) {
			return nil, errTextMoved
		}
		return decide(p)
	})
}

// edit prepares what an edit means for a draft, for a draft that is scheduled
// or published with it, and for a published post.
func (c *Commands) edit(ctx context.Context, editor uuid.UUID, old storedText, in EditPost, title, body string) (func(*post.Post) ([]event.Data, error), error) {
	if !old.waiting {
		if in.PublishAt != nil { // only a draft has a date: the post says what it is instead
			return func(p *post.Post) ([]event.Data, error) { return p.Draft(old.draft) }, nil
		}
		w, err := c.words(ctx, title, body)
		w.keep(old.mentions)
		return func(p *post.Post) ([]event.Data, error) {
			return p.Edit(post.Edited{Editor: editor, Title: w.title, Body: w.body, Hashtags: w.hashtags, Mentions: w.mentions})
		}, err
	}
	draft := old.draft
	draft.Title, draft.Body = title, body
	if in.PublishAt != nil {
		draft.PublishAt = *in.PublishAt
	}
	keep := func(p *post.Post) ([]event.Data, error) { return p.Draft(draft) }
	if !in.Publish && draft.PublishAt.IsZero() {
		return keep, nil
	}
	var check text.Check
	post.CheckText(&check, c.cfg.Forum.Post, &title, &body, false, draft.Type == post.Picture)
	if err := check.Err(); err != nil {
		return nil, err
	}
	if err := c.open(ctx, draft.Board); err != nil {
		return nil, err
	}
	if !in.Publish {
		return keep, nil
	}
	published, err := c.ready(ctx, draft)
	return func(p *post.Post) ([]event.Data, error) { return p.Publish(published) }, err
}

// storedText is the newest text of a post as its events hold it.
type storedText struct {
	title, body string
	mentions    []uuid.UUID
	waiting     bool         // it is draft's
	draft       post.Drafted // of a post that waits; with the date that it has now
}

// stands says whether the post is as it was when its text was read.
func (t storedText) stands(p *post.Post) bool {
	return p.Holds(t.title, t.body) && p.Waiting() == t.waiting && (!t.waiting || p.Dated(t.draft.PublishAt))
}

// postText reads a post's newest text from the log: states hold none.
// Errors: not found, post.author_gone.
func (c *Commands) postText(ctx context.Context, id uuid.UUID) (storedText, error) {
	undated := false
	for rec, err := range c.store.Stream(ctx, post.Stream(id), event.End, event.Backward) {
		var d event.Decoded
		if err == nil {
			d, err = c.codec.Decode(ctx, rec)
		}
		if err != nil {
			return storedText{}, unavailable(fmt.Errorf("load the text of a post: %w", err))
		}
		if d.Erased {
			return storedText{}, post.ErrAuthorGone
		}
		switch e := d.Payload.(type) {
		case post.Unscheduled, post.Deleted: // a draft lost its date with it
			undated = true
		case post.Drafted:
			if undated {
				e.PublishAt = time.Time{}
			}
			return storedText{title: e.Title, body: e.Body, waiting: true, draft: e}, nil
		case post.Published:
			return storedText{title: e.Title, body: e.Body, mentions: e.Mentions}, nil
		case post.Edited:
			return storedText{title: e.Title, body: e.Body, mentions: e.Mentions}, nil
		}
	}
	return storedText{}, fault.ErrNotFound
}
