package projections

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/readmodels"
)

func postRoutes(feeds readmodels.Feeds) []Route {
	return []Route{
		onThing(postDrafted),
		onThing(readmodels.UnschedulePost),
		onThing(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, d post.Published, w readmodels.When) error {
			return postPublished(ctx, b, id, d, w, feeds)
		}),
		onThing(readmodels.EditPost),
		onThing(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, _ post.Deleted, w readmodels.When) error {
			if err := readmodels.ShowImageUses(ctx, b, postPlace(id), readmodels.ToNobody); err != nil {
				return err
			}
			return readmodels.DeletePost(ctx, b, id, w)
		}),
		onThing(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, d post.AnswerAccepted, w readmodels.When) error {
			return readmodels.SetAnswer(ctx, b, id, d.Comment, w)
		}),
		onThing(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, _ post.Restored, w readmodels.When) error {
			shown, err := readmodels.RestorePost(ctx, b, id, w)
			if err != nil {
				return err
			}
			return readmodels.ShowImageUses(ctx, b, postPlace(id), shown)
		}),
		onThing(readmodels.RedactRevision),
		onThing(readmodels.LockPost),
		onThing(readmodels.PinPost),
		onThing(readmodels.MovePost),
	}
}

func postDrafted(ctx context.Context, b readmodels.Batch, id uuid.UUID, d post.Drafted, w readmodels.When) error {
	state := post.Draft
	if !d.PublishAt.IsZero() {
		state = post.Scheduled
	}
	if err := postPictures(ctx, b, id, readmodels.ToSome, w, d.Images, d.Thumbnail); err != nil {
		return err
	}
	return readmodels.PutPost(ctx, b, id, readmodels.PostText{
		Board: d.Board, Author: d.Author, Hidden: d.HiddenAuthor, Anonymous: d.Anonymous, Type: d.Type,
		Title: d.Title, Body: d.Body, Images: d.Images, Thumbnail: d.Thumbnail,
	}, state, d.PublishAt, w, readmodels.Feeds{}) // a draft is in no feed
}

func postPublished(ctx context.Context, b readmodels.Batch, id uuid.UUID, d post.Published, w readmodels.When, feeds readmodels.Feeds) error {
	if err := postPictures(ctx, b, id, readmodels.ToEverybody, w, d.Images, d.Thumbnail); err != nil {
		return err
	}
	return readmodels.PutPost(ctx, b, id, readmodels.PostText{
		Board: d.Board, Author: d.Author, Hidden: d.HiddenAuthor, Anonymous: d.Anonymous, Type: d.Type,
		Title: d.Title, Body: d.Body, Images: d.Images, Thumbnail: d.Thumbnail, Hashtags: d.Hashtags, Mentions: d.Mentions,
	}, post.Live, time.Time{}, w, feeds)
}

// postPictures says which pictures a post names, and to whom it shows them.
func postPictures(ctx context.Context, b readmodels.Batch, id uuid.UUID, shown readmodels.Shown, w readmodels.When, images []uuid.UUID, thumbnail uuid.UUID) error {
	return readmodels.SetImageUses(ctx, b, postPlace(id), shown, w.At, append([]uuid.UUID{thumbnail}, images...)...)
}
