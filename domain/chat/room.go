package chat

import (
	"crypto/sha256"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// Kind is what a room is: two people's own, or a group's.
type Kind string

// The kinds.
const (
	Direct Kind = "direct"
	Group  Kind = "group"
)

// Role is what a member may do. Both people of a direct room are members.
type Role string

// The roles, the strongest first.
const (
	Owner Role = "owner"
	Admin Role = "admin"
	Plain Role = "member"
)

// Valid says whether r is one of the three.
func (r Role) Valid() bool { return r == Owner || r == Admin || r == Plain }

func (r Role) leads() bool { return r == Owner || r == Admin }

// Member is somebody in the room.
type Member struct {
	Role  Role
	Since uint64 // number of the event that brought them in
}

// Room is the state of a chat-<room> stream.
//
// What it holds grows with the room: 4 bytes for each number, about 40 for
// each person who ever sent or reacted, about 24 for each reaction that
// stands and for each message that was edited or deleted, and 24 for each remembered client id of each member (200 by
// default). Texts are not kept.
type Room struct {
	kind    Kind
	name    string
	avatar  uuid.UUID
	emoji   string
	history bool
	version uuid.UUID // newest event that changed what is shared
	newest  uint64
	members map[uuid.UUID]Member

	people []uuid.UUID // senders and reactors, by the order they came
	place  map[uuid.UUID]uint32
	kinds  []string // of reactions, likewise

	messages  []uint32 // of number i+1: 0 no message, else sender's place + 1
	reactions map[reaction]struct{}
	changed   map[uint64]uint64 // by number of a message: the newest event that edited or deleted it
	clients   map[uuid.UUID]*clientIDs
	resend    int
}

// deleted marks a message in Room.messages.
const deleted = 1 << 31

type reaction struct {
	number       uint64
	person, kind uint32
}

// NewRoom is the state of a stream without events. resend is of how many of
// the newest messages of a member the client ids are remembered.
func NewRoom(resend int) *Room {
	return &Room{
		resend:    resend,
		members:   map[uuid.UUID]Member{},
		place:     map[uuid.UUID]uint32{},
		reactions: map[reaction]struct{}{},
		changed:   map[uint64]uint64{},
		clients:   map[uuid.UUID]*clientIDs{},
	}
}

// Apply folds one event in.
func (r *Room) Apply(d event.Decoded) {
	r.newest = d.Revision + 1
	for uint64(len(r.messages)) < r.newest {
		r.messages = append(r.messages, 0)
	}
	switch e := d.Payload.(type) {
	case RoomCreated:
		r.create(e)
		r.version = d.ID
	case SettingsChanged:
		r.settle(e)
		r.version = d.ID
	case Joined:
		r.members[e.Account] = Member{Role: Plain, Since: r.newest}
	case Left:
		r.remove(e.Account)
	case Removed:
		r.remove(e.Account)
	case RoleChanged:
		if m, ok := r.members[e.Account]; ok {
			m.Role = e.Role
			r.members[e.Account] = m
		}
	case MessageSent:
		r.messages[r.newest-1] = r.person(e.Sender) + 1
		if e.ClientID != "" {
			r.remember(e.Sender, e.ClientID)
		}
	case MessageEdited:
		r.changed[e.Number] = r.newest
	case MessageDeleted:
		r.changed[e.Number] = r.newest
		if r.sender(e.Number) != uuid.Nil {
			r.messages[e.Number-1] |= deleted
		}
	case ReactionAdded:
		r.reactions[reaction{e.Number, r.person(e.Account), r.reactionKind(e.Kind)}] = struct{}{}
	case ReactionRemoved:
		delete(r.reactions, reaction{e.Number, r.person(e.Account), r.reactionKind(e.Kind)})
	}
}

func (r *Room) create(e RoomCreated) {
	r.kind, r.name, r.avatar, r.emoji, r.history = e.Kind, e.Name, e.Avatar, e.Emoji, e.History
	for _, account := range e.Members {
		r.members[account] = Member{Role: Plain, Since: r.newest}
	}
	if e.Kind == Group {
		r.members[e.By] = Member{Role: Owner, Since: r.newest}
	}
}

func (r *Room) settle(e SettingsChanged) {
	if e.Name != nil {
		r.name = *e.Name
	}
	if e.Avatar != nil {
		r.avatar = *e.Avatar
	}
	if e.Emoji != nil {
		r.emoji = *e.Emoji
	}
	if e.History != nil {
		r.history = *e.History
	}
}

func (r *Room) remove(account uuid.UUID) {
	delete(r.members, account)
	delete(r.clients, account)
}

// person is the place of an account in people.
func (r *Room) person(account uuid.UUID) uint32 {
	i, ok := r.place[account]
	if !ok {
		i = uint32(len(r.people))
		r.people = append(r.people, account)
		r.place[account] = i
	}
	return i
}

func (r *Room) reactionKind(kind string) uint32 {
	i := slices.Index(r.kinds, kind)
	if i < 0 {
		i = len(r.kinds)
		r.kinds = append(r.kinds, kind)
	}
	return uint32(i)
}

// Exists says whether the room was created.
func (r *Room) Exists() bool { return r.kind != "" }

// Kind is what the room is.
func (r *Room) Kind() Kind { return r.kind }

// Version is the id of the newest event that changed what the room shows of
// itself.
func (r *Room) Version() uuid.UUID { return r.version }

// MessageVersion is the number of the newest event that changed a message:
// its own, until it is edited or deleted.
func (r *Room) MessageVersion(number uint64) uint64 {
	if v, ok := r.changed[number]; ok {
		return v
	}
	return number
}

// Newest is the newest number, 0 before the room was created.
func (r *Room) Newest() uint64 { return r.newest }

// Member is account's membership; false for whom the room does not exist.
func (r *Room) Member(account uuid.UUID) (Member, bool) {
	m, ok := r.members[account]
	return m, ok
}

// Members are the accounts in the room, in no order.
func (r *Room) Members() []uuid.UUID { return slices.Collect(maps.Keys(r.members)) }

// Other is the other one of a direct room, uuid.Nil in a group.
func (r *Room) Other(account uuid.UUID) uuid.UUID {
	if r.kind == Direct {
		for other := range r.members {
			if other != account {
				return other
			}
		}
	}
	return uuid.Nil
}

// FirstVisible is the first number that a member may see.
func (r *Room) FirstVisible(m Member) uint64 {
	if r.history {
		return 1
	}
	return m.Since
}

// Deleted says whether number is a message that was deleted.
func (r *Room) Deleted(number uint64) bool {
	return number > 0 && number <= uint64(len(r.messages)) && r.messages[number-1]&deleted != 0
}

// sender is who sent the message of that number, uuid.Nil where it is none.
func (r *Room) sender(number uint64) uuid.UUID {
	if number == 0 || number > uint64(len(r.messages)) {
		return uuid.Nil
	}
	place := r.messages[number-1] &^ deleted
	if place == 0 {
		return uuid.Nil
	}
	return r.people[place-1]
}

// clientIDs is a ring of a member's newest client ids, by a hash that does
// not collide.
type clientIDs struct {
	ids  []clientID
	next int
}

type clientID struct {
	hash   [16]byte
	number uint64
}

func hashClientID(id string) (h [16]byte) {
	sum := sha256.Sum256([]byte(id))
	copy(h[:], sum[:])
	return h
}

func (r *Room) remember(sender uuid.UUID, id string) {
	ring := r.clients[sender]
	if ring == nil {
		ring = &clientIDs{}
		r.clients[sender] = ring
	}
	entry := clientID{hashClientID(id), r.newest}
	switch {
	case len(ring.ids) < r.resend:
		ring.ids = append(ring.ids, entry)
	case r.resend > 0:
		ring.ids[ring.next] = entry
		ring.next = (ring.next + 1) % r.resend
	}
}

// resent is the number of the sender's message of that client id, or 0.
func (r *Room) resent(sender uuid.UUID, id string) uint64 {
	ring := r.clients[sender]
	if ring == nil {
		return 0
	}
	hash := hashClientID(id)
	for _, known := range ring.ids {
		if known.hash == hash {
			return known.number
		}
	}
	return 0
}
