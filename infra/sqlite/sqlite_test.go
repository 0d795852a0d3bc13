package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/parleyhq/parley/infra/sqlite"
	"github.com/parleyhq/parley/readmodels"
	"github.com/parleyhq/parley/readmodels/sqltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type place struct{ dir string }

func (p place) Open(t *testing.T) (readmodels.Generations, func()) {
	t.Helper()
	g, err := sqlite.OpenGenerations(p.dir)
	if err != nil {
		t.Fatal(err)
	}
	return g, func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	sqltest.Run(t, func(t *testing.T) sqltest.Place { return place{filepath.Join(t.TempDir(), "tables # ?%")} })
}

// A swap drops the files of the other generations, also those that an earlier
// process left.
func TestSwapDropsFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c"} {
		g, shut := place{dir}.Open(t)
		if _, err := g.Create(t.Context(), name, nil); err != nil {
			t.Fatal(err)
		}
		if name == "c" {
			if err := g.Swap(t.Context(), name, nil); err != nil {
				t.Fatal(err)
			}
		}
		shut()
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, f := range files {
		if !strings.HasPrefix(filepath.Base(f), "c.db") && filepath.Base(f) != "live" {
			t.Errorf("%s was left", filepath.Base(f))
		}
	}
	if live, err := os.ReadFile(filepath.Join(dir, "live")); string(live) != "c\n" {
		t.Errorf("live: %q, %v", live, err)
	}
}

// A generation whose file somebody deleted is built again, not opened empty.
func TestLiveFileDeleted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g, shut := place{dir}.Open(t)
	if _, err := g.Create(t.Context(), "a", nil); err != nil {
		t.Fatal(err)
	}
	if err := g.Swap(t.Context(), "a", nil); err != nil {
		t.Fatal(err)
	}
	shut()
	if err := os.Remove(filepath.Join(dir, "a.db")); err != nil {
		t.Fatal(err)
	}
	g, shut = place{dir}.Open(t)
	defer shut()
	if _, _, _, err := g.Live(t.Context()); !errors.Is(err, readmodels.ErrNoGeneration) {
		t.Errorf("Live: %v", err)
	}
}

// Invariant 9: text that was overwritten is not left in the file's free space.
func TestOverwrittenTextIsGone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	d, err := sqlite.OpenState(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	word := "unmistakable-" + strings.Repeat("x", 3000)
	if err := d.Ensure(t.Context(), `CREATE TABLE IF NOT EXISTS t (id bigint PRIMARY KEY, body text)`,
		`INSERT INTO t VALUES (1, '`+word+`'), (2, '`+word+`')`); err != nil {
		t.Fatal(err)
	}
	if err := d.Ensure(t.Context(), `UPDATE t SET body = NULL WHERE id = 1`, `DELETE FROM t WHERE id = 2`); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if stored, err := os.ReadFile(path); err != nil || bytes.Contains(stored, []byte("unmistakable-")) {
		t.Errorf("the text is still in the file (%v)", err)
	}
}

// More texts of statements than a connection keeps are no harm, and a closed
// database says that it does not answer.
func TestManyStatementsAndClose(t *testing.T) {
	t.Parallel()
	d, err := sqlite.OpenState(t.Context(), filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Ensure(t.Context(), `CREATE TABLE t (id bigint)`); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	err = d.Batch(ctx, func(b readmodels.Batch) error {
		for i := range 600 {
			if err := b.Exec(ctx, `INSERT INTO t VALUES (?)`+strings.Repeat(" ", i), i); err != nil {
				return err
			}
			r, err := b.Query(ctx, `SELECT id FROM t LIMIT 1`+strings.Repeat(" ", i))
			if err != nil {
				return err
			}
			if err := r.Close(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	nothing := func(readmodels.Batch) error { return nil }
	if err := d.Batch(context.Background(), nothing); !errors.Is(err, readmodels.ErrUnavailable) {
		t.Errorf("a batch after Close: %v", err)
	}
	if _, err := d.Query(context.Background(), `SELECT 1`); !errors.Is(err, readmodels.ErrUnavailable) {
		t.Errorf("a query after Close: %v", err)
	}
}
