package projections

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/report"
	"github.com/parleyhq/parley/readmodels"
)

// reportRoutes keep reports. The pictures of a reported message are shown to
// those who decide, also when the message is gone.
func reportRoutes() []Route {
	return []Route{
		onThing(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, d report.Made, w readmodels.When) error {
			if len(d.Copy.Images) > 0 {
				if err := readmodels.SetImageUses(ctx, b, reportPlace(id), readmodels.ToSome, w.At, d.Copy.Images...); err != nil {
					return err
				}
			}
			return readmodels.PutReport(ctx, b, id, d, w)
		}),
		onThing(readmodels.DecideReport),
		onThing(readmodels.AppealReport),
	}
}
