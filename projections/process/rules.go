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
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/domain/reaction"
	"github.com/parleyhq/parley/domain/report"
	"github.com/parleyhq/parley/readmodels"
)

// rule says who is told what of a type of event. Each person is told once.
type rule struct {
	data   event.Data
	decide func(*Notify, context.Context, event.Decoded) ([]commands.Notify, error)
	crowd  crowd // who else is, of whom there may be very many; nil: nobody
}

// crowd is a page of those who are told besides whom decide names: the ones
// after that account, by id, and the last one looked at, none at the end.
type crowd func(n *Notify, ctx context.Context, e event.Decoded, after uuid.UUID) (page []commands.Notify, last uuid.UUID, err error)

// rules are who is told of what.
func rules() []rule {
	return []rule{
		{post.Published{}, (*Notify).published, nil},
		{comment.Published{}, (*Notify).commented, (*Notify).postFollowers},
		{reaction.Added{}, (*Notify).reacted, nil},
		{follow.Started{}, (*Notify).followed, nil},
		{follow.Requested{}, (*Notify).requested, nil},
		{chat.MessageSent{}, (*Notify).messaged, nil},
		{report.Decided{}, (*Notify).decided, nil},
		{ops.EpochBegun{}, (*Notify).epochBegun, nil},
	}
}

// epochBegun tells nobody: positions from here on are of another epoch.
func (n *Notify) epochBegun(ctx context.Context, _ event.Decoded) ([]commands.Notify, error) {
	var err error
	n.epochs, err = loadEpochs(ctx, n.cfg.Store)
	return nil, err
}

// published tells whom the post mentions.
func (n *Notify) published(ctx context.Context, e event.Decoded) ([]commands.Notify, error) {
	d := e.Payload.(post.Published)
	id, err := uuid.Parse(event.StreamID(e.Stream))
	if err != nil || len(d.Mentions) == 0 {
		return nil, err
	}
	actor, behind := d.Author, d.Author
	if d.Anonymous {
		actor, behind = uuid.Nil, d.HiddenAuthor
	}
	entry := notification.Notified{Kind: notification.Mention, Actor: actor, Subject: notification.Subject{Type: "post", ID: id}}
	return n.to(ctx, entry, behind, d.Mentions...)
}

// commented tells whom the comment mentions, then the author of the post and
// of the comment that was answered: the first of it that one is, and nobody who
// does not see the post any more. postFollowers tells the rest.
func (n *Notify) commented(ctx context.Context, e event.Decoded) ([]commands.Notify, error) {
	d := e.Payload.(comment.Published)
	id, err := uuid.Parse(event.StreamID(e.Stream))
	if err != nil {
		return nil, err
	}
	owner, err := n.cfg.Commands.PostOwner(ctx, d.Post)
	if err != nil {
		return nil, err
	}
	named := slices.Clone(d.Mentions)
	if d.Parent != uuid.Nil {
		parent, err := n.cfg.Commands.CommentOwner(ctx, d.Parent)
		if err != nil {
			return nil, err
		}
		named = append(named, parent)
	}
	if named, err = n.seeing(ctx, d.Post, named...); err != nil {
		return nil, err
	}
	readers := []uuid.UUID{owner}
	var mentioned []uuid.UUID
	for _, reader := range named {
		if slices.Contains(d.Mentions, reader) {
			mentioned = append(mentioned, reader)
		} else {
			readers = append(readers, reader)
		}
	}
	actor, behind := commenter(d)
	of := notification.Subject{Type: "comment", ID: id}
	notes, err := n.to(ctx, notification.Notified{Kind: notification.CommentMention, Actor: actor, Subject: of}, behind, mentioned...)
	if err != nil {
		return nil, err
	}
	readers = slices.DeleteFunc(readers, func(id uuid.UUID) bool { return slices.Contains(mentioned, id) })
	replies, err := n.to(ctx, notification.Notified{Kind: notification.Reply, Actor: actor, Subject: of}, behind, readers...)
	return append(notes, replies...), err
}

// seeing are those of some accounts whom no block keeps from a post.
func (n *Notify) seeing(ctx context.Context, post uuid.UUID, accounts ...uuid.UUID) (seeing []uuid.UUID, err error) {
	if len(accounts) == 0 {
		return nil, nil
	}
	err = n.cfg.Reads.Read(ctx, func(r readmodels.Reader) (err error) {
		seeing, err = readmodels.WhoSeePost(ctx, r, post, accounts)
		return err
	})
	return seeing, err
}

// postFollowers tells who followed the post before it was commented.
func (n *Notify) postFollowers(ctx context.Context, e event.Decoded, after uuid.UUID) (page []commands.Notify, last uuid.UUID, err error) {
	d := e.Payload.(comment.Published)
	var followers []uuid.UUID
	err = n.cfg.Reads.Read(ctx, func(r readmodels.Reader) (err error) {
		followers, err = readmodels.PostFollowers(ctx, r, d.Post, e.Position, after, n.cfg.Crowd)
		return err
	})
	if err != nil || len(followers) == 0 {
		return nil, uuid.Nil, err
	}
	actor, behind := commenter(d)
	entry := notification.Notified{Kind: notification.FollowedPost, Actor: actor, Subject: notification.Subject{Type: "post", ID: d.Post}}
	page, err = n.to(ctx, entry, behind, followers...)
	return page, followers[len(followers)-1], err
}

// commenter is whom a comment names and who is behind it. An anonymous author
// is nobody to those who are told, so blocks and mutes do not keep what it
// wrote from anyone: that would tell who it is.
func commenter(d comment.Published) (actor, behind uuid.UUID) {
	if d.Anonymous {
		return uuid.Nil, d.HiddenAuthor
	}
	return d.Author, d.Author
}

// reacted tells whose it is; a comment's author only while they see the post.
func (n *Notify) reacted(ctx context.Context, e event.Decoded) ([]commands.Notify, error) {
	d := e.Payload.(reaction.Added)
	actor, behind := d.Account, d.Account
	if d.HiddenAccount != uuid.Nil {
		actor, behind = uuid.Nil, d.HiddenAccount
	}
	entry := notification.Notified{Kind: notification.PostReaction, Actor: actor, Subject: notification.Subject{Type: "post", ID: d.Subject}}
	if d.SubjectType == reaction.Post {
		owner, err := n.cfg.Commands.PostOwner(ctx, d.Subject)
		if err != nil {
			return nil, err
		}
		return n.to(ctx, entry, behind, owner)
	}
	entry.Kind, entry.Subject.Type = notification.CommentReaction, "comment"
	owner, err := n.cfg.Commands.CommentOwner(ctx, d.Subject)
	if err != nil || owner == behind {
		return nil, err
	}
	readers, err := n.seeing(ctx, d.Post, owner)
	if err != nil {
		return nil, err
	}
	return n.to(ctx, entry, behind, readers...)
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

// decided tells the person that a decision is about, where something was done
// to them or taken back. Nobody is named: neither who decided nor who reported.
func (n *Notify) decided(ctx context.Context, e event.Decoded) ([]commands.Notify, error) {
	d := e.Payload.(report.Decided)
	if d.Action == report.None && (d.Former == "" || d.Former == report.None) {
		return nil, nil
	}
	id, err := uuid.Parse(event.StreamID(e.Stream))
	if err != nil {
		return nil, err
	}
	reader, err := n.cfg.Commands.ReportedAccount(ctx, id)
	if err != nil {
		return nil, err
	}
	return n.to(ctx, notification.Notified{Kind: notification.Moderation, Subject: notification.Subject{Type: "report", ID: id}}, d.By, reader)
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
			notes = append(notes, commands.Notify{Recipient: reader, Telling: notification.Telling{Entry: entry}})
		}
	}
	return notes, nil
}
