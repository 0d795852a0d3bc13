package foldtest

import (
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/notification"
)

type rooms struct{ rooms map[uuid.UUID]*roomRow }

func newRooms() rooms { return rooms{map[uuid.UUID]*roomRow{}} }

type roomRow struct {
	kind        chat.Kind
	name, emoji string
	avatar      uuid.UUID
	history     bool
	created     time.Time
	version     uuid.UUID
	active      uint64 // position
	members     map[uuid.UUID]*memberRow
	messages    map[uint64]*messageRow
	newest      uint64 // message, deleted or not
}

type memberRow struct {
	role              chat.Role
	joined            time.Time
	since, read, told uint64 // numbers
	readPosition      uint64 // of the event that moved read
}

type messageRow struct {
	id, sender       uuid.UUID
	text             string
	mentions, images []uuid.UUID
	replyTo          uint64
	clientID         string
	created, edited  time.Time
	changed          uint64 // number
	deleted          bool
	reactions        map[felt]bool
}

func (m *Model) foldRoom(e Event) {
	switch d := e.Data.(type) {
	case chat.RoomCreated:
		r := &roomRow{
			kind: d.Kind, name: d.Name, emoji: d.Emoji, avatar: d.Avatar, history: d.History, created: e.Time, version: e.ID, active: e.Position,
			members: map[uuid.UUID]*memberRow{}, messages: map[uint64]*messageRow{},
		}
		m.rooms.rooms[e.thing()] = r
		for _, account := range d.Members {
			r.admit(e, account)
		}
		if d.Kind == chat.Group {
			r.members[d.By].role = chat.Owner
		}
	case chat.SettingsChanged:
		r := m.rooms.rooms[e.thing()]
		r.version = e.ID
		change(&r.name, d.Name)
		change(&r.emoji, d.Emoji)
		change(&r.avatar, d.Avatar)
		change(&r.history, d.History)
	case chat.Joined:
		m.rooms.rooms[e.thing()].admit(e, d.Account)
	case chat.Left:
		delete(m.rooms.rooms[e.thing()].members, d.Account)
	case chat.Removed:
		delete(m.rooms.rooms[e.thing()].members, d.Account)
	case chat.RoleChanged:
		m.rooms.rooms[e.thing()].members[d.Account].role = d.Role
	case chat.Read:
		if x := m.rooms.rooms[d.Room].members[d.Account]; x != nil && x.read < d.Number {
			x.read, x.readPosition = d.Number, e.Position
		}
	}
}

// admit brings somebody in, for whom all that came before is read.
func (r *roomRow) admit(e Event, account uuid.UUID) {
	r.members[account] = &memberRow{role: chat.Plain, joined: e.Time, since: e.number(), read: e.number()}
}

func (m *Model) foldMessage(e Event) {
	switch d := e.Data.(type) {
	case chat.MessageSent:
		r := m.rooms.rooms[e.thing()]
		r.active, r.newest = e.Position, e.number()
		r.messages[e.number()] = &messageRow{
			id: e.ID, sender: d.Sender, text: d.Text, mentions: d.Mentions, images: d.Images, replyTo: d.ReplyTo, clientID: d.ClientID,
			created: e.Time, changed: e.number(), reactions: map[felt]bool{},
		}
	case chat.MessageEdited:
		x := m.rooms.rooms[e.thing()].messages[d.Number]
		x.text, x.mentions, x.edited, x.changed = d.Text, d.Mentions, e.Time, e.number()
	case chat.MessageDeleted:
		x := m.rooms.rooms[e.thing()].messages[d.Number]
		x.text, x.mentions, x.images, x.reactions, x.deleted, x.changed = "", nil, nil, nil, true, e.number()
	case chat.MessageRestored:
		x := m.rooms.rooms[e.thing()].messages[d.Number]
		x.text, x.mentions, x.images, x.reactions, x.deleted, x.changed = d.Text, d.Mentions, d.Images, map[felt]bool{}, false, e.number()
	case chat.ReactionAdded:
		m.rooms.rooms[e.thing()].messages[d.Number].reactions[felt{account: d.Account, kind: d.Kind}] = true
	case chat.ReactionRemoved:
		delete(m.rooms.rooms[e.thing()].messages[d.Number].reactions, felt{account: d.Account, kind: d.Kind})
	}
}

func (m *Model) printRooms() {
	for id, r := range m.rooms.rooms {
		alive := 0
		for number, x := range r.messages {
			if !x.deleted {
				alive++
			}
			m.row("message", columns{
				"room": id, "number": number, "id": x.id, "sender": x.sender, "body": x.text, "mentions": joined(x.mentions),
				"images": joined(x.images), "reply_to": x.replyTo, "client_id": x.clientID, "created_at": x.created,
				"edited_at": x.edited, "changed": x.changed, "deleted": x.deleted,
			})
			for f := range x.reactions {
				m.row("message_reaction", columns{"room": id, "number": number, "kind": f.kind, "account": f.account})
			}
		}
		m.row("room", columns{
			"id": id, "kind": string(r.kind), "name": r.name, "avatar": r.avatar, "emoji": r.emoji, "history": r.history,
			"created_at": r.created, "version": r.version, "members": len(r.members), "alive": alive, "last_message": r.newest, "active": r.active,
		})
		for account, x := range r.members {
			own, seen := r.known(account, x)
			m.row("room_member", columns{
				"room": id, "account": account, "role": string(x.role), "joined_at": x.joined, "since": x.since,
				"read_up_to": x.read, "read_position": x.readPosition, "told": x.told, "alive": own, "seen": seen,
			})
		}
	}
}

// known counts the messages that stand: a member's own since it came, and of
// the others those it has read.
func (r *roomRow) known(account uuid.UUID, x *memberRow) (own, seen int) {
	for number, message := range r.messages {
		switch {
		case message.deleted:
		case message.sender == account && number > x.since:
			own++
		case number <= x.read:
			seen++
		}
	}
	return own, seen
}

type inboxes map[uuid.UUID]*inboxRow

type inboxRow struct {
	read    uint64
	entries []*entryRow // in their order
}

type entryRow struct {
	number  uint64
	kind    notification.Kind
	actor   uuid.UUID
	subject notification.Subject
	created time.Time
	head    bool
	actors  int // of the group while it led
}

func (m *Model) foldInbox(e Event) {
	switch d := e.Data.(type) {
	case notification.Notified:
		i := m.inbox(e)
		entry := &entryRow{number: e.number(), kind: d.Kind, actor: d.Actor, subject: d.Subject, created: e.Time, head: true}
		i.entries = append(i.entries, entry)
		for _, other := range i.group(entry) {
			other.head = other == entry
		}
		entry.actors = i.actors(entry)
		if d.Kind == notification.Chat {
			if x := m.rooms.rooms[d.Subject.ID].members[e.thing()]; x != nil {
				x.told = max(x.told, d.Message)
			}
		}
	case notification.Read:
		i := m.inbox(e)
		i.read = d.Number
		for _, entry := range i.entries {
			switch {
			case entry.number <= i.read: // stands alone
				entry.head, entry.actors = true, 1
			case entry.head:
				entry.actors = i.actors(entry)
			}
		}
	}
}

func (m *Model) inbox(e Event) *inboxRow {
	if m.inboxes[e.thing()] == nil {
		m.inboxes[e.thing()] = &inboxRow{}
	}
	return m.inboxes[e.thing()]
}

// group are the unread entries of the kind and subject of one of them.
func (i *inboxRow) group(of *entryRow) (group []*entryRow) {
	for _, entry := range i.entries {
		if entry.number > i.read && entry.kind == of.kind && entry.subject.ID == of.subject.ID {
			group = append(group, entry)
		}
	}
	return group
}

// actors counts the people in a group; all whom nobody may know are one.
func (i *inboxRow) actors(of *entryRow) int {
	people := map[uuid.UUID]bool{}
	for _, entry := range i.group(of) {
		people[entry.actor] = true
	}
	return len(people)
}

func (m *Model) printInboxes() {
	for account, i := range m.inboxes {
		unread := 0
		for _, entry := range i.entries {
			if entry.number > i.read {
				unread++
			}
			m.row("inbox_entry", columns{
				"account": account, "number": entry.number, "kind": string(entry.kind), "actor": entry.actor,
				"subject_type": entry.subject.Type, "subject": entry.subject.ID, "created_at": entry.created,
				"head": entry.head, "actors": entry.actors,
			})
		}
		m.row("inbox", columns{"account": account, "read_up_to": i.read, "unread": unread})
	}
}
