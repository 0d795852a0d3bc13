package chat

import (
	"maps"
	"slices"

	"github.com/google/uuid"
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

// Membership is who is in a room, and how far its conversation goes. It is a
// value: what happens in the room later does not change it.
type Membership struct {
	kind    Kind
	history bool
	newest  uint64
	members map[uuid.UUID]Member // never changed, but replaced
}

// Exists says whether the room was created.
func (m Membership) Exists() bool { return m.kind != "" }

// Kind is what the room is.
func (m Membership) Kind() Kind { return m.kind }

// Newest is the newest number, 0 before the room was created.
func (m Membership) Newest() uint64 { return m.newest }

// Member is account's membership; false for whom the room does not exist.
func (m Membership) Member(account uuid.UUID) (Member, bool) {
	found, ok := m.members[account]
	return found, ok
}

// Members are the accounts in the room, in no order.
func (m Membership) Members() []uuid.UUID { return slices.Collect(maps.Keys(m.members)) }

// Other is the other one of a direct room, uuid.Nil in a group.
func (m Membership) Other(account uuid.UUID) uuid.UUID {
	if m.kind == Direct {
		for other := range m.members {
			if other != account {
				return other
			}
		}
	}
	return uuid.Nil
}

// FirstVisible is the first number that a member may see.
func (m Membership) FirstVisible(of Member) uint64 {
	if m.history {
		return 1
	}
	return of.Since
}
