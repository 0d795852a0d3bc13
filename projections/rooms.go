package projections

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/readmodels"
)

func roomRoutes() []Route {
	return []Route{
		onID(roomCreated),
		onID(func(ctx context.Context, b readmodels.Batch, room uuid.UUID, e event.Decoded, d chat.SettingsChanged) error {
			if d.Avatar != nil {
				if err := readmodels.SetImageUses(ctx, b, roomPlace(room), readmodels.ToSome, e.Time, *d.Avatar); err != nil {
					return err
				}
			}
			return readmodels.SetRoom(ctx, b, room, d, e.ID)
		}),
		onID(func(ctx context.Context, b readmodels.Batch, room uuid.UUID, e event.Decoded, d chat.Joined) error {
			return readmodels.AddRoomMember(ctx, b, room, d.Account, chat.Plain, e.Time, number(e))
		}),
		onID(func(ctx context.Context, b readmodels.Batch, room uuid.UUID, _ event.Decoded, d chat.Left) error {
			return readmodels.RemoveRoomMember(ctx, b, room, d.Account)
		}),
		onID(func(ctx context.Context, b readmodels.Batch, room uuid.UUID, _ event.Decoded, d chat.Removed) error {
			return readmodels.RemoveRoomMember(ctx, b, room, d.Account)
		}),
		onID(func(ctx context.Context, b readmodels.Batch, room uuid.UUID, _ event.Decoded, d chat.RoleChanged) error {
			return readmodels.SetRoomRole(ctx, b, room, d.Account, d.Role)
		}),
	}
}

func roomCreated(ctx context.Context, b readmodels.Batch, room uuid.UUID, e event.Decoded, d chat.RoomCreated) error {
	if err := readmodels.PutRoom(ctx, b, room, d, e.Time, e.ID, e.Position); err != nil {
		return err
	}
	if err := readmodels.SetImageUses(ctx, b, roomPlace(room), readmodels.ToSome, e.Time, d.Avatar); err != nil {
		return err
	}
	for _, account := range d.Members {
		role := chat.Plain
		if d.Kind == chat.Group && account == d.By {
			role = chat.Owner
		}
		if err := readmodels.AddRoomMember(ctx, b, room, account, role, e.Time, number(e)); err != nil {
			return err
		}
	}
	return nil
}

// number is an event's place in what it belongs to: a room's conversation, an
// inbox.
func number(e event.Decoded) uint64 { return e.Revision + 1 }
