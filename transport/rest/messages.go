package rest

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/reaction"
	"github.com/parleyhq/parley/readmodels"
)

func (s *Server) messages() {
	absent := []*fault.Fault{fault.ErrNotFound}
	const path = "/v1/rooms/{id}/messages"
	route(s, Op{
		Method: http.MethodGet, Path: path, ID: "listMessages", Tag: "Messages", Errors: absent,
		Summary: "A page of a room's history, rising by number: the newest, or before, after or around a number",
	}, s.mayReadMessages, s.listMessages)
	route(s, Op{
		Method: http.MethodPost, Path: path, ID: "sendMessage", Summary: "Send a message; a resend of a client id answers the first one (200)", Tag: "Messages",
		Status: http.StatusCreated, Found: true, Waits: NoWait, Errors: append([]*fault.Fault{commands.ErrImageUnknown}, absent...),
	}, s.maySend, s.sendMessage)
	route(s, Op{
		Method: http.MethodPatch, Path: path + "/{number}", ID: "editMessage", Summary: "Edit one's message", Tag: "Messages",
		Errors: append([]*fault.Fault{fault.ErrForbidden, commands.ErrChanged}, absent...),
	}, s.mayEditMessage, s.editMessage)
	route(s, Op{
		Method: http.MethodDelete, Path: path + "/{number}", ID: "deleteMessage", Summary: "Delete a message; it keeps its place, empty", Tag: "Messages",
		Errors: append([]*fault.Fault{fault.ErrForbidden, commands.ErrChanged}, absent...),
	}, s.mayDeleteMessage, s.deleteMessage)
	reactions := append([]*fault.Fault{reaction.ErrUnknown}, absent...)
	route(s, Op{
		Method: http.MethodPut, Path: path + "/{number}/reactions/{kind}", ID: "reactToMessage", Summary: "React to a message", Tag: "Messages", Errors: reactions,
	}, s.mayReact, s.messageReaction(true))
	route(s, Op{
		Method: http.MethodDelete, Path: path + "/{number}/reactions/{kind}", ID: "unreactToMessage", Summary: "Take a reaction back", Tag: "Messages", Errors: reactions,
	}, s.mayReact, s.messageReaction(false))
}

// Message is a message. A deleted one keeps its place, its sender and its
// times.
type Message struct {
	Number    uint64         `json:"number" doc:"its place in the room's conversation"`
	ID        uuid.UUID      `json:"id"`
	RoomID    uuid.UUID      `json:"roomId"`
	Sender    *Summary       `json:"sender"`
	Text      string         `json:"text"`
	Images    []Image        `json:"images"`
	ReplyTo   *uint64        `json:"replyTo" doc:"number of the message that it answers"`
	ClientID  *string        `json:"clientId"`
	CreatedAt Time           `json:"createdAt"`
	EditedAt  *Time          `json:"editedAt"`
	Deleted   bool           `json:"deleted"`
	Reactions map[string]int `json:"reactions" doc:"how many, by kind"`
}

func showMessage(m readmodels.Message, people summaries) Message {
	out := Message{
		Number: m.Number, ID: m.ID, RoomID: m.Room, Sender: people.of(m.Sender), Text: m.Text, Images: imagesOf(m.Images, false),
		ClientID: orNull(m.ClientID), CreatedAt: At(m.CreatedAt), EditedAt: AtOrNull(m.EditedAt), Deleted: m.Deleted,
		Reactions: m.Reactions,
	}
	if m.ReplyTo > 0 {
		out.ReplyTo = &m.ReplyTo
	}
	if out.Reactions == nil {
		out.Reactions = map[string]int{}
	}
	return out
}

// messageTag is a message's entity tag: the number of the newest event that
// changed it.
func messageTag(version uint64) string { return strconv.FormatUint(version, 10) }

type history struct {
	roomPath
	Page
	Before *uint64 `query:"before" minimum:"1" doc:"those before this number"`
	After  *uint64 `query:"after" doc:"those after this number"`
	Around *uint64 `query:"around" minimum:"1" doc:"this number and those about it"`
}

// historyKey is where a page goes on: before the first number of one that
// walks back, after the last of one that walks on.
type historyKey struct {
	Before uint64 `json:"b,omitempty"`
	After  uint64 `json:"a,omitempty"`
}

func (s *Server) mayReadMessages(ctx context.Context, c *Call, p history) error {
	return s.mayEnter(ctx, c, p.roomPath)
}

// wanted is the page that the query asks for.
func (p history) wanted(c *Call) (w readmodels.MessageRange, err error) {
	given := 0
	for _, n := range []struct {
		from *uint64
		to   *uint64
	}{{p.Before, &w.Before}, {p.After, &w.After}, {p.Around, &w.Around}} {
		if n.from != nil {
			*n.to = max(*n.from, 1) // 0 is the start; 1 is the room's creation, and no message
			given++
		}
	}
	if given > 1 {
		var check fault.Checks
		for name, n := range map[string]*uint64{"before": p.Before, "after": p.After, "around": p.Around} {
			if n != nil {
				check.Add(name, "only one of before, after and around")
			}
		}
		return w, check.Err()
	}
	key, err := seek[historyKey](c, p.Page)
	if key != nil {
		w = readmodels.MessageRange{Before: key.Before, After: key.After}
	}
	return w, err
}

func (s *Server) listMessages(ctx context.Context, c *Call, p history, _ None) (Reply[List[Message]], error) {
	w, err := p.wanted(c)
	if err != nil {
		return Reply[List[Message]]{}, err
	}
	if w.First, err = s.inside(ctx, c, p.ID); err != nil {
		return Reply[List[Message]]{}, err
	}
	more := 1 // tells whether another page follows
	if w.Around > 0 {
		more = 0
	}
	w.Limit = p.Limit + more
	var messages []readmodels.Message
	var people summaries
	err = s.cfg.Tables.Read(ctx, func(r readmodels.Reader) (err error) {
		if messages, err = readmodels.MessagesOf(ctx, r, p.ID, w); err != nil {
			return err
		}
		each := make([]*readmodels.Message, len(messages))
		for i := range messages {
			each[i] = &messages[i]
		}
		people, err = readmodels.NameMessages(ctx, r, each)
		return err
	})
	if err != nil {
		return Reply[List[Message]]{}, err
	}
	answer := List[Message]{Items: []Message{}}
	var next historyKey
	switch {
	case len(messages) <= p.Limit:
	case w.After > 0:
		messages = messages[:p.Limit]
		next.After = messages[p.Limit-1].Number
	default:
		messages = messages[1:]
		next.Before = messages[0].Number
	}
	for _, m := range messages {
		answer.Items = append(answer.Items, showMessage(m, people))
	}
	if next != (historyKey{}) {
		payload, err := json.Marshal(next)
		if err != nil {
			return Reply[List[Message]]{}, err
		}
		cursor := c.sealCursor(payload)
		answer.Next = &cursor
	}
	return Reply[List[Message]]{Data: answer}, nil
}

type newMessage struct {
	Text     string      `json:"text,omitempty" doc:"at most 8000 characters; may be empty beside pictures" text:"lines"`
	Images   []uuid.UUID `json:"images,omitempty" doc:"ids of pictures"`
	ReplyTo  *uint64     `json:"replyTo,omitempty" minimum:"1" doc:"number of a message"`
	ClientID string      `json:"clientId,omitempty" doc:"at most 64 characters; a resend of it is the same message"`
}

func (s *Server) maySend(ctx context.Context, c *Call, p roomPath) error {
	return s.cfg.Commands.MaySend(ctx, *c.Actor, p.ID)
}

// sendMessage answers from what was appended and from memory: the tables are
// neither waited for nor read.
func (s *Server) sendMessage(ctx context.Context, c *Call, p roomPath, b newMessage) (Reply[Message], error) {
	in := commands.SendMessage{Room: p.ID, Text: b.Text, Images: b.Images, ClientID: b.ClientID}
	if b.ReplyTo != nil {
		in.ReplyTo = *b.ReplyTo
	}
	sent, err := s.cfg.Commands.SendMessage(ctx, *c.Actor, in)
	if err != nil {
		return Reply[Message]{}, err
	}
	if sent.Resent {
		answer, err := s.replyMessage(ctx, readmodels.MessageKey{Room: p.ID, Number: sent.Number}, sent.Position)
		answer.Status = http.StatusOK
		return answer, err
	}
	people := summaries{}
	me, there, err := s.cfg.Commands.AccountSummary(ctx, c.Account())
	if there {
		people[me.ID] = readmodels.Summary{ID: me.ID, Handle: me.Handle, DisplayName: me.DisplayName, Avatar: me.Avatar}
	}
	return Reply[Message]{
		Data: showMessage(readmodels.Message{
			Room: p.ID, Number: sent.Number, ID: sent.ID, Sender: c.Account(), Text: in.Text, Images: in.Images,
			ReplyTo: in.ReplyTo, ClientID: in.ClientID, CreatedAt: sent.At,
		}, people),
		Position: sent.Position, ETag: messageTag(sent.Number),
	}, err
}

// replyMessage answers a message once the tables show position.
func (s *Server) replyMessage(ctx context.Context, k readmodels.MessageKey, position uint64) (Reply[Message], error) {
	if err := s.written(ctx, position); err != nil {
		return Reply[Message]{}, err
	}
	var m readmodels.Message
	var people summaries
	err := s.cfg.Tables.Read(ctx, func(r readmodels.Reader) error {
		found, ok, err := readmodels.MessageOf(ctx, r, k)
		if err == nil && !ok {
			err = fault.ErrNotFound
		}
		if err != nil {
			return err
		}
		m = found
		people, err = readmodels.NameMessages(ctx, r, []*readmodels.Message{&m})
		return err
	})
	return Reply[Message]{Data: showMessage(m, people), Position: position, ETag: messageTag(m.Changed)}, err
}

type messagePath struct {
	roomPath
	Number uint64 `path:"number"`
}

type messageEdit struct {
	Text string `json:"text" doc:"1 to 8000 characters" text:"lines"`
}

func (s *Server) mayEditMessage(ctx context.Context, c *Call, p messagePath) error {
	return s.cfg.Commands.MayEditMessage(ctx, *c.Actor, p.ID, p.Number)
}

func (s *Server) editMessage(ctx context.Context, c *Call, p messagePath, b messageEdit) (Reply[Message], error) {
	out, err := s.cfg.Commands.EditMessage(ctx, *c.Actor, commands.EditMessage{Room: p.ID, Number: p.Number, Text: b.Text, Match: c.matchMessage()})
	if err != nil {
		return Reply[Message]{}, err
	}
	return s.replyMessage(ctx, readmodels.MessageKey{Room: p.ID, Number: p.Number}, out.Position)
}

// matchMessage is match for messages.
func (c *Call) matchMessage() func(version uint64) error {
	if !c.IfMatch.Given() {
		return nil
	}
	return func(version uint64) error { return c.CheckMatch(messageTag(version)) }
}

func (s *Server) mayDeleteMessage(ctx context.Context, c *Call, p messagePath) error {
	return s.cfg.Commands.MayDeleteMessage(ctx, *c.Actor, p.ID, p.Number)
}

func (s *Server) deleteMessage(ctx context.Context, c *Call, p messagePath, _ None) (Reply[None], error) {
	out, err := s.cfg.Commands.DeleteMessage(ctx, *c.Actor, p.ID, p.Number, c.matchMessage())
	return s.settled(ctx, out, err)
}

type messageReactionPath struct {
	messagePath
	Kind string `path:"kind"`
}

func (s *Server) mayReact(ctx context.Context, c *Call, p messageReactionPath) error {
	return s.mayEnter(ctx, c, p.roomPath)
}

func (s *Server) messageReaction(on bool) func(context.Context, *Call, messageReactionPath, None) (Reply[None], error) {
	return func(ctx context.Context, c *Call, p messageReactionPath, _ None) (Reply[None], error) {
		out, err := s.cfg.Commands.ReactToMessage(ctx, *c.Actor, p.ID, p.Number, p.Kind, on)
		return s.settled(ctx, out, err)
	}
}
