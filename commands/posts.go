package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/board"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/image"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/domain/text"
)

// CreatePost is a new post or draft. An empty Type is an article.
type CreatePost struct {
	Title, Body string
	Type        post.Type
	Images      []uuid.UUID
	Thumbnail   uuid.UUID // uuid.Nil: none
	Anonymous   bool
	Draft       bool
	PublishAt   time.Time // zero: now
}

// CreatePost publishes a post on a board, keeps a draft for it, or schedules it.
// Errors: not found, invalid fields, image.unknown, board.archived.
func (c *Commands) CreatePost(ctx context.Context, by Actor, on uuid.UUID, in CreatePost) (uuid.UUID, Outcome, error) {
	archived := false
	err := c.board(ctx, on, func(b *board.Board) error {
		archived = b.Archived
		return nil
	})
	if err != nil {
		return uuid.Nil, Outcome{}, err
	}
	id := c.idFor(ctx)
	pictures := naming{image.Used{Post: id, Anonymous: in.Anonymous}, []image.Purpose{image.Post}}
	if err := c.checkPost(ctx, by, &in, pictures); err != nil {
		return uuid.Nil, Outcome{}, err
	}
	if archived {
		return uuid.Nil, Outcome{}, board.ErrArchived
	}
	if err := c.nameImages(ctx, by, "images", pictures, append(given(&in.Thumbnail), in.Images...)...); err != nil {
		return uuid.Nil, Outcome{}, err
	}
	draft := post.Drafted{
		Board: on, Author: by.Account, Type: in.Type, Title: in.Title, Body: in.Body,
		Images: in.Images, Thumbnail: in.Thumbnail, PublishAt: in.PublishAt,
	}
	if in.Anonymous {
		draft.Author, draft.Anonymous, draft.HiddenAuthor = c.newID(), true, by.Account
		if err := c.deps.Keyring.EnsurePseudonym(ctx, draft.Author, by.Account); err != nil {
			return uuid.Nil, Outcome{}, fmt.Errorf("key of a pseudonym: %w", err)
		}
		ctx = acting(ctx, by, draft.Author)
	}
	if in.Draft || !in.PublishAt.IsZero() {
		out, err := change(ctx, c.core, post.Stream(id), post.New, func(p *post.Post) ([]event.Data, error) {
			return p.Draft(draft)
		})
		return id, out, err
	}
	published, err := c.ready(ctx, draft)
	if err != nil {
		return uuid.Nil, Outcome{}, err
	}
	out, err := change(ctx, c.core, post.Stream(id), post.New, func(p *post.Post) ([]event.Data, error) {
		return p.Publish(published)
	})
	return id, out, err
}

// checkPost says what is wrong with the fields of a new post.
func (c *Commands) checkPost(ctx context.Context, by Actor, in *CreatePost, pictures naming) error {
	if in.Type == "" {
		in.Type = post.Article
	}
	in.Title = cleanTitle(in.Title)
	var check text.Check
	post.CheckText(&check, c.cfg.Forum.Post, &in.Title, &in.Body, in.Draft, in.Type == post.Picture)
	c.checkDate(&check, in.PublishAt)
	if in.Draft && !in.PublishAt.IsZero() {
		check.Add("publishAt", "not_for_a_draft")
	}
	if !in.Type.Known() {
		check.Add("type", "unknown")
	}
	if len(in.Images) > c.cfg.Forum.Post.Images {
		check.Add("images", "too_many")
	}
	if err := check.Err(); err != nil {
		return err
	}
	if err := c.mayName(ctx, by.Account, "images", pictures, in.Images...); err != nil {
		return err
	}
	return c.mayName(ctx, by.Account, "thumbnail", pictures, given(&in.Thumbnail)...)
}

// ready is the draft as everybody shall read it: with what its text names, by
// id.
func (c *Commands) ready(ctx context.Context, d post.Drafted) (post.Published, error) {
	p := post.Published{
		Board: d.Board, Author: d.Author, Anonymous: d.Anonymous, HiddenAuthor: d.HiddenAuthor,
		Type: d.Type, Images: d.Images, Thumbnail: d.Thumbnail,
	}
	w, err := c.words(ctx, d.Title, d.Body)
	p.Title, p.Body, p.Hashtags, p.Mentions = w.title, w.body, w.hashtags, w.mentions
	return p, err
}

// ownPost is a post that by may edit or delete.
// Errors: not found, forbidden.
func (c *Commands) ownPost(ctx context.Context, by Actor, id uuid.UUID) (post.Post, error) {
	p, err := c.post(ctx, id)
	if err != nil || !p.Existed(by.Account) {
		return p, orNotFound(err)
	}
	if p.Owner == by.Account {
		return p, nil
	}
	moderator, err := c.moderates(ctx, by, p.Board)
	if err != nil || moderator {
		return p, err
	}
	if err := c.sees(ctx, by, p.Author); err != nil {
		return p, err
	}
	return p, fault.ErrForbidden
}

// MayEditPost is nil for those who may edit and delete a post.
// Errors: not found, forbidden.
func (c *Commands) MayEditPost(ctx context.Context, by Actor, id uuid.UUID) error {
	_, err := c.ownPost(ctx, by, id)
	return err
}

// visiblePost is a post that by may read; its tombstone too.
// Errors: not found.
func (c *Commands) visiblePost(ctx context.Context, by Actor, id uuid.UUID) (post.Post, error) {
	p, err := c.post(ctx, id)
	if err != nil || !p.Existed(by.Account) {
		return p, orNotFound(err)
	}
	return p, c.sees(ctx, by, p.Author)
}

// MaySeePost is nil for those who may read a post. Errors: not found.
func (c *Commands) MaySeePost(ctx context.Context, by Actor, id uuid.UUID) error {
	_, err := c.visiblePost(ctx, by, id)
	return err
}

func orNotFound(err error) error {
	if err == nil {
		err = fault.ErrNotFound
	}
	return err
}

// post is the state of a post as it stands.
func (c *Commands) post(ctx context.Context, id uuid.UUID) (post.Post, error) {
	var found post.Post
	err := view(ctx, c.core, post.Stream(id), post.New, func(p *post.Post) error {
		found = *p
		return nil
	})
	return found, err
}

// sees is ErrNotFound where a block stands between by and author. A pseudonym
// is nobody's, so blocks leave anonymous posts alone.
func (c *Commands) sees(ctx context.Context, by Actor, author uuid.UUID) error {
	if author == by.Account {
		return nil
	}
	apart, err := c.apart(ctx, by.Account, author)
	if err == nil && apart {
		err = fault.ErrNotFound
	}
	return err
}

// moderates says whether by may moderate that board.
func (c *Commands) moderates(ctx context.Context, by Actor, id uuid.UUID) (bool, error) {
	_, err := c.MayModerate(ctx, by, id)
	if errors.Is(err, fault.ErrForbidden) || errors.Is(err, fault.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// open is board.ErrArchived where a board takes nothing new.
func (c *Commands) open(ctx context.Context, id uuid.UUID) error {
	return c.board(ctx, id, func(b *board.Board) error {
		if b.Archived {
			return board.ErrArchived
		}
		return nil
	})
}

// closed is what keeps new things from a board, nil where nothing does, for
// decisions that ask for other things first.
func (c *Commands) closed(ctx context.Context, id uuid.UUID) (why, err error) {
	if err = c.open(ctx, id); errors.Is(err, board.ErrArchived) {
		return err, nil
	}
	return nil, err
}

// DeletePost leaves a tombstone, for the author and moderators.
// Errors: not found, forbidden, match's.
func (c *Commands) DeletePost(ctx context.Context, by Actor, id uuid.UUID, match Match) (Outcome, error) {
	p, err := c.ownPost(ctx, by, id)
	if err != nil {
		return Outcome{}, err
	}
	acts := p.Acts(by.Account)
	return change(acting(ctx, by, acts), c.core, post.Stream(id), post.New, func(p *post.Post) ([]event.Data, error) {
		if err := match.check(p.Version); err != nil {
			return nil, err
		}
		return p.Delete(acts)
	})
}

// AcceptAnswer names the comment that answers a question, for its author and
// moderators; uuid.Nil takes it back.
// Errors: not found, forbidden, an unknown comment, match's,
// post.not_a_question, post.deleted.
func (c *Commands) AcceptAnswer(ctx context.Context, by Actor, id, answer uuid.UUID, match Match) (Outcome, error) {
	p, err := c.ownPost(ctx, by, id)
	if err != nil {
		return Outcome{}, err
	}
	if answer != uuid.Nil {
		found, err := c.comment(ctx, answer)
		if err == nil && found.Post == id {
			err = c.sees(ctx, by, found.Author)
		}
		if errors.Is(err, fault.ErrNotFound) || err == nil && (found.Post != id || found.Deleted) {
			err = fault.ErrInvalid.With(fault.Field("commentId", "unknown"))
		}
		if err != nil {
			return Outcome{}, err
		}
	}
	acts := p.Acts(by.Account)
	return change(acting(ctx, by, acts), c.core, post.Stream(id), post.New, func(p *post.Post) ([]event.Data, error) {
		if err := match.check(p.Version); err != nil {
			return nil, err
		}
		return p.Accept(acts, answer)
	})
}

// acting is ctx for what by does as that id. A pseudonym leaves no trace:
// clients may give one trace to all that they do.
func acting(ctx context.Context, by Actor, as uuid.UUID) context.Context {
	if as == by.Account {
		return ctx
	}
	m := MetaFrom(ctx)
	m.Actor, m.Trace = as.String(), ""
	return WithMeta(ctx, m)
}

// cleanTitle is a title as it is kept: without white space at its ends.
func cleanTitle(title string) string { return strings.TrimSpace(title) }
