package process

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/comment"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/follow"
	"github.com/parleyhq/parley/domain/notification"
	"github.com/parleyhq/parley/domain/ops"
	"github.com/parleyhq/parley/domain/reaction"
	"github.com/parleyhq/parley/readmodels"
)

// rule says who is told what of a type of event. Each person is told once.
type rule struct {
	data   event.Data
	decide func(*Notify, context.Context, event.Decoded) ([]commands.Notify, error)
}

// rules are who is told of what.
func rules() []rule {
	return []rule{
		{comment.Published{}, (*Notify).commented},
		{reaction.Added{}, (*Notify).reacted},
		{follow.Started{}, (*Notify).followed},
		{follow.Requested{}, (*Notify).requested},
		{chat.MessageSent{}, (*Notify).messaged},
		{ops.EpochBegun{}, (*Notify).epochBegun},
	}
}

// epochBegun tells nobody: positions from here on are of another epoch.
func (n *Notify) epochBegun(ctx context.Context, _ event.Decoded) ([]commands.Notify, error) {
	var err error
	n.epochs, err = loadEpochs(ctx, n.cfg.Store)
	return nil, err
}

// commented tells the author of the post and of the comment that was answered,
// and who follows the post, once each. An anonymous author is nobody to them,
// so blocks and mutes do not keep what it wrote from anyone: that would tell
// who it is.
func (n *Notify) commented(ctx context.Context, e event.Decoded) ([]commands.Notify, error) {
	d := e.Payload.(comment.Published)
	id, err := uuid.Parse(event.StreamID(e.Stream))
	if err != nil {
		return nil, err
	}
	post, err := n.cfg.Commands.PostOwner(ctx, d.Post)
	if err != nil {
		return nil, err
	}
	readers := []uuid.UUID{post}
	if d.Parent != uuid.Nil {
		parent, err := n.cfg.Commands.CommentOwner(ctx, d.Parent)
		if err != nil {
			return nil, err
		}
		readers = append(readers, parent)
	}
	actor, behind := d.Author, d.Author
	if d.Anonymous {
		actor, behind = uuid.Nil, d.HiddenAuthor
	}
	entry := notification.Notified{Kind: notification.Reply, Actor: actor, Subject: notification.Subject{Type: "comment", ID: id}}
	notes, err := n.to(ctx, entry, behind, readers...)
	if err != nil {
		return nil, err
	}
	followers, err := n.followers(ctx, e.Position, d.Post, readers)
	if err != nil || len(followers) == 0 {
		return notes, err
	}
	entry.Kind, entry.Subject = notification.FollowedPost, notification.Subject{Type: "post", ID: d.Post}
	more, err := n.to(ctx, entry, behind, followers...)
	return append(notes, more...), err
}

// followers are who followed a post before an event of that position and sees
// it, but for those who are told of the event otherwise.
func (n *Notify) followers(ctx context.Context, position uint64, post uuid.UUID, told []uuid.UUID) (found []uuid.UUID, err error) {
	err = n.cfg.Reads.Read(ctx, func(r readmodels.Reader) error {
		found, err = readmodels.PostFollowers(ctx, r, post, position)
		return err
	})
	return slices.DeleteFunc(found, func(id uuid.UUID) bool { return slices.Contains(told, id) }), err
}

func (n *Notify) reacted(ctx context.Context, e event.Decoded) ([]commands.Notify, error) {
	d := e.Payload.(reaction.Added)
	entry := notification.Notified{Kind: notification.PostReaction, Actor: d.Account, Subject: notification.Subject{Type: "post", ID: d.Subject}}
	owner := n.cfg.Commands.PostOwner
	if d.SubjectType == reaction.Comment {
		entry.Kind, entry.Subject.Type, owner = notification.CommentReaction, "comment", n.cfg.Commands.CommentOwner
	}
	reader, err := owner(ctx, d.Subject)
	if err != nil {
		return nil, err
	}
	return n.to(ctx, entry, d.Account, reader)
}

func (n *Notify) followed(ctx context.Context, e event.Decoded) ([]commands.Notify, error) {
	d := e.Payload.(follow.Started)
	if e.Meta().Actor == d.Followee.String() { // who granted a request knows of it
		return nil, nil
	}
	entry := notification.Notified{Kind: notification.Follow, Actor: d.Follower, Subject: notification.Subject{Type: "account", ID: d.Follower}}
	return n.to(ctx, entry, d.Follower, d.Followee)
}

func (n *Notify) requested(ctx context.Context, e event.Decoded) ([]commands.Notify, error) {
	d := e.Payload.(follow.Requested)
	entry := notification.Notified{Kind: notification.FollowRequest, Actor: d.Follower, Subject: notification.Subject{Type: "account", ID: d.Follower}}
	return n.to(ctx, entry, d.Follower, d.Followee)
}

// messaged tells those in the room who have read it up to what they were last
// told of.
func (n *Notify) messaged(ctx context.Context, e event.Decoded) ([]commands.Notify, error) {
	d := e.Payload.(chat.MessageSent)
	room, err := uuid.Parse(event.StreamID(e.Stream))
	if err != nil {
		return nil, err
	}
	number := e.Revision + 1
	var members []readmodels.ToTell
	err = n.cfg.Reads.Read(ctx, func(r readmodels.Reader) error {
		members, err = readmodels.RoomToTell(ctx, r, readmodels.MessageKey{Room: room, Number: number}, d.Sender, e.Position)
		return err
	})
	if err != nil || len(members) == 0 {
		return nil, err
	}
	read := make(map[uuid.UUID]uint64, len(members))
	readers := make([]uuid.UUID, len(members))
	for i, m := range members {
		readers[i], read[m.Account] = m.Account, m.ReadUpTo
	}
	entry := notification.Notified{
		Kind: notification.Chat, Actor: d.Sender, Message: number, Subject: notification.Subject{Type: "room", ID: room},
	}
	notes, err := n.to(ctx, entry, d.Sender, readers...)
	for i := range notes {
		notes[i].RoomRead = read[notes[i].Recipient]
	}
	return notes, err
}

// to addresses an entry to readers: each once, never to behind, who did it
// themselves, and, unless its actor is anonymous, not across a block and not
// to those who mute the actor.
func (n *Notify) to(ctx context.Context, entry notification.Notified, behind uuid.UUID, readers ...uuid.UUID) ([]commands.Notify, error) {
	deaf := map[uuid.UUID]bool{uuid.Nil: true, behind: true}
	if entry.Actor != uuid.Nil {
		err := n.cfg.Reads.Read(ctx, func(r readmodels.Reader) error {
			silenced, err := readmodels.Silenced(ctx, r, entry.Actor, readers...)
			for _, reader := range silenced {
				deaf[reader] = true
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	var notes []commands.Notify
	for _, reader := range readers {
		if !deaf[reader] {
			deaf[reader] = true
			notes = append(notes, commands.Notify{Recipient: reader, Entry: entry})
		}
	}
	return notes, nil
}
