package rest

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/readmodels"
)

// Resources gives parts of answers to whoever answers in another way than
// HTTP, in the very form that HTTP has.
type Resources struct{ Tables *readmodels.Tables }

// Summary is an account's summary; nil for one that is gone.
func (s Resources) Summary(ctx context.Context, account uuid.UUID) (any, error) {
	var found map[uuid.UUID]readmodels.Summary
	err := s.Tables.Read(ctx, func(r readmodels.Reader) (err error) {
		found, err = readmodels.Summaries(ctx, r, account)
		return err
	})
	if row, ok := found[account]; ok && err == nil {
		return showSummary(row), nil
	}
	return nil, err
}

// Images are the images of those ids that are there; none can be uploaded yet.
func (Resources) Images(context.Context, []uuid.UUID) ([]any, error) { return []any{}, nil }
