//go:build !stack

package process

import (
	"path/filepath"
	"testing"

	"github.com/parleyhq/parley/infra/sqlite"
	"github.com/parleyhq/parley/readmodels"
)

// newTables is an empty place for generations.
func newTables(t *testing.T) readmodels.Generations {
	t.Helper()
	g, err := sqlite.OpenGenerations(t.TempDir())
	must(t, err)
	t.Cleanup(func() { _ = g.Close() })
	return g
}

// newState is an empty database for state.
func newState(t *testing.T) readmodels.DB {
	t.Helper()
	state, err := sqlite.OpenState(t.Context(), filepath.Join(t.TempDir(), "state.db"))
	must(t, err)
	t.Cleanup(func() { _ = state.Close() })
	return state
}
