package chat

import (
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

// Send sends a message. resent is the number of the first one where the
// sender sent that client id before: then nothing changes.
func (r *Room) Send(m MessageSent) (events []event.Data, resent uint64, err error) {
	member, ok := r.members[m.Sender]
	if !ok {
		return nil, 0, fault.ErrNotFound
	}
	if m.ClientID != "" {
		if first := r.resent(m.Sender, m.ClientID); first != 0 {
			return nil, first, nil
		}
	}
	if m.ReplyTo != 0 && (m.ReplyTo < r.FirstVisible(member) || r.sender(m.ReplyTo) == uuid.Nil) {
		return nil, 0, fault.ErrInvalid.With(fault.Field("replyTo", "unknown"))
	}
	return []event.Data{m}, 0, nil
}

// Edit gives a message another text; its sender alone may.
func (r *Room) Edit(e MessageEdited) ([]event.Data, error) {
	if _, err := r.visible(e.Sender, e.Number); err != nil {
		return nil, err
	}
	if r.sender(e.Number) != e.Sender {
		return nil, fault.ErrForbidden
	}
	if r.Deleted(e.Number) {
		return nil, fault.ErrNotFound
	}
	return []event.Data{e}, nil
}

// Delete empties a message; its sender may, and who leads the room. Nothing
// changes for one that is deleted already.
func (r *Room) Delete(by uuid.UUID, number uint64) ([]event.Data, error) {
	m, err := r.visible(by, number)
	if err != nil {
		return nil, err
	}
	if r.sender(number) != by && !m.Role.leads() {
		return nil, fault.ErrForbidden
	}
	if r.Deleted(number) {
		return nil, nil
	}
	return []event.Data{MessageDeleted{By: by, Number: number}}, nil
}

// TakeDown empties a message, for who moderates the community and need not be
// in the room. Nothing changes for one that is deleted already.
func (r *Room) TakeDown(by uuid.UUID, number uint64) ([]event.Data, error) {
	switch {
	case r.sender(number) == uuid.Nil:
		return nil, fault.ErrNotFound
	case r.Deleted(number):
		return nil, nil
	}
	return []event.Data{MessageDeleted{By: by, Number: number}}, nil
}

// Restore takes a delete back, for the same. Nothing changes for a message
// that is not deleted.
func (r *Room) Restore(m MessageRestored) ([]event.Data, error) {
	switch {
	case r.sender(m.Number) == uuid.Nil:
		return nil, fault.ErrNotFound
	case !r.Deleted(m.Number):
		return nil, nil
	}
	m.Sender = r.sender(m.Number)
	return []event.Data{m}, nil
}

// Sender is who sent the message of that number, uuid.Nil where it is none.
func (r *Room) Sender(number uint64) uuid.UUID { return r.sender(number) }

// React puts a reaction on a message, or takes it back. Each person has one
// of a kind; doing it twice changes nothing.
func (r *Room) React(by uuid.UUID, number uint64, kind string, on bool) ([]event.Data, error) {
	if _, err := r.visible(by, number); err != nil {
		return nil, err
	}
	if r.Deleted(number) {
		return nil, fault.ErrNotFound
	}
	if r.reacted(by, number, kind) == on {
		return nil, nil
	}
	if on {
		return []event.Data{ReactionAdded{Account: by, Number: number, Kind: kind}}, nil
	}
	return []event.Data{ReactionRemoved{Account: by, Number: number, Kind: kind}}, nil
}

// visible is by's membership, if number is a message that by may see.
func (r *Room) visible(by uuid.UUID, number uint64) (Member, error) {
	m, ok := r.members[by]
	if !ok || r.sender(number) == uuid.Nil || number < r.FirstVisible(m) {
		return Member{}, fault.ErrNotFound
	}
	return m, nil
}

// reacted looks without adding to the tables of people and kinds: deciders do
// not change the state.
func (r *Room) reacted(by uuid.UUID, number uint64, kind string) bool {
	person, known := r.place[by]
	if !known {
		return false
	}
	for i, k := range r.kinds {
		if k == kind {
			_, stands := r.reactions[reaction{number, person, uint32(i)}]
			return stands
		}
	}
	return false
}
