package projections

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/readmodels"
)

// accountRoutes keep the table account.
func accountRoutes() []Route {
	return []Route{
		onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, d account.Registered) error {
			return readmodels.PutAccount(ctx, b, id, d, e.Time, e.ID)
		}),
		onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, d account.ClaimVoided) error {
			return readmodels.DropClaim(ctx, b, id, d.Claim, e.ID)
		}),
		onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, d account.EmailVerified) error {
			if err := readmodels.PutHistoryOfEmail(ctx, b, id, d, e); err != nil {
				return err
			}
			return readmodels.SetEmail(ctx, b, id, d, e.ID)
		}),
		onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, d account.HandleChanged) error {
			return readmodels.SetHandle(ctx, b, id, d.Handle, e.ID)
		}),
		onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, d account.ProfileChanged) error {
			if err := setPicture(ctx, b, accountPlace(id, "avatar"), e.Time, d.Avatar); err != nil {
				return err
			}
			if err := setPicture(ctx, b, accountPlace(id, "banner"), e.Time, d.Banner); err != nil {
				return err
			}
			return readmodels.SetProfile(ctx, b, id, d, e.ID)
		}),
		onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, d account.SettingsChanged) error {
			return readmodels.SetSettings(ctx, b, id, d, e.ID)
		}),
		onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, d account.RoleGranted) error {
			return readmodels.AddRole(ctx, b, id, d.Role, e.ID)
		}),
		onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, d account.RoleRevoked) error {
			return readmodels.DropRole(ctx, b, id, d.Role, e.ID)
		}),
		onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, d account.SessionsEnded) error {
			return readmodels.DropSessions(ctx, b, id, d, e)
		}),
	}
}

// onID is On for streams whose name ends with an id.
func onID[T any](f func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, data T) error) Route {
	return On(func(ctx context.Context, b readmodels.Batch, e event.Decoded, data T) error {
		id, err := uuid.Parse(event.StreamID(e.Stream))
		if err != nil {
			return err
		}
		return f(ctx, b, id, e, data)
	})
}
