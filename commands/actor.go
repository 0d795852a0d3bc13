package commands

import (
	"time"

	"github.com/google/uuid"
)

// Actor is who asks: a signed-in account in one of its sessions.
type Actor struct {
	Account uuid.UUID
	Session uuid.UUID
	Roles   []string  // as the token says: a hint, never a permission
	Expires time.Time // of the access token
}
