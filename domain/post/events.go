package post

import (
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// Events is this package's part of the catalogue. Names and JSON are frozen.
var Events = []event.Definition{
	event.Of[Drafted]("post.drafted.v1", event.Forum, nil),
	event.Of[Unscheduled]("post.unscheduled.v1", event.Forum, nil),
	event.Of[Published]("post.published.v1", event.Forum, nil),
	event.Of[Edited]("post.edited.v1", event.Forum, nil),
	event.Of[Deleted]("post.deleted.v1", event.Forum, nil),
	event.Of[AnswerAccepted]("post.answer_accepted.v1", event.Forum, nil),
	event.Of[Restored]("post.restored.v1", event.Forum, nil),
	event.Of[Redacted]("post.redacted.v1", event.Forum, nil),
	event.Of[Locked]("post.locked.v1", event.Forum, nil),
	event.Of[Pinned]("post.pinned.v1", event.Forum, nil),
	event.Of[Moved]("post.moved.v1", event.Forum, nil),
	event.Of[Unmasked]("post.unmasked.v1", event.Forum, nil),
}

// Drafted is a draft as a whole, new or changed. What it mentions is not open
// before it is published. PublishAt is zero in a draft without a date.
type Drafted struct {
	Board        uuid.UUID   `json:"board"`
	Author       uuid.UUID   `json:"author"` // a pseudonym if Anonymous
	Anonymous    bool        `json:"anonymous,omitzero"`
	HiddenAuthor uuid.UUID   `json:"hiddenAuthor,omitzero" seal:"anonymous"` // the account, if Anonymous
	Type         Type        `json:"type"`
	Title        string      `json:"title,omitzero" seal:"personal,Author"`
	Body         string      `json:"body,omitzero" seal:"personal,Author"`
	Images       []uuid.UUID `json:"images,omitzero"`
	Thumbnail    uuid.UUID   `json:"thumbnail,omitzero"`
	PublishAt    time.Time   `json:"publishAt,omitzero"`
}

// Unscheduled makes a scheduled post a draft without a date, for it could not
// be published when it was due. Why is sealed: that its author is suspended
// would say who that is, where few are.
type Unscheduled struct {
	Reason string `json:"reason" seal:"anonymous"` // the slug of what its author would have been told: "board.archived"
}

// Published is a post that everybody may read, as a whole. Hashtags are
// folded; Mentions are accounts, each once, in the order of the text.
type Published struct {
	Board        uuid.UUID   `json:"board"`
	Author       uuid.UUID   `json:"author"` // a pseudonym if Anonymous
	Anonymous    bool        `json:"anonymous,omitzero"`
	HiddenAuthor uuid.UUID   `json:"hiddenAuthor,omitzero" seal:"anonymous"` // the account, if Anonymous
	Type         Type        `json:"type"`
	Title        string      `json:"title" seal:"personal,Author"`
	Body         string      `json:"body" seal:"personal,Author"`
	Hashtags     []string    `json:"hashtags,omitzero"`
	Mentions     []uuid.UUID `json:"mentions,omitzero"`
	Images       []uuid.UUID `json:"images,omitzero"`
	Thumbnail    uuid.UUID   `json:"thumbnail,omitzero"`
}

// Edited is the whole text after an edit.
type Edited struct {
	Author   uuid.UUID   `json:"author"`
	Editor   uuid.UUID   `json:"editor"` // the pseudonym where the anonymous author edits
	Title    string      `json:"title" seal:"personal,Author"`
	Body     string      `json:"body" seal:"personal,Author"`
	Hashtags []string    `json:"hashtags,omitzero"`
	Mentions []uuid.UUID `json:"mentions,omitzero"`
}

// Deleted leaves a tombstone. On one it says whose delete it is from here on: a
// moderator's over the author's, or the author's alone again.
type Deleted struct {
	By uuid.UUID `json:"by"`
}

// Unmasked says that somebody was told, for a reason, who wrote an anonymous
// post. It changes nothing of the post.
type Unmasked struct {
	By           uuid.UUID `json:"by"`
	Author       uuid.UUID `json:"author"`                        // the pseudonym
	HiddenAuthor uuid.UUID `json:"hiddenAuthor" seal:"anonymous"` // the account that was named
	Reason       string    `json:"reason" seal:"personal,Author"`
}

// AnswerAccepted names the comment that answers a question; uuid.Nil takes it
// back.
type AnswerAccepted struct {
	By      uuid.UUID `json:"by"`
	Comment uuid.UUID `json:"comment,omitzero"`
}

// Restored takes a delete back. A post that waited is a draft again, without
// the date that it may have had.
type Restored struct {
	By        uuid.UUID `json:"by"`
	DeletedBy uuid.UUID `json:"deletedBy"`
}

// Redacted takes the text of an earlier revision away. Its words stay sealed in
// the event that said them, and whoever reads the log for others leaves them
// out from here on.
type Redacted struct {
	By       uuid.UUID `json:"by"`
	Revision int       `json:"revision"` // of the text, from 1
	Event    uuid.UUID `json:"event"`    // id of the event that said it
}

// Locked says that the post takes no comments, or takes them again.
type Locked struct {
	By     uuid.UUID `json:"by"`
	Locked bool      `json:"locked"`
}

// Pinned says that the post leads its board, or does so no longer.
type Pinned struct {
	By     uuid.UUID `json:"by"`
	Pinned bool      `json:"pinned"`
}

// Moved puts the post on another board, where it is not pinned.
type Moved struct {
	By    uuid.UUID `json:"by"`
	From  uuid.UUID `json:"from"`
	Board uuid.UUID `json:"board"`
}
