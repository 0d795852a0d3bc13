package apikey

import (
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// Events is this package's part of the catalogue. Names and JSON are frozen.
var Events = []event.Definition{
	event.Of[Created]("apikey.created.v1", event.Ops, nil),
	event.Of[Revoked]("apikey.revoked.v1", event.Ops, nil),
}

// Created is a new key. By is the administrator for whom it acts.
type Created struct {
	By     uuid.UUID `json:"by"`
	Name   string    `json:"name" seal:"community"`
	Scopes []string  `json:"scopes"`
	Hash   []byte    `json:"hash" seal:"secret,By"` // SHA-256 of the secret
}

// Revoked ends a key for ever.
type Revoked struct {
	By uuid.UUID `json:"by"`
}
