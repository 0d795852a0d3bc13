package domain

import (
	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/follow"
	"github.com/parleyhq/parley/domain/session"
)

// Catalogue is every version of every event there is. It fails only where two
// rows contradict each other.
func Catalogue() (*event.Catalogue, error) {
	return event.NewCatalogue(
		account.Events,
		session.Events,
		follow.Events,
	)
}
