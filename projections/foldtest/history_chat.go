package foldtest

import (
	"crypto/sha256"
	"fmt"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/notification"
)

var chatActs = []act{
	{4, openRoom},
	{5, changeRoom},
	{14, join},
	{10, removeMember},
	{8, comeBack},
	{5, changeRole},
	{50, send},
	{10, editMessage},
	{16, deleteMessage},
	{24, reactToMessage},
	{30, readRoom},
	{28, tell},
	{8, readInbox},
}

const (
	roomLimit = 50 // members
	resends   = 10 // client ids that are remembered
)

func newRoom() *chat.Room { return chat.NewRoom(resends) }

func (h *History) room() (id uuid.UUID, name string, r *chat.Room) {
	id = recent(h, h.rooms)
	name = chat.Stream(id)
	return id, name, stateOf(h, name, newRoom)
}

// openRoom opens a group, or the one room of two people.
func openRoom(h *History) {
	if len(h.rooms) == maxRooms {
		return
	}
	by := h.person()
	d := chat.RoomCreated{Kind: chat.Group, By: by, Name: h.sometimes(), Avatar: h.image(), Emoji: h.sometimes(), Members: []uuid.UUID{by}, History: h.one(2)}
	id := h.id()
	if other := h.person(); h.one(3) && other != by {
		sum := sha256.Sum256(chat.DirectPair(by, other))
		id = chat.DirectID(sum[:])
		d.Kind, d.Members = chat.Direct, append(d.Members, other)
	} else {
		for _, p := range some(h, h.people, 2) {
			if p.id != by {
				d.Members = append(d.Members, p.id)
			}
		}
	}
	name := chat.Stream(id)
	events, err := stateOf(h, name, newRoom).Create(d, roomLimit)
	if h.say(name, events, err) {
		h.rooms = append(h.rooms, id)
	}
}

func changeRoom(h *History) {
	_, name, r := h.room()
	events, err := r.Change(h.person(), chat.Settings{
		Name: maybe(h, h.sometimes), Avatar: maybe(h, h.image), Emoji: maybe(h, h.sometimes), History: maybe(h, func() bool { return h.one(2) }),
	})
	h.say(name, events, err)
}

func join(h *History) {
	_, name, r := h.room()
	events, err := r.Join(chat.Joined{Account: h.person(), By: h.person(), Invite: "invite-1"}, roomLimit)
	h.say(name, events, err)
}

func removeMember(h *History) {
	_, name, r := h.room()
	for range 4 { // few may
		by, target := h.person(), h.person()
		if h.one(4) {
			target = by
		}
		events, err := r.Remove(by, target)
		if h.say(name, events, err) {
			return
		}
	}
}

// comeBack lets somebody leave and join again, whose old messages stand, and
// may be deleted by who leads.
func comeBack(h *History) {
	_, name, r := h.room()
	by := h.person()
	events, err := r.Remove(by, by)
	if !h.say(name, events, err) {
		return
	}
	events, err = r.Join(chat.Joined{Account: by, By: h.person(), Invite: "invite-1"}, roomLimit)
	h.say(name, events, err)
	for range 6 {
		if events, err = r.Delete(h.person(), h.number(r)); h.say(name, events, err) && h.one(2) {
			return
		}
	}
}

func changeRole(h *History) {
	_, name, r := h.room()
	for range 5 { // few may
		events, err := r.SetRole(h.person(), h.person(), pick(h, []chat.Role{chat.Owner, chat.Admin, chat.Plain}))
		if h.say(name, events, err) {
			return
		}
	}
}

// number is that of something in a room, rather of late.
func (h *History) number(r *chat.Room) uint64 {
	newest := int(r.Newest())
	return uint64(newest - h.random.IntN(min(newest, 1+h.random.IntN(20))))
}

func send(h *History) {
	_, name, r := h.room()
	d := chat.MessageSent{
		Sender: h.person(), Text: h.words(), Mentions: some(h, h.Accounts, 8), Images: h.pictures(),
		ClientID: pick(h, []string{"", "", "a|b", "c", fmt.Sprint("n", len(h.Events))}),
	}
	if h.one(3) {
		d.ReplyTo = h.number(r)
	}
	events, _, err := r.Send(d)
	h.say(name, events, err)
}

func editMessage(h *History) {
	_, name, r := h.room()
	for range 5 { // its sender alone may
		events, err := r.Edit(chat.MessageEdited{Sender: h.person(), Number: h.number(r), Text: h.words(), Mentions: some(h, h.Accounts, 8)})
		if h.say(name, events, err) {
			return
		}
	}
}

func deleteMessage(h *History) {
	_, name, r := h.room()
	for range 3 {
		events, err := r.Delete(h.person(), h.number(r))
		if h.say(name, events, err) {
			return
		}
	}
}

func reactToMessage(h *History) {
	_, name, r := h.room()
	on := h.random.IntN(3) > 0
	for range 20 { // look for one to take back
		events, err := r.React(h.person(), h.number(r), pick(h, reactions), on)
		if h.say(name, events, err) {
			return
		}
	}
}

// readRoom moves a receipt, also of one who is gone meanwhile.
func readRoom(h *History) {
	id, _, r := h.room()
	by := h.person()
	if _, inside := r.Member(by); !inside && h.random.IntN(4) > 0 {
		return
	}
	name := chat.ReceiptStream(id, by)
	events, err := stateOf(h, name, chat.NewReceipt).Read(id, by, h.number(r))
	h.say(name, events, err)
}

// tell adds an entry to an inbox: about an event that nobody was told of.
func tell(h *History) {
	to, cause := h.person(), pick(h, h.Events)
	n := notification.Notified{
		Kind: pick(h, []notification.Kind{notification.PostReaction, notification.Reply, notification.Mention}), Actor: h.person(),
		Cause: notification.Cause{Epoch: h.Events[0].ID, Position: cause.Position, ID: cause.ID},
	}
	switch id, _, r := h.room(); {
	case h.one(4):
		n.Kind, n.Subject, n.Message = notification.Chat, notification.Subject{Type: "room", ID: id}, h.number(r)
	case h.one(6), len(h.posts) == 0:
		n.Kind, n.Subject = notification.Follow, notification.Subject{Type: "account", ID: to}
	case h.one(3) && len(h.comments) > 0:
		n.Subject = notification.Subject{Type: "comment", ID: recent(h, h.comments).id}
	default:
		n.Subject = notification.Subject{Type: "post", ID: h.posts[max(0, len(h.posts)-3)].id} // few, so that there are groups
	}
	if h.one(6) {
		n.Actor = uuid.Nil
	}
	name := notification.Stream(to)
	inbox := stateOf(h, name, notification.New)
	if inbox.Told(n.Cause, nil) { // the newest may do
		newest := h.Events[len(h.Events)-1]
		n.Cause.Position, n.Cause.ID = newest.Position, newest.ID
	}
	read := uint64(0)
	if n.Kind == notification.Chat {
		read = stateOf(h, chat.ReceiptStream(n.Subject.ID, to), chat.NewReceipt).Number()
	}
	events, err := inbox.Tell(notification.Telling{Entry: n, RoomRead: read})
	h.say(name, events, err)
}

func readInbox(h *History) {
	name := notification.Stream(h.person())
	inbox := stateOf(h, name, notification.New)
	if inbox.Newest() == 0 {
		return
	}
	events, err := inbox.Read(inbox.Newest() - min(inbox.Newest(), h.random.Uint64N(4)))
	h.say(name, events, err)
}
