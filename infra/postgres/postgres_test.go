//go:build stack

package postgres_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/parleyhq/parley/infra/postgres"
	"github.com/parleyhq/parley/infra/postgres/postgrestest"
	"github.com/parleyhq/parley/readmodels"
	"github.com/parleyhq/parley/readmodels/sqltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// place is one database; each Open is another process.
type place struct{ url string }

func (p place) Open(t *testing.T) (readmodels.Generations, func()) {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Options{URL: p.url})
	must(t, err)
	return db.Generations("tables_0"), func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	sqltest.Run(t, func(t *testing.T) sqltest.Place { return place{postgrestest.Database(t)} })
}
