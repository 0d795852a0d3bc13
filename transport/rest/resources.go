package rest

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/readmodels"
)

// Resources gives parts of answers to whoever answers in another way than
// HTTP, in the very form that HTTP has. It asks no table: sockets that come
// back in thousands would all ask at once.
type Resources struct{ Commands *commands.Commands }

// Summary is an account's summary; nil for one that is gone.
func (s Resources) Summary(ctx context.Context, account uuid.UUID) (any, error) {
	a, ok, err := s.Commands.AccountSummary(ctx, account)
	if err != nil || !ok {
		return nil, err
	}
	return showSummary(readmodels.Summary{ID: a.ID, Handle: a.Handle, DisplayName: a.DisplayName, Avatar: a.Avatar}), nil
}

// Images are the images of those ids that are there; none can be uploaded yet.
func (Resources) Images(context.Context, []uuid.UUID) ([]any, error) { return []any{}, nil }
