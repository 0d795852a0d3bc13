package board

import (
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// Events is this package's part of the catalogue. Names and JSON are frozen.
var Events = []event.Definition{
	event.Of[Created]("board.created.v1", event.Forum, nil),
	event.Of[Changed]("board.changed.v1", event.Forum, nil),
	event.Of[Archived]("board.archived.v1", event.Forum, nil),
	event.Of[ModeratorSet]("board.moderator_set.v1", event.Forum, nil),
	event.Of[Voided]("board.voided.v1", event.Forum, nil),
	event.Of[ClaimVoided]("board.claim_voided.v1", event.Forum, nil),
	event.Of("boardname.claimed.v1", event.Forum, func(d NameClaimed) string { return d.Board.String() }),
	event.Of("boardname.released.v1", event.Forum, func(d NameReleased) string { return d.Board.String() }),
}

// Created is a new board; who made it moderates it.
type Created struct {
	By          uuid.UUID `json:"by"`
	Name        string    `json:"name" seal:"community"`
	NameClaim   string    `json:"nameClaim"` // name of the stream that holds the name
	Rules       string    `json:"rules,omitzero" seal:"community"`
	Description string    `json:"description,omitzero" seal:"community"`
	Icon        uuid.UUID `json:"icon,omitzero"`
	Banner      uuid.UUID `json:"banner,omitzero"`
}

// Changed holds what was changed alone. An Icon or Banner of uuid.Nil takes
// the picture away. NameClaim is there when Name is.
type Changed struct {
	By          uuid.UUID  `json:"by"`
	Name        *string    `json:"name,omitzero" seal:"community"`
	NameClaim   string     `json:"nameClaim,omitzero"`
	Rules       *string    `json:"rules,omitzero" seal:"community"`
	Description *string    `json:"description,omitzero" seal:"community"`
	Icon        *uuid.UUID `json:"icon,omitzero"`
	Banner      *uuid.UUID `json:"banner,omitzero"`
}

// Archived closes a board to posts and comments, or opens it again.
type Archived struct {
	By       uuid.UUID `json:"by"`
	Archived bool      `json:"archived"`
}

// ModeratorSet makes an account a moderator, or takes that back.
type ModeratorSet struct {
	By        uuid.UUID `json:"by"`
	Account   uuid.UUID `json:"account"`
	Moderator bool      `json:"moderator"`
}

// Voided says that this board was claimed for and never made: it will never
// be.
type Voided struct{}

// ClaimVoided says that a name which the board claimed and did not name went
// to somebody else; a renaming under way fails on it.
type ClaimVoided struct {
	Claim string `json:"claim"` // name of the claim's stream
}

// NameClaimed gives a name to a board, whoever had it before.
type NameClaimed struct {
	Board uuid.UUID `json:"board"`
}

// NameReleased frees a name.
type NameReleased struct {
	Board uuid.UUID `json:"board"` // which had it
}
