package commands

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/notification"
)

// Notify asks for an entry in an inbox.
type Notify struct {
	Recipient uuid.UUID
	notification.Telling
}

// Notify adds entries to an inbox, which is that of all of them: all or, after
// an error, none. It leaves out those of whose cause the inbox was told before,
// or of anything later: callers tell each inbox in the order of the log, as
// often as they like. Nothing but the entry itself names its cause, so that the
// inbox cannot be linked to it.
func (c *Commands) Notify(ctx context.Context, first Notify, more ...Notify) (Outcome, error) {
	ctx = WithMeta(ctx, event.Meta{Actor: event.System})
	list := []notification.Telling{first.Telling}
	for _, n := range more {
		list = append(list, n.Telling)
	}
	return change(ctx, c.core, notification.Stream(first.Recipient), notification.New, func(i *notification.Inbox) ([]event.Data, error) {
		return i.Tell(list...)
	})
}

// ReadNotifications says that the one who asks has read all up to a number;
// beyond the newest is the newest, and never back. It answers how far was
// read.
func (c *Commands) ReadNotifications(ctx context.Context, by Actor, number uint64) (uint64, Outcome, error) {
	var read uint64
	out, err := change(ctx, c.core, notification.Stream(by.Account), notification.New, func(i *notification.Inbox) ([]event.Data, error) {
		read = max(i.ReadUpTo(), min(number, i.Newest()))
		return i.Read(number)
	})
	return read, out, err
}

// PostOwner is the account behind a post, anonymous or not, for whoever acts
// on its behalf alone: it must not be shown. uuid.Nil where there is none.
func (c *Commands) PostOwner(ctx context.Context, id uuid.UUID) (uuid.UUID, error) {
	p, err := c.post(ctx, id)
	return p.Owner, err
}

// CommentAuthor is who wrote a comment as everybody is told: a pseudonym where
// that is anonymous. uuid.Nil where there is none.
func (c *Commands) CommentAuthor(ctx context.Context, id uuid.UUID) (uuid.UUID, error) {
	m, err := c.comment(ctx, id)
	return m.Author, err
}

// CommentOwner is PostOwner for a comment.
func (c *Commands) CommentOwner(ctx context.Context, id uuid.UUID) (uuid.UUID, error) {
	m, err := c.comment(ctx, id)
	return m.Owner, err
}
