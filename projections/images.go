package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/image"
	"github.com/parleyhq/parley/readmodels"
)

// imageRoutes keep pictures; what names them is kept with those who do.
func imageRoutes() []Route {
	return []Route{
		onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, d image.Uploaded) error {
			return readmodels.PutImage(ctx, b, id, d, e.Time, e.Revision)
		}),
		onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, e event.Decoded, _ image.Used) error {
			return readmodels.KeepImage(ctx, b, id, e.Time, e.Revision)
		}),
		onID(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, _ event.Decoded, _ image.Removed) error {
			return readmodels.DropImage(ctx, b, id)
		}),
	}
}

// Places that name pictures.

func accountPlace(id uuid.UUID, field string) string { return "account/" + id.String() + "/" + field }

func boardPlace(id uuid.UUID, field string) string { return "board/" + id.String() + "/" + field }

func postPlace(id uuid.UUID) string { return "post/" + id.String() }

func roomPlace(id uuid.UUID) string { return "room/" + id.String() }

func messagePlace(room uuid.UUID, number uint64) string {
	return fmt.Sprintf("message/%s/%d", room, number)
}

func reportPlace(id uuid.UUID) string { return "report/" + id.String() }

// setPicture says which picture a place shows to everybody, where that changed.
func setPicture(ctx context.Context, b readmodels.Batch, place string, at time.Time, id *uuid.UUID) error {
	if id == nil {
		return nil
	}
	return readmodels.SetImageUses(ctx, b, place, readmodels.ToEverybody, at, *id)
}
