package commands

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/comment"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/post"
)

// putBackComment gives a comment that was deleted the text that it had last.
// It is the accepted answer again if it was, and no other one is by now.
func (c *Commands) putBackComment(ctx context.Context, by Actor, id uuid.UUID) (Outcome, error) {
	m, err := c.comment(ctx, id)
	if err != nil {
		return Outcome{}, err
	}
	p, err := c.post(ctx, m.Post)
	if err != nil {
		return Outcome{}, err
	}
	d := comment.Restored{By: by.Account, Answer: p.Answer == id}
	if d.Body, d.Mentions, err = c.commentText(ctx, id); err != nil {
		return Outcome{}, err
	}
	return change(ctx, c.core, comment.Stream(id), comment.New, func(m *comment.Comment) ([]event.Data, error) {
		return m.Restore(d)
	})
}

// commentText reads a comment's newest text from the log: states hold none.
func (c *Commands) commentText(ctx context.Context, id uuid.UUID) (body string, mentions []uuid.UUID, err error) {
	for rec, err := range c.store.Stream(ctx, comment.Stream(id), event.End, event.Backward) {
		var e event.Decoded
		if err == nil {
			e, err = c.codec.Decode(ctx, rec)
		}
		if err != nil {
			return "", nil, unavailable(fmt.Errorf("load the text of a comment: %w", err))
		}
		switch d := e.Payload.(type) {
		case comment.Published:
			return d.Body, d.Mentions, nil
		case comment.Edited:
			return d.Body, d.Mentions, nil
		case comment.Restored:
			return d.Body, d.Mentions, nil
		}
	}
	return "", nil, nil
}

// putBackMessage gives a message that was deleted the text that it had last,
// and its pictures.
func (c *Commands) putBackMessage(ctx context.Context, by Actor, room uuid.UUID, number uint64) (Outcome, error) {
	said, err := c.messageText(ctx, room, number)
	if err != nil {
		return Outcome{}, err
	}
	if err := c.keepImages(ctx, said.Images); err != nil {
		return Outcome{}, err
	}
	said.By, said.Number = by.Account, number
	return change(ctx, c.core, chat.Stream(room), c.newRoom, func(r *chat.Room) ([]event.Data, error) {
		return r.Restore(said)
	})
}

// messageText reads what a message said last from the log. It reads all that
// happened in the room since: few are ever put back.
func (c *Commands) messageText(ctx context.Context, room uuid.UUID, number uint64) (said chat.MessageRestored, err error) {
	for rec, err := range c.store.Stream(ctx, chat.Stream(room), number-1, event.Forward) {
		var e event.Decoded
		if err == nil {
			e, err = c.codec.Decode(ctx, rec)
		}
		if err != nil {
			return said, unavailable(fmt.Errorf("load the text of a message: %w", err))
		}
		switch d := e.Payload.(type) {
		case chat.MessageSent:
			if e.Revision+1 == number {
				said.Text, said.Mentions, said.Images = d.Text, d.Mentions, d.Images
			}
		case chat.MessageEdited:
			if d.Number == number {
				said.Text, said.Mentions = d.Text, d.Mentions
			}
		}
	}
	return said, nil
}

// putBackPost takes the delete of a post back, within the restore window; what
// its author had deleted too stays so.
// Errors: post.restore_expired.
func (c *Commands) putBackPost(ctx context.Context, by Actor, id uuid.UUID) (Outcome, error) {
	return change(ctx, c.core, post.Stream(id), post.New, func(p *post.Post) ([]event.Data, error) {
		return p.Undelete(by.Account, c.now(), c.cfg.Forum.RestoreWindow)
	})
}
