package follow

import (
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// Events is this package's part of the catalogue. Names and JSON are frozen.
// The root is the account whose relation it is.
var Events = []event.Definition{
	event.Of("follow.started.v1", event.People, func(d Started) string { return d.Follower.String() }),
	event.Of("follow.ended.v1", event.People, func(d Ended) string { return d.Follower.String() }),
	event.Of("block.started.v1", event.People, func(d BlockStarted) string { return d.Blocker.String() }),
	event.Of("block.ended.v1", event.People, func(d BlockEnded) string { return d.Blocker.String() }),
	event.Of("mute.started.v1", event.People, func(d MuteStarted) string { return d.Muter.String() }),
	event.Of("mute.ended.v1", event.People, func(d MuteEnded) string { return d.Muter.String() }),
	event.Of("boardfollow.started.v1", event.People, func(d BoardStarted) string { return d.Account.String() }),
	event.Of("boardfollow.ended.v1", event.People, func(d BoardEnded) string { return d.Account.String() }),
	event.Of("tagfollow.started.v1", event.People, func(d TagStarted) string { return d.Account.String() }),
	event.Of("follow.requested.v1", event.People, func(d Requested) string { return d.Follower.String() }),
	event.Of("follow.refused.v1", event.People, func(d Refused) string { return d.Follower.String() }),
	event.Of("tagfollow.ended.v1", event.People, func(d TagEnded) string { return d.Account.String() }),
	event.Of("postfollow.started.v1", event.People, func(d PostStarted) string { return d.Account.String() }),
	event.Of("postfollow.ended.v1", event.People, func(d PostEnded) string { return d.Account.String() }),
}

// Started is a new follower.
type Started struct {
	Follower uuid.UUID `json:"follower"`
	Followee uuid.UUID `json:"followee"`
}

// Ended is one follower less, by their will or because of a block, or one who
// waited to be one.
type Ended struct {
	Follower uuid.UUID `json:"follower"`
	Followee uuid.UUID `json:"followee"`
}

// BlockStarted puts two accounts out of each other's sight, and ends their
// follows of each other.
type BlockStarted struct {
	Blocker uuid.UUID `json:"blocker"`
	Blocked uuid.UUID `json:"blocked"`
}

// BlockEnded lifts a block; it restores no follow.
type BlockEnded struct {
	Blocker uuid.UUID `json:"blocker"`
	Blocked uuid.UUID `json:"blocked"`
}

// MuteStarted keeps an account out of another's feed and notifications.
type MuteStarted struct {
	Muter uuid.UUID `json:"muter"`
	Muted uuid.UUID `json:"muted"`
}

// MuteEnded lifts a mute.
type MuteEnded struct {
	Muter uuid.UUID `json:"muter"`
	Muted uuid.UUID `json:"muted"`
}

// BoardStarted brings a board into an account's feed.
type BoardStarted struct {
	Account uuid.UUID `json:"account"`
	Board   uuid.UUID `json:"board"`
}

// BoardEnded takes a board out of an account's feed.
type BoardEnded struct {
	Account uuid.UUID `json:"account"`
	Board   uuid.UUID `json:"board"`
}

// TagStarted brings a hashtag into an account's feed.
type TagStarted struct {
	Account uuid.UUID `json:"account"`
	Tag     string    `json:"tag"` // folded, without "#"
}

// TagEnded takes a hashtag out of an account's feed.
type TagEnded struct {
	Account uuid.UUID `json:"account"`
	Tag     string    `json:"tag"`
}

// PostStarted lets an account be told of replies to a post.
type PostStarted struct {
	Account       uuid.UUID `json:"account"`                                 // the post's pseudonym, if its anonymous author follows it
	HiddenAccount uuid.UUID `json:"hiddenAccount,omitzero" seal:"anonymous"` // the account, then
	Post          uuid.UUID `json:"post"`
}

// PostEnded lets it be told of them no longer.
type PostEnded struct {
	Account       uuid.UUID `json:"account"`
	HiddenAccount uuid.UUID `json:"hiddenAccount,omitzero" seal:"anonymous"`
	Post          uuid.UUID `json:"post"`
}
