//go:build stack

package projections_test

import (
	"testing"

	"github.com/parleyhq/parley/infra/postgres"
	"github.com/parleyhq/parley/infra/postgres/postgrestest"
	"github.com/parleyhq/parley/readmodels"
)

// newPlace is an empty place for generations.
func newPlace(t *testing.T) readmodels.Generations {
	t.Helper()
	return postgrestest.Open(t, postgres.Options{}).Generations("a_family")
}

// newState is an empty database for state.
func newState(t *testing.T) readmodels.DB {
	t.Helper()
	return postgrestest.Open(t, postgres.Options{}).State()
}

// databasePlace keeps tables in a database. A kill is the end of all its
// connections, amid a transaction.
type databasePlace struct {
	t   *testing.T
	url string
}

func newFoldPlace(t *testing.T) foldPlace { return databasePlace{t, postgrestest.Database(t)} }

func (p databasePlace) open(t *testing.T) (readmodels.Generations, func()) {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Options{URL: p.url})
	must(t, err)
	return db.Generations("a_family"), func() { must(t, db.Close()) }
}

func (p databasePlace) back() error { return nil }
func (p databasePlace) keep() error { return nil }

func (p databasePlace) amid() error {
	postgrestest.Exec(p.t, p.url, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	return nil
}
