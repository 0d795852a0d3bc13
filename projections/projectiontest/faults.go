package projectiontest

import (
	"context"
	"fmt"

	"github.com/parleyhq/parley/readmodels"
)

// Moment is when a batch crashes.
type Moment int

// The moments.
const (
	Never        Moment = iota
	BeforeCommit        // everything of the batch is lost
	AfterCommit         // everything is there, but nobody was told
)

// Faults is a readmodels.Generations whose batches crash when Batch says so.
type Faults struct {
	readmodels.Generations
	Batch func() Moment
}

// Create implements readmodels.Generations.
func (f Faults) Create(ctx context.Context, name string, schema []string) (readmodels.DB, error) {
	db, err := f.Generations.Create(ctx, name, schema)
	return faulty{db, f.Batch}, err
}

type faulty struct {
	readmodels.DB
	crash func() Moment
}

func (f faulty) Batch(ctx context.Context, write func(readmodels.Batch) error) error {
	crash := f.crash()
	err := f.DB.Batch(ctx, func(b readmodels.Batch) error {
		if err := write(b); err != nil {
			return err
		}
		if crash == BeforeCommit {
			return fmt.Errorf("%w: crashed before the commit", readmodels.ErrUnavailable)
		}
		return nil
	})
	if err == nil && crash == AfterCommit {
		return fmt.Errorf("%w: crashed after the commit", readmodels.ErrUnavailable)
	}
	return err
}
