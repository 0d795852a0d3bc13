package push

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/event"
)

// The types of a room's frames.
const (
	typeMessageSent     = "chat.message_sent.v1"
	typeMessageEdited   = "chat.message_edited.v1"
	typeMessageDeleted  = "chat.message_deleted.v1"
	typeReactionAdded   = "chat.reaction_added.v1"
	typeReactionRemoved = "chat.reaction_removed.v1"
	typeNotice          = "chat.notice.v1"
)

type (
	// messageData is a message, without reactions: those are counts.
	messageData struct {
		Number    uint64    `json:"number"`
		ID        uuid.UUID `json:"id"`
		RoomID    uuid.UUID `json:"roomId"`
		Sender    any       `json:"sender"`
		Text      string    `json:"text"`
		Images    []any     `json:"images"`
		ReplyTo   *uint64   `json:"replyTo"`
		ClientID  *string   `json:"clientId"`
		CreatedAt Time      `json:"createdAt"`
		EditedAt  *Time     `json:"editedAt"`
		Deleted   bool      `json:"deleted"`
	}
	// editData is another text of a message; empty when it was deleted since.
	editData struct {
		Number   uint64 `json:"number"`
		Text     string `json:"text"`
		EditedAt Time   `json:"editedAt"`
	}
	deleteData struct {
		Number uint64 `json:"number"`
	}
	reactionData struct {
		Number  uint64 `json:"number"`
		Kind    string `json:"kind"`
		Account any    `json:"account"`
		On      bool   `json:"on"`
	}
	// noticeData is everything else that happens in a room. The fields after
	// Account belong to some kinds alone.
	noticeData struct {
		Number  uint64    `json:"number"`
		Kind    string    `json:"kind"` // created, joined, left, removed, role, settings
		Account any       `json:"account"`
		By      any       `json:"by,omitempty"`
		Role    chat.Role `json:"role,omitempty"`
		Members []any     `json:"members,omitempty"`
		Name    *string   `json:"name,omitempty"`
		Emoji   *string   `json:"emoji,omitempty"`
		Avatar  *picture  `json:"avatar,omitempty"`
		History *bool     `json:"history,omitempty"`
	}
	// readData is a receipt.
	readData struct {
		Account any    `json:"account"`
		Number  uint64 `json:"number"`
	}
)

// picture is an image that may have been taken away: null.
type picture struct{ image any }

// MarshalJSON writes the image alone.
func (p picture) MarshalJSON() ([]byte, error) { return marshal(p.image) }

// messageOf is the number of the message that an event brings or changes the
// text of, or 0.
func messageOf(e event.Decoded) uint64 {
	switch d := e.Payload.(type) {
	case chat.MessageSent:
		return e.Revision + 1
	case chat.MessageEdited:
		return d.Number
	case chat.MessageRestored:
		return d.Number
	}
	return 0
}

// showRoom is a room's event as its members see it.
func (s *Server) showRoom(ctx context.Context, room uuid.UUID, e event.Decoded, gone map[uint64]bool) (v shown, err error) {
	number := e.Revision + 1
	switch d := e.Payload.(type) {
	case chat.MessageSent:
		v.typ, v.links = typeMessageSent, len(d.Images) > 0
		v.data, err = s.showMessage(ctx, room, e, d, gone[number])
	case chat.MessageEdited:
		edit := editData{Number: d.Number, Text: d.Text, EditedAt: Time(e.Time)}
		if gone[d.Number] {
			edit.Text = ""
		}
		err = s.speak(ctx, d.Mentions, &edit.Text)
		v.typ, v.data = typeMessageEdited, edit
	case chat.MessageRestored: // what it says now, as after an edit
		edit := editData{Number: d.Number, Text: d.Text, EditedAt: Time(e.Time)}
		if gone[d.Number] {
			edit.Text = ""
		}
		err = s.speak(ctx, d.Mentions, &edit.Text)
		v.typ, v.data = typeMessageEdited, edit
	case chat.MessageDeleted:
		v.typ, v.data, v.erases = typeMessageDeleted, deleteData{d.Number}, true
	case chat.ReactionAdded:
		v.typ = typeReactionAdded
		v.data, err = s.showReaction(ctx, d.Number, d.Kind, d.Account, true)
	case chat.ReactionRemoved:
		v.typ = typeReactionRemoved
		v.data, err = s.showReaction(ctx, d.Number, d.Kind, d.Account, false)
	default:
		settings, _ := e.Payload.(chat.SettingsChanged)
		v.typ, v.links = typeNotice, settings.Avatar != nil
		v.data, err = s.showNotice(ctx, number, e)
	}
	return v, err
}

func (s *Server) showMessage(ctx context.Context, room uuid.UUID, e event.Decoded, d chat.MessageSent, gone bool) (messageData, error) {
	m := messageData{
		Number: e.Revision + 1, ID: e.ID, RoomID: room, Text: d.Text, Images: []any{}, CreatedAt: Time(e.Time), Deleted: gone,
	}
	if d.ReplyTo > 0 {
		m.ReplyTo = &d.ReplyTo
	}
	if d.ClientID != "" {
		m.ClientID = &d.ClientID
	}
	var err error
	if m.Sender, err = s.summary(ctx, d.Sender); err != nil {
		return m, err
	}
	if gone {
		m.Text = ""
		return m, nil
	}
	if err = s.speak(ctx, d.Mentions, &m.Text); err != nil {
		return m, err
	}
	m.Images, err = s.images(ctx, d.Images, false)
	return m, err
}

func (s *Server) showReaction(ctx context.Context, number uint64, kind string, account uuid.UUID, on bool) (reactionData, error) {
	who, err := s.summary(ctx, account)
	return reactionData{Number: number, Kind: kind, Account: who, On: on}, err
}

// showNotice shows what is no message. Account is whom it is about: who came,
// went, got a role; or who did it.
func (s *Server) showNotice(ctx context.Context, number uint64, e event.Decoded) (noticeData, error) {
	n := noticeData{Number: number}
	var account, by uuid.UUID
	var err error
	switch d := e.Payload.(type) {
	case chat.RoomCreated:
		n.Kind, account = "created", d.By
		n.Members, err = s.summaries(ctx, d.Members)
	case chat.Joined:
		n.Kind, account, by = "joined", d.Account, d.By
	case chat.Left:
		n.Kind, account = "left", d.Account
	case chat.Removed:
		n.Kind, account, by = "removed", d.Account, d.By
	case chat.RoleChanged:
		n.Kind, account, by, n.Role = "role", d.Account, d.By, d.Role
	case chat.SettingsChanged:
		n.Kind, account, n.Name, n.Emoji, n.History = "settings", d.By, d.Name, d.Emoji, d.History
		if d.Avatar != nil {
			var image any
			image, err = s.picture(ctx, *d.Avatar, false)
			n.Avatar = &picture{image}
		}
	default:
		n.Kind = e.Type // a later release's: it has its number, the rest is its own
	}
	if err == nil {
		n.Account, err = s.summary(ctx, account)
	}
	if err == nil && by != uuid.Nil {
		n.By, err = s.summary(ctx, by)
	}
	return n, err
}
