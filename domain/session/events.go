package session

import (
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// Events is this package's part of the catalogue. Names and JSON are frozen.
// Their root is the account, not the session.
var Events = []event.Definition{
	event.Of("session.started.v1", event.People, func(d Started) string { return d.Account.String() }),
	event.Of("session.joined.v1", event.People, func(d Joined) string { return d.Account.String() }),
	event.Of("session.refreshed.v1", event.People, func(d Refreshed) string { return d.Account.String() }),
	event.Of("session.ended.v1", event.People, func(d Ended) string { return d.Account.String() }),
	event.Of("session.bound.v1", event.People, func(d Bound) string { return d.Account.String() }),
	event.Of("session.mismatched.v1", event.People, func(d Mismatched) string { return d.Account.String() }),
}

// Reasons why a session ended.
const (
	SignedOut = "signed_out" // by its account, here or elsewhere
	Reused    = "reused"     // a used refresh token came back
	Foreign   = "binding"    // a token came from where it was not issued to
)

// Started is a sign-in. Epoch is the account's session epoch at that time.
type Started struct {
	Account   uuid.UUID `json:"account"`
	Family    uuid.UUID `json:"family"` // of refresh tokens; token 0 is issued
	Epoch     uint64    `json:"epoch"`
	Device    string    `json:"device,omitzero" seal:"personal,Account"`  // in words: "Firefox on Linux"
	Network   string    `json:"network,omitzero" seal:"personal,Account"` // IPv4 address or IPv6 /64
	ExpiresAt time.Time `json:"expiresAt"`                                // of the refresh token
}

// Joined is a sign-in that shares a session that was there, with a family of
// its own.
type Joined struct {
	Account   uuid.UUID `json:"account"`
	Family    uuid.UUID `json:"family"`
	Device    string    `json:"device,omitzero" seal:"personal,Account"`
	Network   string    `json:"network,omitzero" seal:"personal,Account"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// Refreshed issued refresh token number Token; the one before was presented.
type Refreshed struct {
	Account   uuid.UUID `json:"account"`
	Family    uuid.UUID `json:"family"`
	Token     uint32    `json:"token"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// Ended is the end of the session and of all its tokens.
type Ended struct {
	Account uuid.UUID `json:"account"`
	Reason  string    `json:"reason"`
}

// Bound says where a family of tokens was issued to. It follows the sign-in.
type Bound struct {
	Account uuid.UUID `json:"account"`
	Family  uuid.UUID `json:"family"`
	Agent   []byte    `json:"agent,omitzero" seal:"secret,Account"`
	Network []byte    `json:"network,omitzero" seal:"secret,Account"`
}

// Mismatched says from where a token came that was not issued to there. The
// session's end follows.
type Mismatched struct {
	Account uuid.UUID `json:"account"`
	Device  string    `json:"device,omitzero" seal:"personal,Account"`
	Network string    `json:"network,omitzero" seal:"personal,Account"`
}
