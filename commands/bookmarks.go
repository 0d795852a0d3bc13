package commands

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/bookmark"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/domain/text"
)

// Bookmark keeps a post for by, in a folder or in none (nil); kept already, it
// is moved there. One keeps one's own anonymous post as its pseudonym.
// Errors: not found, invalid fields, post.deleted, post.not_published.
func (c *Commands) Bookmark(ctx context.Context, by Actor, id uuid.UUID, folder *string) (Outcome, error) {
	if _, err := c.visiblePost(ctx, by, id); err != nil {
		return Outcome{}, err
	}
	name := ""
	if folder != nil {
		name = bookmark.CleanFolder(*folder)
		var check text.Check
		bookmark.CheckFolder(&check, name, c.cfg.Forum.FolderMax)
		if err := check.Err(); err != nil {
			return Outcome{}, err
		}
	}
	p, err := c.relatable(ctx, by, id, true)
	if err != nil {
		return Outcome{}, err
	}
	return c.bookmark(ctx, by, p, id, func(b *bookmark.Bookmark, acts, hidden uuid.UUID) []event.Data {
		return b.Put(bookmark.Added{Account: acts, HiddenAccount: hidden, Post: id, Folder: name})
	})
}

// Unbookmark keeps a post no longer. Errors: not found.
func (c *Commands) Unbookmark(ctx context.Context, by Actor, id uuid.UUID) (Outcome, error) {
	p, err := c.relatable(ctx, by, id, false)
	if err != nil {
		return Outcome{}, err
	}
	return c.bookmark(ctx, by, p, id, func(b *bookmark.Bookmark, acts, hidden uuid.UUID) []event.Data {
		return b.Remove(bookmark.Removed{Account: acts, HiddenAccount: hidden, Post: id})
	})
}

func (c *Commands) bookmark(ctx context.Context, by Actor, p post.Post, id uuid.UUID,
	decide func(b *bookmark.Bookmark, acts, hidden uuid.UUID) []event.Data,
) (Outcome, error) {
	acts, hidden := actsHidden(p, by)
	return change(acting(ctx, by, acts), c.core, bookmark.Stream(acts, id), bookmark.New, func(b *bookmark.Bookmark) ([]event.Data, error) {
		return decide(b, acts, hidden), nil
	})
}
