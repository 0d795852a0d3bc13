package readmodels

import (
	"context"
	"slices"

	"github.com/google/uuid"
)

// around is what a page of posts or comments shows beside its rows.
type around struct {
	summaries map[uuid.UUID]Summary // of authors and of the mentioned
	apart     map[uuid.UUID]bool    // of the mentioned: whom a block keeps out of sight
	reactions map[string]*Reactions // by subject
}

// lookAround reads all of it in at most five queries, however many rows there
// are.
func lookAround(ctx context.Context, r Reader, viewer uuid.UUID, subjects []any, authors, mentions []uuid.UUID) (a around, err error) {
	if a.summaries, err = Summaries(ctx, r, slices.Concat(authors, mentions)...); err != nil {
		return a, err
	}
	if a.apart, err = apartFrom(ctx, r, viewer, mentions); err != nil {
		return a, err
	}
	a.reactions, err = reactionsOf(ctx, r, viewer, subjects)
	return a, err
}
