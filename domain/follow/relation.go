package follow

import (
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// Relation is the state of any relation's stream.
type Relation struct {
	On bool

	request request // of a follow
}

// New is a relation that does not stand.
func New() *Relation { return &Relation{} }

// Stream is the name of a relation's stream: category is follow, block or
// mute for two accounts, boardfollow for an account and a board, postfollow for
// an account (or the post's pseudonym, for its anonymous author) and a post.
func Stream(category string, a, b uuid.UUID) string {
	return event.StreamName(category, a.String()+"."+b.String())
}

// TagStream is the name of the stream of an account that follows a hashtag.
func TagStream(account uuid.UUID, tag string) string {
	return event.StreamName("tagfollow", account.String()+"."+tag)
}

// Apply folds one event in.
func (r *Relation) Apply(e event.Decoded) {
	switch d := e.Payload.(type) {
	case Requested:
		r.request = request{waits: true, openings: d.Openings}
	case Started, BlockStarted, MuteStarted, BoardStarted, TagStarted, PostStarted:
		r.On, r.request = true, request{}
	case Ended, Refused, BlockEnded, MuteEnded, BoardEnded, TagEnded, PostEnded:
		r.On, r.request = false, request{}
	}
}

// Turn says what makes the relation stand or not; nothing where it does so
// already.
func (r *Relation) Turn(on bool, started, ended event.Data) []event.Data {
	switch {
	case r.On == on:
		return nil
	case on:
		return []event.Data{started}
	}
	return []event.Data{ended}
}
