package projections

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/readmodels"
)

func messageRoutes() []Route {
	return []Route{
		onID(func(ctx context.Context, b readmodels.Batch, room uuid.UUID, e event.Decoded, d chat.MessageSent) error {
			if len(d.Images) > 0 {
				if err := readmodels.SetImageUses(ctx, b, messagePlace(room, number(e)), readmodels.ToSome, e.Time, d.Images...); err != nil {
					return err
				}
			}
			return readmodels.PutMessage(ctx, b, readmodels.MessageSent(room, number(e), e.ID, e.Time, d), e.Position)
		}),
		onID(func(ctx context.Context, b readmodels.Batch, room uuid.UUID, e event.Decoded, d chat.MessageEdited) error {
			return readmodels.EditMessage(ctx, b, room, d, e.Time, number(e))
		}),
		onID(func(ctx context.Context, b readmodels.Batch, room uuid.UUID, e event.Decoded, d chat.MessageDeleted) error {
			if err := readmodels.SetImageUses(ctx, b, messagePlace(room, d.Number), readmodels.ToNobody, e.Time); err != nil {
				return err
			}
			return readmodels.EmptyMessage(ctx, b, readmodels.MessageKey{Room: room, Number: d.Number}, number(e))
		}),
		onID(func(ctx context.Context, b readmodels.Batch, room uuid.UUID, e event.Decoded, d chat.MessageRestored) error {
			if len(d.Images) > 0 {
				if err := readmodels.SetImageUses(ctx, b, messagePlace(room, d.Number), readmodels.ToSome, e.Time, d.Images...); err != nil {
					return err
				}
			}
			return readmodels.FillMessage(ctx, b, room, d, number(e))
		}),
		onID(func(ctx context.Context, b readmodels.Batch, room uuid.UUID, _ event.Decoded, d chat.ReactionAdded) error {
			return readmodels.SetMessageReaction(ctx, b, readmodels.MessageKey{Room: room, Number: d.Number}, d.Account, d.Kind, true)
		}),
		onID(func(ctx context.Context, b readmodels.Batch, room uuid.UUID, _ event.Decoded, d chat.ReactionRemoved) error {
			return readmodels.SetMessageReaction(ctx, b, readmodels.MessageKey{Room: room, Number: d.Number}, d.Account, d.Kind, false)
		}),
	}
}
