package report

import (
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// Events is this package's part of the catalogue. Names and JSON are frozen.
var Events = []event.Definition{
	event.Of("reported.begun.v1", event.Forum, func(d Begun) string { return d.Report.String() }),
	event.Of[Made]("report.made.v1", event.Forum, nil),
	event.Of[Decided]("report.decided.v1", event.Forum, nil),
	event.Of[Appealed]("report.appealed.v1", event.Forum, nil),
}

// SubjectType is the kind of thing that a report is about.
type SubjectType string

// The kinds.
const (
	Post    SubjectType = "post"
	Comment SubjectType = "comment"
	Message SubjectType = "message"
	Account SubjectType = "account"
	Board   SubjectType = "board"
	Hashtag SubjectType = "hashtag"
)

// Subject is what a report is about. A hashtag's id is its tag, folded.
type Subject struct {
	Type SubjectType `json:"type"`
	ID   string      `json:"id"`
}

// Action is what a decision does.
type Action string

// The actions.
const (
	None    Action = "none"
	Remove  Action = "remove"  // delete the post, comment or message
	Suspend Action = "suspend" // suspend its author
)

// Begun names the report that an account makes of a subject next; the report
// follows in its own stream.
type Begun struct {
	Report uuid.UUID `json:"report"`
}

// Made is a new report. Author is whom it is about, a pseudonym where they are
// anonymous, and uuid.Nil for a board or a hashtag.
type Made struct {
	Reporter uuid.UUID `json:"reporter"`
	Subject  Subject   `json:"subject"`
	Post     uuid.UUID `json:"post,omitzero"`   // the post, also that of a comment
	Room     uuid.UUID `json:"room,omitzero"`   // of a message
	Number   uint64    `json:"number,omitzero"` // likewise
	Author   uuid.UUID `json:"author,omitzero"`
	Reason   string    `json:"reason" seal:"personal,Reporter"`
	Copy     Copy      `json:"copy,omitzero" seal:"personal,Author"`
}

// Copy is a message as it was reported. In its text, ids stand for the handles
// of those it mentions (see text.Quote).
type Copy struct {
	Text     string      `json:"text"`
	Mentions []uuid.UUID `json:"mentions,omitzero"`
	Images   []uuid.UUID `json:"images,omitzero"`
	SentAt   time.Time   `json:"sentAt"`
	EditedAt time.Time   `json:"editedAt,omitzero"`
}

// Decided resolves a report, for the first time or anew.
type Decided struct {
	By     uuid.UUID `json:"by"`
	Action Action    `json:"action"`
	Former Action    `json:"former,omitzero"` // of the decision that it takes the place of
	Until  time.Time `json:"until,omitzero"`  // of Suspend; zero: for ever
	Acted  bool      `json:"acted,omitzero"`  // it was this decision, or its former, that did what Action says
	About  uuid.UUID `json:"about"`           // whom Reason is about: the author, or who decided where there is none
	Reason string    `json:"reason" seal:"personal,About"`
}

// Appealed asks for another decision. Author is who was acted on, a pseudonym
// where they are anonymous.
type Appealed struct {
	Author uuid.UUID `json:"author"`
	Reason string    `json:"reason" seal:"personal,Author"`
}
