package commands

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/image"
	"github.com/parleyhq/parley/domain/reaction"
	"github.com/parleyhq/parley/domain/text"
)

// maxClientID bounds a client id, in characters.
const maxClientID = 64

// SendMessage asks for a message. ReplyTo 0 is none.
type SendMessage struct {
	Room     uuid.UUID
	Text     string
	Images   []uuid.UUID
	ReplyTo  uint64
	ClientID string
}

// MessageSent says where a message landed. Resent is set where the sender had
// sent that client id before: Number is the first one's, ID and At are empty.
type MessageSent struct {
	Number   uint64
	ID       uuid.UUID
	At       time.Time
	Resent   bool
	Position uint64
}

// SendMessage sends a message. It is one durable append, and one for each
// picture; everything else that it looks at is in memory. Errors: 404 for whom the room is not, and in a
// direct room across a block; 422.
func (c *Commands) SendMessage(ctx context.Context, by Actor, in SendMessage) (MessageSent, error) {
	if err := c.MaySend(ctx, by, in.Room); err != nil {
		return MessageSent{}, err
	}
	if err := c.checkMessage(ctx, by, in); err != nil {
		return MessageSent{}, err
	}
	e := chat.MessageSent{Sender: by.Account, Images: in.Images, ReplyTo: in.ReplyTo, ClientID: in.ClientID}
	var err error
	if e.Text, e.Mentions, err = c.quoted(ctx, in.Text); err != nil {
		return MessageSent{}, err
	}
	var first uint64
	out, err := change(ctx, c.core, chat.Stream(in.Room), c.newRoom, func(r *chat.Room) (events []event.Data, err error) {
		events, first, err = r.Send(e)
		return events, err
	})
	switch {
	case err != nil:
		return MessageSent{}, err
	case !out.Changed:
		return MessageSent{Number: first, Resent: true, Position: out.Position}, nil
	}
	return MessageSent{Number: out.Revision + 1, ID: out.ID, At: out.At, Position: out.Position}, nil
}

// MaySend says whether by may say something in the room: is in it, and no block
// stands between the two of a direct one. An edit, a reaction and a new name
// say something too. Errors: 404.
func (c *Commands) MaySend(ctx context.Context, by Actor, room uuid.UUID) error {
	r, err := c.room(ctx, room)
	if err != nil {
		return err
	}
	if _, ok := r.Member(by.Account); !ok {
		return fault.ErrNotFound
	}
	other := r.Other(by.Account)
	if other == uuid.Nil {
		return nil
	}
	apart, err := c.apart(ctx, by.Account, other)
	if err == nil && apart {
		err = fault.ErrNotFound
	}
	return err
}

func (c *Commands) checkMessage(ctx context.Context, by Actor, in SendMessage) error {
	var check text.Check
	check.Block("text", in.Text, c.cfg.Chat.MessageMax)
	if len(in.Images) == 0 {
		check.Need("text", in.Text)
	}
	if len(in.Images) > c.cfg.Chat.MessageImages {
		check.Add("images", "too many")
	}
	check.Line("clientId", in.ClientID, maxClientID)
	if err := check.Err(); err != nil {
		return err
	}
	return c.nameImages(ctx, by, "images", namedFor(image.Message), in.Images...)
}

// quoted is a text as events hold it, and the accounts that it mentions.
func (c *Commands) quoted(ctx context.Context, body string) (string, []uuid.UUID, error) {
	if !strings.ContainsAny(body, "@＠") {
		return body, nil, nil
	}
	tokens := text.Tokens(body)
	accounts := map[string]uuid.UUID{}
	var mentions []uuid.UUID
	for _, t := range tokens {
		if _, looked := accounts[t.Name]; looked || t.Kind != text.Mention || len(accounts) == text.MaxMentions {
			continue
		}
		id, err := c.accountByHandle(ctx, t.Name)
		if err != nil {
			return "", nil, err
		}
		if accounts[t.Name] = id; id != uuid.Nil {
			mentions = append(mentions, id)
		}
	}
	maps.DeleteFunc(accounts, func(_ string, id uuid.UUID) bool { return id == uuid.Nil })
	return text.Quote(body, tokens, accounts), mentions, nil
}

// EditMessage asks for another text. Match is as a Match, for the version of a
// message: the number of the newest event that changed it.
type EditMessage struct {
	Room   uuid.UUID
	Number uint64
	Text   string
	Match  func(version uint64) error
}

// MayEditMessage says whether by may edit a message. Errors: 404, 403.
func (c *Commands) MayEditMessage(ctx context.Context, by Actor, room uuid.UUID, number uint64) error {
	if err := c.MaySend(ctx, by, room); err != nil {
		return err
	}
	return view(ctx, c.core, chat.Stream(room), c.newRoom, func(r *chat.Room) error {
		_, err := r.Edit(chat.MessageEdited{Sender: by.Account, Number: number})
		return err
	})
}

// EditMessage gives a message another text; its sender alone may. Errors: 404,
// 403, 422, Match's.
func (c *Commands) EditMessage(ctx context.Context, by Actor, in EditMessage) (Outcome, error) {
	if err := c.MayEditMessage(ctx, by, in.Room, in.Number); err != nil {
		return Outcome{}, err
	}
	var check text.Check
	check.Block("text", in.Text, c.cfg.Chat.MessageMax)
	check.Need("text", in.Text)
	if err := check.Err(); err != nil {
		return Outcome{}, err
	}
	e := chat.MessageEdited{Sender: by.Account, Number: in.Number}
	var err error
	if e.Text, e.Mentions, err = c.quoted(ctx, in.Text); err != nil {
		return Outcome{}, err
	}
	return change(ctx, c.core, chat.Stream(in.Room), c.newRoom, func(r *chat.Room) ([]event.Data, error) {
		if in.Match != nil {
			if err := in.Match(r.MessageVersion(in.Number)); err != nil {
				return nil, err
			}
		}
		return r.Edit(e)
	})
}

// MayDeleteMessage is nil for the sender and for who leads the room.
// Errors: not found, forbidden.
func (c *Commands) MayDeleteMessage(ctx context.Context, by Actor, room uuid.UUID, number uint64) error {
	return view(ctx, c.core, chat.Stream(room), c.newRoom, func(r *chat.Room) error {
		_, err := r.Delete(by.Account, number)
		return err
	})
}

// DeleteMessage empties a message; its sender may, and who leads the room.
// match is as that of EditMessage. Errors: 404, 403, match's.
func (c *Commands) DeleteMessage(ctx context.Context, by Actor, room uuid.UUID, number uint64, match func(version uint64) error) (Outcome, error) {
	return change(ctx, c.core, chat.Stream(room), c.newRoom, func(r *chat.Room) ([]event.Data, error) {
		events, err := r.Delete(by.Account, number)
		if err == nil && match != nil {
			err = match(r.MessageVersion(number))
		}
		if err != nil {
			return nil, err
		}
		return events, nil
	})
}

// ReactToMessage puts a reaction on a message, or takes it back. Errors: 404,
// 422 reaction.unknown.
func (c *Commands) ReactToMessage(ctx context.Context, by Actor, room uuid.UUID, number uint64, kind string, on bool) (Outcome, error) {
	known := slices.Contains(c.cfg.Reactions, kind)
	if on {
		if err := c.MaySend(ctx, by, room); err != nil {
			return Outcome{}, err
		}
	}
	return change(ctx, c.core, chat.Stream(room), c.newRoom, func(r *chat.Room) ([]event.Data, error) {
		events, err := r.React(by.Account, number, kind, on)
		if err == nil && !known {
			return nil, reaction.ErrUnknown
		}
		return events, err
	})
}

// Spoken is a text of an event as people read it: with the handles that those
// it mentions have now, from memory. Whoever is gone is text.Nobody.
func (c *Commands) Spoken(ctx context.Context, body string, mentions []uuid.UUID) (string, error) {
	if len(mentions) == 0 || body == "" {
		return body, nil
	}
	handles := make(map[uuid.UUID]string, len(mentions))
	for _, id := range mentions {
		err := c.account(ctx, id, func(a *account.Account) error {
			if a.Exists() {
				handles[id] = a.Handle
			}
			return nil
		})
		if err != nil {
			return "", err
		}
	}
	return text.Unquote(body, mentions, func(id uuid.UUID) string { return handles[id] }), nil
}
