//go:build stack

package process

import (
	"testing"

	"github.com/parleyhq/parley/infra/postgres"
	"github.com/parleyhq/parley/infra/postgres/postgrestest"
	"github.com/parleyhq/parley/readmodels"
)

// newTables is an empty place for generations.
func newTables(t *testing.T) readmodels.Generations {
	t.Helper()
	return postgrestest.Open(t, postgres.Options{}).Generations("a_family")
}

// newState is an empty database for state.
func newState(t *testing.T) readmodels.DB {
	t.Helper()
	return postgrestest.Open(t, postgres.Options{}).State()
}
