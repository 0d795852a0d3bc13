package projections

import (
	"slices"

	"github.com/parleyhq/parley/readmodels"
)

// tablesVersion rises when handlers change what they write from the same
// events into the same schema; it makes a new generation.
const tablesVersion = 5

// Tables is the projector of all relational tables. They move together, so
// that a read never sees half an event. feeds says how home feeds are kept:
// those of one generation may be kept in several ways, one after the other.
func Tables(feeds readmodels.Feeds) Projector {
	return Projector{
		Name:    "tables",
		Version: tablesVersion,
		Schema:  readmodels.Schema(),
		Routes: slices.Concat(
			// a line a noun: accountRoutes(), boardRoutes(), …
			accountRoutes(),
			sessionRoutes(),
			historyRoutes(),
			followRoutes(feeds),
			boardRoutes(),
			boardFollowRoutes(feeds),
			postRoutes(feeds),
			commentRoutes(),
			reactionRoutes(),
			bookmarkRoutes(),
			roomRoutes(),
			messageRoutes(),
			receiptRoutes(),
			notificationRoutes(),
			apiKeyRoutes(),
			imageRoutes(),
			reportRoutes(),
			auditRoutes(),
		),
	}
}
