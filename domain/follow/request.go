package follow

import (
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

// Requested is a wish to follow an account that approves its followers.
// Openings is how often that account had switched approval off until then: a
// request of an earlier number than the account's is granted, as whoever waits
// when approval is switched off follows.
type Requested struct {
	Follower uuid.UUID `json:"follower"`
	Followee uuid.UUID `json:"followee"`
	Openings uint64    `json:"openings"`
}

// Refused ends a request, by the will of whom it was to.
type Refused struct {
	Follower uuid.UUID `json:"follower"`
	Followee uuid.UUID `json:"followee"`
}

// request is a wish to follow that was not answered by itself.
type request struct {
	waits    bool
	openings uint64
}

// Guard is how the account that is to be followed stands to its followers.
type Guard struct {
	Approves bool
	Openings uint64
}

// Follows says whether the follow stands: it was begun, or asked for before
// the newest opening.
func (r *Relation) Follows(g Guard) bool {
	return r.On || r.request.waits && r.request.openings < g.Openings
}

// Waits says whether a request waits for an answer.
func (r *Relation) Waits(g Guard) bool {
	return !r.On && r.request.waits && r.request.openings >= g.Openings
}

// Ask begins the follow, or asks for it where it is guarded.
func (r *Relation) Ask(follower, followee uuid.UUID, g Guard) []event.Data {
	switch {
	case r.Follows(g), g.Approves && r.Waits(g):
		return nil
	case g.Approves:
		return []event.Data{Requested{Follower: follower, Followee: followee, Openings: g.Openings}}
	}
	return []event.Data{Started{Follower: follower, Followee: followee}}
}

// Leave ends the follow, or withdraws the request.
func (r *Relation) Leave(follower, followee uuid.UUID) []event.Data {
	if !r.On && !r.request.waits {
		return nil
	}
	return []event.Data{Ended{Follower: follower, Followee: followee}}
}

// Grant lets a request come true; nothing is said where the follow stands.
// Errors: fault.ErrNotFound where there is no request.
func (r *Relation) Grant(follower, followee uuid.UUID, g Guard) ([]event.Data, error) {
	switch {
	case r.Follows(g):
		return nil, nil
	case !r.Waits(g):
		return nil, fault.ErrNotFound
	}
	return []event.Data{Started{Follower: follower, Followee: followee}}, nil
}

// Refuse ends a request; nothing is said where there is none.
func (r *Relation) Refuse(follower, followee uuid.UUID, g Guard) []event.Data {
	if !r.Waits(g) {
		return nil
	}
	return []event.Data{Refused{Follower: follower, Followee: followee}}
}
