package domain

import (
	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/apikey"
	"github.com/parleyhq/parley/domain/board"
	"github.com/parleyhq/parley/domain/bookmark"
	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/comment"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/follow"
	"github.com/parleyhq/parley/domain/image"
	"github.com/parleyhq/parley/domain/notification"
	"github.com/parleyhq/parley/domain/ops"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/domain/reaction"
	"github.com/parleyhq/parley/domain/report"
	"github.com/parleyhq/parley/domain/session"
)

// Catalogue is every version of every event there is. It fails only where two
// rows contradict each other.
func Catalogue() (*event.Catalogue, error) {
	return event.NewCatalogue(
		ops.Events,
		apikey.Events,
		account.Events,
		session.Events,
		follow.Events,
		chat.Events,
		notification.Events,
		board.Events,
		comment.Events,
		post.Events,
		reaction.Events,
		report.Events,
		image.Events,
		bookmark.Events,
	)
}
