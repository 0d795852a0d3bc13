package chat

import (
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

// Create begins a room; nothing changes where it exists already (the one
// direct room of a pair).
func (r *Room) Create(e RoomCreated, limit int) ([]event.Data, error) {
	if r.Exists() {
		return nil, nil
	}
	if len(e.Members) > limit {
		return nil, ErrTooManyMembers
	}
	return []event.Data{e}, nil
}

// Settings are the shared settings to change; nil leaves one as it is.
type Settings struct {
	Name    *string
	Avatar  *uuid.UUID // uuid.Nil takes it away
	Emoji   *string
	History *bool
}

// Change changes what is shared. The two people of a direct room both may.
func (r *Room) Change(by uuid.UUID, s Settings) ([]event.Data, error) {
	m, ok := r.members[by]
	if !ok {
		return nil, fault.ErrNotFound
	}
	if !m.Role.leads() && r.kind != Direct {
		return nil, fault.ErrForbidden
	}
	e := SettingsChanged{By: by}
	e.Name = differs(s.Name, r.name)
	e.Avatar = differs(s.Avatar, r.avatar)
	e.Emoji = differs(s.Emoji, r.emoji)
	e.History = differs(s.History, r.history)
	if e == (SettingsChanged{By: by}) {
		return nil, nil
	}
	return []event.Data{e}, nil
}

func differs[T comparable](to *T, from T) *T {
	if to == nil || *to == from {
		return nil
	}
	return to
}

// SetRole gives target a role. Owners decide; whoever leads may step down. An
// owner steps down by naming the next one.
func (r *Room) SetRole(by, target uuid.UUID, role Role) ([]event.Data, error) {
	actor, ok := r.members[by]
	if !ok {
		return nil, fault.ErrNotFound
	}
	current, ok := r.members[target]
	if !ok {
		return nil, fault.ErrNotFound
	}
	steppingDown := by == target && role == Plain
	if actor.Role != Owner && !(steppingDown && actor.Role == Admin) {
		return nil, fault.ErrForbidden
	}
	switch {
	case current.Role == role:
		return nil, nil
	case current.Role == Owner:
		return nil, ErrOwnerMustTransfer
	case role == Owner:
		return []event.Data{
			RoleChanged{Account: target, Role: Owner, By: by},
			RoleChanged{Account: by, Role: Admin, By: by},
		}, nil
	}
	return []event.Data{RoleChanged{Account: target, Role: role, By: by}}, nil
}

// Remove takes target out of the room, or lets by leave it. Owners remove
// anybody, admins plain members. Nobody leaves a direct room: it is where the
// pair will meet again.
func (r *Room) Remove(by, target uuid.UUID) ([]event.Data, error) {
	actor, ok := r.members[by]
	if !ok {
		return nil, fault.ErrNotFound
	}
	if r.kind == Direct {
		return nil, fault.ErrForbidden
	}
	if by == target {
		if actor.Role == Owner && len(r.members) > 1 {
			return nil, ErrOwnerMustTransfer
		}
		return []event.Data{Left{Account: by}}, nil
	}
	if !actor.Role.leads() {
		return nil, fault.ErrForbidden
	}
	current, ok := r.members[target]
	if !ok {
		return nil, nil
	}
	if actor.Role != Owner && current.Role != Plain {
		return nil, fault.ErrForbidden
	}
	return []event.Data{Removed{Account: target, By: by}}, nil
}

// Join brings account in by an invite; nothing changes for members.
func (r *Room) Join(e Joined, limit int) ([]event.Data, error) {
	switch _, inside := r.members[e.Account]; {
	case !r.Exists() || r.kind == Direct:
		return nil, fault.ErrNotFound
	case inside:
		return nil, nil
	case len(r.members) >= limit:
		return nil, ErrFull
	}
	return []event.Data{e}, nil
}
