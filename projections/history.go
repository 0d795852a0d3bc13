package projections

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/readmodels"
)

// historyRoutes keep of the table history what became of an account's ways in.
// sessionRoutes tell of its sign-ins; accountRoutes of its address, and of
// sessions that were ended together, before they change what they tell of.
func historyRoutes() []Route {
	return []Route{
		onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, d account.PasswordChanged) error {
			kind := said(d.Reset, readmodels.HistoryPasswordReset, readmodels.HistoryPasswordChanged)
			return readmodels.PutHistory(ctx, b, id, e, kind, "", "")
		}),
		told[account.HandleChanged](readmodels.HistoryHandleChanged),
		told[account.TOTPEnabled](readmodels.HistoryTOTPEnabled),
		told[account.TOTPDisabled](readmodels.HistoryTOTPDisabled),
		told[account.RecoveryCodeUsed](readmodels.HistoryRecoveryCodeUsed),
		told[account.PasskeyAdded](readmodels.HistoryPasskeyAdded),
		told[account.PasskeyRefused](readmodels.HistoryPasskeyRefused),
		told[account.PasskeyRemoved](readmodels.HistoryPasskeyRemoved),
		told[account.IdentityLinked](readmodels.HistoryIdentityLinked),
		told[account.IdentityUnlinked](readmodels.HistoryIdentityUnlinked),
		told[account.Suspended](readmodels.HistorySuspended),
		told[account.SuspensionLifted](readmodels.HistorySuspensionLifted),
	}
}

// told is a route of events that are always an entry. The log does not say from
// which device or network they came.
func told[T any](kind string) Route {
	return onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, _ T) error {
		return readmodels.PutHistory(ctx, b, id, e, kind, "", "")
	})
}
