package subscription

import (
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// Events is this package's part of the catalogue. Names and JSON are frozen.
// The follower is the root of all of them.
var Events = []event.Definition{
	event.Of("boardfollow.started.v1", event.People, func(d BoardStarted) string { return d.Account.String() }),
	event.Of("boardfollow.ended.v1", event.People, func(d BoardEnded) string { return d.Account.String() }),
	event.Of("tagfollow.started.v1", event.People, func(d TagStarted) string { return d.Account.String() }),
	event.Of("tagfollow.ended.v1", event.People, func(d TagEnded) string { return d.Account.String() }),
}

// BoardStarted is an account that follows a board from here on.
type BoardStarted struct {
	Account uuid.UUID `json:"account"`
	Board   uuid.UUID `json:"board"`
}

// BoardEnded is its end.
type BoardEnded struct {
	Account uuid.UUID `json:"account"`
	Board   uuid.UUID `json:"board"`
}

// TagStarted is an account that follows a hashtag from here on.
type TagStarted struct {
	Account uuid.UUID `json:"account"`
	Tag     string    `json:"tag"` // folded
}

// TagEnded is its end.
type TagEnded struct {
	Account uuid.UUID `json:"account"`
	Tag     string    `json:"tag"` // folded
}

// Subscription is the state of one relation.
type Subscription struct{ On bool }

// New is a relation that never was.
func New() *Subscription { return &Subscription{} }

// BoardStream is the stream of account's following board.
func BoardStream(account, board uuid.UUID) string {
	return event.StreamName("boardfollow", account.String()+"."+board.String())
}

// TagStream is the stream of account's following a folded tag.
func TagStream(account uuid.UUID, tag string) string {
	return event.StreamName("tagfollow", account.String()+"."+tag)
}

// Apply folds one event in.
func (s *Subscription) Apply(e event.Decoded) {
	switch e.Payload.(type) {
	case BoardStarted, TagStarted:
		s.On = true
	case BoardEnded, TagEnded:
		s.On = false
	}
}

// Set says d if it changes anything.
func (s *Subscription) Set(on bool, d event.Data) ([]event.Data, error) {
	if s.On == on {
		return nil, nil
	}
	return []event.Data{d}, nil
}
