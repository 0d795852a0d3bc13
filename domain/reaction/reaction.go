package reaction

import (
	"slices"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

// Events is this package's part of the catalogue. Names and JSON are frozen.
// The post is the root of all of them.
var Events = []event.Definition{
	event.Of("reaction.added.v1", event.Forum, func(d Added) string { return d.Post.String() }),
	event.Of("reaction.removed.v1", event.Forum, func(d Removed) string { return d.Post.String() }),
}

// ErrUnknown refuses a kind that this community does not have.
var ErrUnknown = fault.New(fault.Invalid, "reaction.unknown", "There is no such reaction here.", fault.Field("kind", "unknown"))

// SubjectType is what a reaction is to.
type SubjectType string

// The subjects.
const (
	Post    SubjectType = "post"
	Comment SubjectType = "comment"
)

// Added is a reaction.
type Added struct {
	Account       uuid.UUID   `json:"account"`                                 // the pseudonym of Post, if its anonymous author reacts
	HiddenAccount uuid.UUID   `json:"hiddenAccount,omitzero" seal:"anonymous"` // the account, then
	Kind          string      `json:"kind"`
	SubjectType   SubjectType `json:"subjectType"`
	Subject       uuid.UUID   `json:"subject"`
	Post          uuid.UUID   `json:"post"` // the subject, or the comment's
}

// Removed takes a reaction back.
type Removed struct {
	Account       uuid.UUID   `json:"account"`
	HiddenAccount uuid.UUID   `json:"hiddenAccount,omitzero" seal:"anonymous"`
	Kind          string      `json:"kind"`
	SubjectType   SubjectType `json:"subjectType"`
	Subject       uuid.UUID   `json:"subject"`
	Post          uuid.UUID   `json:"post"`
}

// Reactions is the state of one person's stream of one subject. There are no
// more kinds in it than the community has ever had.
type Reactions struct {
	Kinds []string
}

// New is nothing felt yet.
func New() *Reactions { return &Reactions{} }

// Stream is the name of that stream; account is the post's pseudonym where its
// anonymous author reacts.
func Stream(subject, account uuid.UUID) string {
	return event.StreamName("reaction", subject.String()+"."+account.String())
}

// Apply folds one event in.
func (r *Reactions) Apply(e event.Decoded) {
	switch d := e.Payload.(type) {
	case Added:
		if !slices.Contains(r.Kinds, d.Kind) {
			r.Kinds = append(r.Kinds, d.Kind)
		}
	case Removed:
		r.Kinds = slices.DeleteFunc(r.Kinds, func(k string) bool { return k == d.Kind })
	}
}

// Add adds a reaction; there already, it says nothing.
func (r *Reactions) Add(d Added) ([]event.Data, error) {
	if slices.Contains(r.Kinds, d.Kind) {
		return nil, nil
	}
	return []event.Data{d}, nil
}

// Remove takes one back; not there, it says nothing.
func (r *Reactions) Remove(d Removed) ([]event.Data, error) {
	if !slices.Contains(r.Kinds, d.Kind) {
		return nil, nil
	}
	return []event.Data{d}, nil
}
