package bookmark

import (
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// Events is this package's part of the catalogue. Names and JSON are frozen.
// The root is whose bookmark it is.
var Events = []event.Definition{
	event.Of("bookmark.added.v1", event.People, func(d Added) string { return d.Account.String() }),
	event.Of("bookmark.moved.v1", event.People, func(d Moved) string { return d.Account.String() }),
	event.Of("bookmark.removed.v1", event.People, func(d Removed) string { return d.Account.String() }),
}

// Added keeps a post. An empty Folder is none.
type Added struct {
	Account       uuid.UUID `json:"account"`                                 // the post's pseudonym, if its anonymous author keeps it
	HiddenAccount uuid.UUID `json:"hiddenAccount,omitzero" seal:"anonymous"` // the account, then
	Post          uuid.UUID `json:"post"`
	Folder        string    `json:"folder,omitzero" seal:"personal,Account"`
}

// Moved puts what is kept into another folder, or into none.
type Moved struct {
	Account       uuid.UUID `json:"account"`
	HiddenAccount uuid.UUID `json:"hiddenAccount,omitzero" seal:"anonymous"`
	Post          uuid.UUID `json:"post"`
	Folder        string    `json:"folder,omitzero" seal:"personal,Account"`
}

// Removed keeps it no longer.
type Removed struct {
	Account       uuid.UUID `json:"account"`
	HiddenAccount uuid.UUID `json:"hiddenAccount,omitzero" seal:"anonymous"`
	Post          uuid.UUID `json:"post"`
}
