package commands

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/comment"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/image"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/domain/report"
	"github.com/parleyhq/parley/domain/text"
)

// reportable is what by may report.
type reportable struct {
	made report.Made // without who, what and why
	late error       // what is wrong with it, told after what is wrong with the fields
}

// reportable looks for what is to be reported, and puts its id in the form
// that it has in events.
// Errors: not found for what is hidden from by; account.self; the field.
func (c *Commands) reportable(ctx context.Context, by Actor, in *MakeReport) (reportable, error) {
	s := &in.Subject
	if s.Type == report.Hashtag {
		tag, ok := text.FoldHashtag(strings.TrimPrefix(text.Fold(s.ID), "#"))
		if !ok {
			return reportable{}, fault.ErrNotFound
		}
		s.ID = tag
		return reportable{}, nil
	}
	id, err := uuid.Parse(s.ID)
	if err != nil {
		return reportable{}, fault.ErrInvalid.With(fault.Field("subject.id", "not an id"))
	}
	s.ID = id.String()
	var found reportable
	var owner uuid.UUID
	switch s.Type {
	case report.Post:
		found, owner, err = c.reportablePost(ctx, by, id)
	case report.Comment:
		found, owner, err = c.reportableComment(ctx, by, id)
	case report.Message:
		found, owner, err = c.reportableMessage(ctx, by, id, in.Room, in.Number)
	case report.Account:
		found.made.Author, owner = id, id
		err = c.knows(ctx, by, id)
	case report.Board:
		err = c.SeesBoard(ctx, id)
	default:
		err = fault.ErrInvalid.With(fault.Field("subject.type", "unknown"))
	}
	if err == nil && owner == by.Account {
		err = account.ErrSelf
	}
	return found, err
}

func (c *Commands) reportablePost(ctx context.Context, by Actor, id uuid.UUID) (found reportable, owner uuid.UUID, err error) {
	p, err := c.visiblePost(ctx, by, id)
	found.made.Post, found.made.Author = id, p.Author
	if p.State == post.Tombstone {
		found.late = post.ErrDeleted
	}
	return found, p.Owner, err
}

func (c *Commands) reportableComment(ctx context.Context, by Actor, id uuid.UUID) (found reportable, owner uuid.UUID, err error) {
	m, _, err := c.visibleComment(ctx, by, id)
	found.made.Post, found.made.Author = m.Post, m.Author
	if m.Deleted {
		found.late = comment.ErrDeleted
	}
	return found, m.Owner, err
}

// knows is nil where account is there for by: also for who has blocked it.
func (c *Commands) knows(ctx context.Context, by Actor, id uuid.UUID) error {
	there, err := c.member(ctx, id)
	if err == nil && there {
		var blocked bool
		if blocked, err = c.stands(ctx, "block", id, by.Account); !blocked {
			return err
		}
	}
	return orNotFound(err)
}

// reportableMessage is a message that by can read in its room, with what it
// says.
func (c *Commands) reportableMessage(ctx context.Context, by Actor, id, room uuid.UUID, number uint64) (found reportable, owner uuid.UUID, err error) {
	first, member, err := c.RoomMember(ctx, room, by.Account)
	if err != nil || !member || number < first {
		return found, uuid.Nil, orNotFound(err)
	}
	var version uint64
	err = view(ctx, c.core, chat.Stream(room), c.newRoom, func(r *chat.Room) error {
		owner, version = r.Sender(number), r.MessageVersion(number)
		if owner == uuid.Nil || r.Deleted(number) {
			return fault.ErrNotFound
		}
		return nil
	})
	if err != nil {
		return found, owner, err
	}
	found.made.Room, found.made.Number, found.made.Author = room, number, owner
	found.made.Copy, err = c.messageCopy(ctx, room, id, number, version)
	return found, owner, err
}

// messageCopy is what a message says: it was sent with the event of its
// number, and version is the number of the newest event that changed it. One of
// an erased sender says nothing. Errors: not found where it has another id.
func (c *Commands) messageCopy(ctx context.Context, room, id uuid.UUID, number, version uint64) (report.Copy, error) {
	e, err := c.roomEvent(ctx, room, number)
	sent, ok := e.Payload.(chat.MessageSent)
	if err != nil || !ok || e.ID != id {
		return report.Copy{}, orNotFound(err)
	}
	if e.Erased {
		return report.Copy{}, nil
	}
	said := report.Copy{Text: sent.Text, Mentions: sent.Mentions, Images: sent.Images, SentAt: e.Time}
	if version == number {
		return said, nil
	}
	if e, err = c.roomEvent(ctx, room, version); err != nil {
		return report.Copy{}, err
	}
	switch d := e.Payload.(type) {
	case chat.MessageEdited:
		said.Text, said.Mentions, said.EditedAt = d.Text, d.Mentions, e.Time
	case chat.MessageRestored:
		said.Text, said.Mentions, said.Images = d.Text, d.Mentions, d.Images
	}
	return said, nil
}

// roomEvent reads one event of a room from the log.
func (c *Commands) roomEvent(ctx context.Context, room uuid.UUID, number uint64) (event.Decoded, error) {
	for rec, err := range c.store.Stream(ctx, chat.Stream(room), number-1, event.Forward) {
		var d event.Decoded
		if err == nil {
			d, err = c.codec.Decode(ctx, rec)
		}
		if err != nil {
			return d, unavailable(fmt.Errorf("load a message: %w", err))
		}
		return d, nil
	}
	return event.Decoded{}, fault.ErrNotFound
}

// keepImages notes that a report is about to name the pictures of a message:
// they stay when the message goes.
func (c *Commands) keepImages(ctx context.Context, ids []uuid.UUID) error {
	for _, id := range ids {
		_, err := change(ctx, c.core, image.Stream(id), image.New, func(i *image.Image) ([]event.Data, error) {
			if !i.There() {
				return nil, nil
			}
			return i.Use(image.Used{}, c.now(), c.cfg.Images.Keep/2), nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
