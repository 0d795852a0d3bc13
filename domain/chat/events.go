package chat

import (
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// The events of a room, in its stream chat-<room>.
type (
	// RoomCreated begins a room. Members are all who are in it from the
	// start, By among them: a group's owner.
	RoomCreated struct {
		Kind    Kind        `json:"kind"`
		By      uuid.UUID   `json:"by"`
		Name    string      `json:"name,omitzero" seal:"community"`
		Avatar  uuid.UUID   `json:"avatar,omitzero" seal:"community"`
		Emoji   string      `json:"emoji,omitzero" seal:"community"`
		Members []uuid.UUID `json:"members"`
		History bool        `json:"history"` // newcomers see what came before them
	}
	// SettingsChanged says what changed; nil fields did not. An Avatar of
	// uuid.Nil, an empty Name or Emoji was taken away.
	SettingsChanged struct {
		By      uuid.UUID  `json:"by"`
		Name    *string    `json:"name,omitzero" seal:"community"`
		Avatar  *uuid.UUID `json:"avatar,omitzero" seal:"community"`
		Emoji   *string    `json:"emoji,omitzero" seal:"community"`
		History *bool      `json:"history,omitzero"`
	}
	// Joined says that someone came later, as a plain member.
	Joined struct {
		Account uuid.UUID `json:"account"`
		By      uuid.UUID `json:"by,omitzero"`     // who invited
		Invite  string    `json:"invite,omitzero"` // id of the invite's stream
	}
	// Left says that a member went.
	Left struct {
		Account uuid.UUID `json:"account"`
	}
	// Removed says that By sent a member away.
	Removed struct {
		Account uuid.UUID `json:"account"`
		By      uuid.UUID `json:"by"`
	}
	// RoleChanged gives a member a role. A transfer is two of them: the new
	// owner first, then the old one.
	RoleChanged struct {
		Account uuid.UUID `json:"account"`
		Role    Role      `json:"role"`
		By      uuid.UUID `json:"by"`
	}
	// MessageSent is a message; its id is the event's. In its text, ids stand
	// for the handles of those it mentions (see text.Quote).
	MessageSent struct {
		Sender   uuid.UUID   `json:"sender"`
		Text     string      `json:"text" seal:"personal,Sender"`
		Mentions []uuid.UUID `json:"mentions,omitzero"`
		Images   []uuid.UUID `json:"images,omitzero"`
		ReplyTo  uint64      `json:"replyTo,omitzero"`
		ClientID string      `json:"clientId,omitzero" seal:"personal,Sender"` // a client may name a device or a person in it
	}
	// MessageEdited gives the message of that number another text.
	MessageEdited struct {
		Sender   uuid.UUID   `json:"sender"`
		Number   uint64      `json:"number"`
		Text     string      `json:"text" seal:"personal,Sender"`
		Mentions []uuid.UUID `json:"mentions,omitzero"`
	}
	// MessageDeleted empties the message of that number.
	MessageDeleted struct {
		By     uuid.UUID `json:"by"`
		Number uint64    `json:"number"`
	}
	// MessageRestored takes a delete back: the message says again what it said
	// last, without the reactions that it had.
	MessageRestored struct {
		By       uuid.UUID   `json:"by"`
		Number   uint64      `json:"number"`
		Sender   uuid.UUID   `json:"sender"`
		Text     string      `json:"text" seal:"personal,Sender"`
		Mentions []uuid.UUID `json:"mentions,omitzero"`
		Images   []uuid.UUID `json:"images,omitzero"`
	}
	// ReactionAdded puts a reaction on the message of that number.
	ReactionAdded struct {
		Account uuid.UUID `json:"account"`
		Number  uint64    `json:"number"`
		Kind    string    `json:"kind"`
	}
	// ReactionRemoved takes it back.
	ReactionRemoved struct {
		Account uuid.UUID `json:"account"`
		Number  uint64    `json:"number"`
		Kind    string    `json:"kind"`
	}
)

// Read is the event of a member's stream receipt-<room>.<account>: read up to
// that number, which only rises.
type Read struct {
	Room    uuid.UUID `json:"room"`
	Account uuid.UUID `json:"account"`
	Number  uint64    `json:"number"`
}

// Events are the rows of the catalogue. The root of each is its room.
var Events = []event.Definition{
	event.Of[RoomCreated]("chat.room_created.v1", event.Chat, nil),
	event.Of[SettingsChanged]("chat.settings_changed.v1", event.Chat, nil),
	event.Of[Joined]("chat.joined.v1", event.Chat, nil),
	event.Of[Left]("chat.left.v1", event.Chat, nil),
	event.Of[Removed]("chat.removed.v1", event.Chat, nil),
	event.Of[RoleChanged]("chat.role_changed.v1", event.Chat, nil),
	event.Of[MessageSent]("chat.message_sent.v1", event.Chat, nil),
	event.Of[MessageEdited]("chat.message_edited.v1", event.Chat, nil),
	event.Of[MessageDeleted]("chat.message_deleted.v1", event.Chat, nil),
	event.Of[MessageRestored]("chat.message_restored.v1", event.Chat, nil),
	event.Of[ReactionAdded]("chat.reaction_added.v1", event.Chat, nil),
	event.Of[ReactionRemoved]("chat.reaction_removed.v1", event.Chat, nil),
	event.Of("receipt.read.v1", event.Chat, func(r Read) string { return r.Room.String() }),
}

// Stream is the name of a room's stream.
func Stream(room uuid.UUID) string { return event.StreamName("chat", room.String()) }

// ReceiptStream is the name of a member's stream of receipts.
func ReceiptStream(room, account uuid.UUID) string {
	return event.StreamName("receipt", room.String()+"."+account.String())
}

// DirectID is the id of the one direct room of two people: a version 8 UUID
// of the first 16 bytes of sum, a keyed hash over DirectPair.
func DirectID(sum []byte) uuid.UUID {
	var id uuid.UUID
	copy(id[:], sum)
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}

// DirectPair is the text that is hashed for DirectID: the same, whoever of
// the two comes first.
func DirectPair(a, b uuid.UUID) []byte {
	x, y := a.String(), b.String()
	if y < x {
		x, y = y, x
	}
	return []byte("direct\x00" + x + "." + y)
}
