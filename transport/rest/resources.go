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
type Resources struct {
	Commands *commands.Commands
	ImageURL string // what links to public pictures begin with
}

// Summary is an account's summary; nil for one that is gone.
func (s Resources) Summary(ctx context.Context, account uuid.UUID) (any, error) {
	a, ok, err := s.Commands.AccountSummary(ctx, account)
	if err != nil || !ok {
		return nil, err
	}
	shown := showSummary(readmodels.Summary{ID: a.ID, Handle: a.Handle, DisplayName: a.DisplayName, Avatar: a.Avatar})
	err = s.links().illustrate(ctx, &shown, s.Commands.Images)
	return shown, err
}

// Images are the images of those ids that are there; open says that the place
// that names them shows them to everybody.
func (s Resources) Images(ctx context.Context, ids []uuid.UUID, open bool) ([]any, error) {
	shown := imagesOf(ids, open)
	if err := s.links().illustrate(ctx, &shown, s.Commands.Images); err != nil {
		return nil, err
	}
	all := make([]any, len(shown))
	for i := range shown {
		all[i] = shown[i]
	}
	return all, nil
}

func (s Resources) links() imageLinks { return imageLinks{s.Commands, s.ImageURL} }
