package commands

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/comment"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/domain/text"
)

// AddComment comments on a post; parent is the comment that it answers, or
// uuid.Nil. Under one's own anonymous post one stays its pseudonym.
// Errors: not found, invalid fields, post.deleted, post.not_published,
// post.locked, comment.deleted, board.archived.
func (c *Commands) AddComment(ctx context.Context, by Actor, on uuid.UUID, body string, parent uuid.UUID) (uuid.UUID, Outcome, error) {
	p, err := c.visiblePost(ctx, by, on)
	if err != nil {
		return uuid.Nil, Outcome{}, err
	}
	answered, err := c.checkComment(ctx, by, on, body, parent)
	if err != nil {
		return uuid.Nil, Outcome{}, err
	}
	switch {
	case p.State == post.Tombstone:
		return uuid.Nil, Outcome{}, post.ErrDeleted
	case p.Waiting():
		return uuid.Nil, Outcome{}, post.ErrNotYet
	case p.Locked:
		return uuid.Nil, Outcome{}, post.ErrLocked
	case answered.Deleted:
		return uuid.Nil, Outcome{}, comment.ErrDeleted
	}
	if err := c.open(ctx, p.Board); err != nil {
		return uuid.Nil, Outcome{}, err
	}
	w, err := c.words(ctx, "", body)
	if err != nil {
		return uuid.Nil, Outcome{}, err
	}
	d := comment.Published{Post: on, Board: p.Board, Parent: parent, Author: p.Acts(by.Account), Body: w.body, Mentions: w.mentions}
	if d.Author != by.Account {
		d.Anonymous, d.HiddenAuthor = true, by.Account
	}
	id := c.idFor(ctx)
	out, err := change(acting(ctx, by, d.Author), c.core, comment.Stream(id), comment.New, func(m *comment.Comment) ([]event.Data, error) {
		return m.Publish(d)
	})
	return id, out, err
}

// checkComment says what is wrong with the fields of a new comment, and gives
// the comment that it answers. One that by does not see is unknown.
func (c *Commands) checkComment(ctx context.Context, by Actor, on uuid.UUID, body string, parent uuid.UUID) (comment.Comment, error) {
	var check text.Check
	comment.CheckBody(&check, body, c.cfg.Forum.CommentMax)
	var answered comment.Comment
	if parent != uuid.Nil {
		var err error
		if answered, err = c.comment(ctx, parent); err != nil {
			return answered, err
		}
		there := answered.Post == on
		if there {
			err = c.sees(ctx, by, answered.Author)
			if f := fault.As(err); err != nil && (f == nil || f.Kind != fault.NotFound) {
				return answered, err
			}
			there = err == nil
		}
		if !there {
			check.Add("parentId", "unknown")
		}
	}
	return answered, check.Err()
}

// comment is the state of a comment as it stands.
func (c *Commands) comment(ctx context.Context, id uuid.UUID) (comment.Comment, error) {
	var found comment.Comment
	err := view(ctx, c.core, comment.Stream(id), comment.New, func(m *comment.Comment) error {
		found = *m
		return nil
	})
	return found, err
}

// visibleComment is a comment that by may read, and its post.
// Errors: not found.
func (c *Commands) visibleComment(ctx context.Context, by Actor, id uuid.UUID) (comment.Comment, post.Post, error) {
	m, err := c.comment(ctx, id)
	if err != nil || !m.Exists() {
		return m, post.Post{}, orNotFound(err)
	}
	p, err := c.visiblePost(ctx, by, m.Post)
	if err == nil {
		err = c.sees(ctx, by, m.Author)
	}
	return m, p, err
}

// MaySeeComment is nil for those who may read a comment. Errors: not found.
func (c *Commands) MaySeeComment(ctx context.Context, by Actor, id uuid.UUID) error {
	_, _, err := c.visibleComment(ctx, by, id)
	return err
}

// MayEditComment is nil for the author, unless a block keeps the post out of
// their sight: an edit would be heard there. Errors: not found, forbidden.
func (c *Commands) MayEditComment(ctx context.Context, by Actor, id uuid.UUID) error {
	m, _, err := c.visibleComment(ctx, by, id)
	if err != nil {
		return err
	}
	return m.MayEdit(by.Account)
}

// EditComment changes a comment's text, for its author.
// Errors: not found, forbidden, invalid fields, match's, post.locked,
// comment.deleted.
func (c *Commands) EditComment(ctx context.Context, by Actor, id uuid.UUID, body string, match Match) (Outcome, error) {
	m, p, err := c.visibleComment(ctx, by, id)
	if err == nil {
		err = m.MayEdit(by.Account)
	}
	if err != nil {
		return Outcome{}, err
	}
	var check text.Check
	comment.CheckBody(&check, body, c.cfg.Forum.CommentMax)
	if err := check.Err(); err != nil {
		return Outcome{}, err
	}
	if p.Locked {
		return Outcome{}, post.ErrLocked
	}
	w, err := c.words(ctx, "", body)
	if err != nil {
		return Outcome{}, err
	}
	ctx = acting(ctx, by, m.Acts(by.Account))
	return change(ctx, c.core, comment.Stream(id), comment.New, func(m *comment.Comment) ([]event.Data, error) {
		if err := match.check(m.Version); err != nil {
			return nil, err
		}
		return m.Edit(comment.Edited{Body: w.body, Mentions: w.mentions})
	})
}

// MayDeleteComment is nil for the author and for moderators.
// Errors: not found, forbidden.
func (c *Commands) MayDeleteComment(ctx context.Context, by Actor, id uuid.UUID) error {
	_, _, err := c.deletable(ctx, by, id)
	return err
}

// deletable is a comment that by may delete, and whether by moderates there.
// Errors: not found, forbidden.
func (c *Commands) deletable(ctx context.Context, by Actor, id uuid.UUID) (m comment.Comment, moderator bool, err error) {
	m, err = c.comment(ctx, id)
	if err != nil || !m.Exists() {
		return m, false, orNotFound(err)
	}
	p, err := c.post(ctx, m.Post)
	if err != nil {
		return m, false, err
	}
	if moderator, err = c.moderates(ctx, by, p.Board); err != nil {
		return m, false, err
	}
	if m.Owner != by.Account && !moderator {
		if _, _, err := c.visibleComment(ctx, by, id); err != nil {
			return m, false, err
		}
	}
	return m, moderator, m.MayDelete(by.Account, moderator)
}

// DeleteComment empties a comment, for its author and moderators. Who takes
// away what somebody else wrote does so in their own name, under their own
// anonymous post too: a pseudonym that did would tell that it moderates.
// Errors: not found, forbidden, match's.
func (c *Commands) DeleteComment(ctx context.Context, by Actor, id uuid.UUID, match Match) (Outcome, error) {
	m, moderator, err := c.deletable(ctx, by, id)
	if err != nil {
		return Outcome{}, err
	}
	acts := m.Acts(by.Account)
	return change(acting(ctx, by, acts), c.core, comment.Stream(id), comment.New, func(m *comment.Comment) ([]event.Data, error) {
		if err := m.MayDelete(by.Account, moderator); err != nil {
			return nil, err
		}
		if err := match.check(m.Version); err != nil {
			return nil, err
		}
		return m.Delete(acts)
	})
}
