package commands

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/session"
)

// Actor is who asks: a signed-in account in one of its sessions, or a program
// with an API key of an administrator.
type Actor struct {
	Account uuid.UUID
	Session uuid.UUID // uuid.Nil where a key asks
	Roles   []string  // as the token says: a hint, never a permission
	Issued  time.Time // the access token
	Expires time.Time // of the access token

	origin session.Binding // where the access token was issued to

	Key    uuid.UUID // of the API key; uuid.Nil: signed in
	Scopes []string  // of the API key; nothing else may be done with it
}

// Within says whether the actor may do what needs a scope, as far as scopes
// go: they narrow API keys and nobody else.
func (a Actor) Within(scope string) bool {
	return a.Key == uuid.Nil || slices.Contains(a.Scopes, scope)
}
