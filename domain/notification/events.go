package notification

import (
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// Kind is what an entry is about.
type Kind string

// The kinds, as they stand in events and answers.
const (
	Reply           Kind = "reply"
	Mention         Kind = "mention"
	CommentMention  Kind = "comment_mention"
	PostReaction    Kind = "post_reaction"
	CommentReaction Kind = "comment_reaction"
	Follow          Kind = "follow"
	FollowRequest   Kind = "follow_request"
	FollowedPost    Kind = "followed_post"
	Chat            Kind = "chat"
	Recommendation  Kind = "recommendation"
	Moderation      Kind = "moderation"
)

// Subject is the thing that an entry leads to.
type Subject struct {
	Type string    `json:"type"` // "post", "comment", "account", "room", "report"
	ID   uuid.UUID `json:"id"`
}

// Cause is the event that led to an entry. Positions of different epochs do
// not compare.
type Cause struct {
	Epoch    uuid.UUID `json:"epoch"` // of the log, at that event
	Position uint64    `json:"position"`
	ID       uuid.UUID `json:"id"`
}

type (
	// Notified is one entry. All but its kind is sealed with the key of whose
	// inbox it is: an anonymous author must not be found by what they are
	// told of.
	Notified struct {
		Kind    Kind      `json:"kind"`
		Actor   uuid.UUID `json:"actor" seal:"personal"` // uuid.Nil: an anonymous author
		Subject Subject   `json:"subject" seal:"personal"`
		Cause   Cause     `json:"cause" seal:"personal"`
		Message uint64    `json:"message,omitzero" seal:"personal"` // of kind chat: the message's number in its room
	}
	// Read says that everything up to that number was read; it only rises.
	Read struct {
		Number uint64 `json:"number"`
	}
)

// Events are the rows of the catalogue. The root of each is the account.
var Events = []event.Definition{
	event.Of[Notified]("inbox.notified.v1", event.Inbox, nil),
	event.Of[Read]("inbox.read.v1", event.Inbox, nil),
}

// Stream is the name of an account's inbox.
func Stream(account uuid.UUID) string { return event.StreamName("inbox", account.String()) }
