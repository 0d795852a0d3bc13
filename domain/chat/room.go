package chat

import (
	"crypto/sha256"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// Room is the state of a chat-<room> stream.
//
// What it holds grows with the room: 4 bytes for each number, about 40 for
// each person who ever sent or reacted, about 24 for each reaction that
// stands and for each message that was edited or deleted, and 24 for each remembered client id of each member (200 by
// default). Texts are not kept.
type Room struct {
	Membership
	name    string
	avatar  uuid.UUID
	emoji   string
	version uuid.UUID // newest event that changed what is shared

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
		Membership: Membership{members: map[uuid.UUID]Member{}},
		resend:     resend,
		place:      map[uuid.UUID]uint32{},
		reactions:  map[reaction]struct{}{},
		changed:    map[uint64]uint64{},
		clients:    map[uuid.UUID]*clientIDs{},
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
		r.admit(e.Account, Member{Role: Plain, Since: r.newest})
	case Left:
		r.remove(e.Account)
	case Removed:
		r.remove(e.Account)
	case RoleChanged:
		if m, ok := r.members[e.Account]; ok {
			m.Role = e.Role
			r.admit(e.Account, m)
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
	case MessageRestored:
		r.changed[e.Number] = r.newest
		if r.sender(e.Number) != uuid.Nil {
			r.messages[e.Number-1] &^= deleted
		}
	case ReactionAdded:
		r.reactions[reaction{e.Number, r.person(e.Account), r.reactionKind(e.Kind)}] = struct{}{}
	case ReactionRemoved:
		delete(r.reactions, reaction{e.Number, r.person(e.Account), r.reactionKind(e.Kind)})
	}
}

func (r *Room) create(e RoomCreated) {
	r.kind, r.name, r.avatar, r.emoji, r.history = e.Kind, e.Name, e.Avatar, e.Emoji, e.History
	r.members = make(map[uuid.UUID]Member, len(e.Members))
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
	r.members = maps.Clone(r.members)
	delete(r.members, account)
	delete(r.clients, account)
}

// admit gives account that membership.
func (r *Room) admit(account uuid.UUID, m Member) {
	r.members = maps.Clone(r.members)
	r.members[account] = m
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

// Glance is the Membership as it stands.
func (r *Room) Glance() any { return r.Membership }

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
