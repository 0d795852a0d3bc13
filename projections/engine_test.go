//go:build !stack

package projections_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/parleyhq/parley/infra/sqlite"
	"github.com/parleyhq/parley/readmodels"
)

// newPlace is an empty place for generations.
func newPlace(t *testing.T) readmodels.Generations {
	t.Helper()
	g, err := sqlite.OpenGenerations(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// newState is an empty database for state.
func newState(t *testing.T) readmodels.DB {
	t.Helper()
	state, err := sqlite.OpenState(t.Context(), filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = state.Close() })
	return state
}

// filePlace keeps tables in a folder; its image is a copy, taken amid a
// transaction too: that is what kill -9 would leave on the disk.
type filePlace struct{ files, older string }

func newFoldPlace(t *testing.T) foldPlace {
	root := t.TempDir()
	return filePlace{filepath.Join(root, "files"), filepath.Join(root, "older")}
}

func (p filePlace) open(t *testing.T) (readmodels.Generations, func()) {
	t.Helper()
	g, err := sqlite.OpenGenerations(p.files)
	must(t, err)
	return g, func() { must(t, g.Close()) }
}

func (p filePlace) back() error {
	if _, err := os.Stat(p.older); err != nil {
		return nil // there is none yet
	}
	return copyFiles(p.files, p.older)
}

func (p filePlace) keep() error { return copyFiles(p.older, p.files) }
func (p filePlace) amid() error { return copyFiles(p.older, p.files) }

// copyFiles copies what is in one folder to another, which is made anew. The
// index of the write-ahead log is left out: SQLite makes it again.
func copyFiles(to, from string) error {
	if err := errors.Join(os.RemoveAll(to), os.MkdirAll(to, 0o700)); err != nil {
		return err
	}
	files, err := os.ReadDir(from)
	for _, f := range files {
		if filepath.Ext(f.Name()) == ".db-shm" {
			continue
		}
		data, e := os.ReadFile(filepath.Join(from, f.Name()))
		err = errors.Join(err, e, os.WriteFile(filepath.Join(to, f.Name()), data, 0o600))
	}
	return err
}
