package comment

import (
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// Events is this package's part of the catalogue. Names and JSON are frozen.
// The post is the root of all of them.
var Events = []event.Definition{
	event.Of("comment.published.v1", event.Forum, func(d Published) string { return d.Post.String() }),
	event.Of("comment.edited.v1", event.Forum, func(d Edited) string { return d.Post.String() }),
	event.Of("comment.deleted.v1", event.Forum, func(d Deleted) string { return d.Post.String() }),
	event.Of("comment.restored.v1", event.Forum, func(d Restored) string { return d.Post.String() }),
}

// Published is a new comment. Mentions are accounts, each once, in the order
// of the text.
type Published struct {
	Post         uuid.UUID   `json:"post"`
	Board        uuid.UUID   `json:"board"`
	Parent       uuid.UUID   `json:"parent,omitzero"` // the comment it answers
	Author       uuid.UUID   `json:"author"`          // the post's pseudonym if Anonymous
	Anonymous    bool        `json:"anonymous,omitzero"`
	HiddenAuthor uuid.UUID   `json:"hiddenAuthor,omitzero" seal:"anonymous"` // the account, if Anonymous
	Body         string      `json:"body" seal:"personal,Author"`
	Mentions     []uuid.UUID `json:"mentions,omitzero"`
}

// Edited is the whole text after an edit by its author.
type Edited struct {
	Post     uuid.UUID   `json:"post"`
	Author   uuid.UUID   `json:"author"`
	Body     string      `json:"body" seal:"personal,Author"`
	Mentions []uuid.UUID `json:"mentions,omitzero"`
}

// Deleted empties the comment, which keeps its place.
type Deleted struct {
	Post uuid.UUID `json:"post"`
	By   uuid.UUID `json:"by"`
}

// Restored gives a deleted comment its text back: the newest that it had.
type Restored struct {
	Post     uuid.UUID   `json:"post"`
	By       uuid.UUID   `json:"by"`
	Author   uuid.UUID   `json:"author"`
	Body     string      `json:"body" seal:"personal,Author"`
	Mentions []uuid.UUID `json:"mentions,omitzero"`
	Answer   bool        `json:"answer,omitzero"` // it is the accepted answer again
}
