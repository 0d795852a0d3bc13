package projections

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/readmodels"
)

func postRoutes() []Route {
	return []Route{
		onThing(postDrafted),
		onThing(postPublished),
		onThing(readmodels.EditPost),
		onThing(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, _ post.Deleted, w readmodels.When) error {
			return readmodels.DeletePost(ctx, b, id, w)
		}),
		onThing(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, d post.AnswerAccepted, w readmodels.When) error {
			return readmodels.SetAnswer(ctx, b, id, d.Comment, w)
		}),
	}
}

func postDrafted(ctx context.Context, b readmodels.Batch, id uuid.UUID, d post.Drafted, w readmodels.When) error {
	state := post.Draft
	if !d.PublishAt.IsZero() {
		state = post.Scheduled
	}
	return readmodels.PutPost(ctx, b, id, readmodels.PostText{
		Board: d.Board, Author: d.Author, Hidden: d.HiddenAuthor, Anonymous: d.Anonymous, Type: d.Type,
		Title: d.Title, Body: d.Body, Images: d.Images, Thumbnail: d.Thumbnail,
	}, state, d.PublishAt, w)
}

func postPublished(ctx context.Context, b readmodels.Batch, id uuid.UUID, d post.Published, w readmodels.When) error {
	return readmodels.PutPost(ctx, b, id, readmodels.PostText{
		Board: d.Board, Author: d.Author, Hidden: d.HiddenAuthor, Anonymous: d.Anonymous, Type: d.Type,
		Title: d.Title, Body: d.Body, Images: d.Images, Thumbnail: d.Thumbnail, Hashtags: d.Hashtags, Mentions: d.Mentions,
	}, post.Live, time.Time{}, w)
}
