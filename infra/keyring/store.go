package keyring

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver

	"github.com/parleyhq/parley/readmodels"
)

// Store is where the rows of a keyring are. What Batch has written is on the
// disk when it returns.
type Store interface {
	readmodels.DB
	// Vacuum frees what was overwritten in a table, where the engine keeps it.
	Vacuum(ctx context.Context, table string) error
}

// The row of a destroyed account stays, without its key: so nobody can make
// another one. parent is sealed.
const schema = `CREATE TABLE IF NOT EXISTS keys (
	id      text PRIMARY KEY,
	owner   text NOT NULL UNIQUE,
	parent  bytea,
	wrapped bytea
)`

// The order of rows in a file tells nothing, for there are no row ids.
const fileSchema = schema + ` WITHOUT ROWID`

// file is a Store in a SQLite file of its own: a rollback journal that is cut
// to nothing at every commit, and no byte left of what is overwritten.
type file struct{ db *sql.DB }

func openFile(path string) (*file, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	if err := private(path); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		return nil, fmt.Errorf("keyring: %s: %w", path, err)
	}
	db.SetMaxOpenConns(1) // a rollback journal lets nobody read beside a writer anyway
	if _, err := db.ExecContext(context.Background(), fileSchema); err != nil {
		return nil, errors.Join(unavailable(err), db.Close())
	}
	return &file{db}, nil
}

// private makes the file, readable by its owner alone; SQLite gives its
// journal the same mode.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("keyring: %w", err)
	}
	return f.Close()
}

// dsn asks for a rollback journal that is cut to nothing at every commit: a
// write-ahead log would keep what was destroyed until it is next reused.
func dsn(path string) string {
	q := url.Values{"_pragma": {
		"busy_timeout(5000)", "journal_mode(TRUNCATE)", "synchronous(FULL)", "secure_delete(1)", "cache_size(-1024)",
	}}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String()
}

// Query implements readmodels.Reader.
func (f *file) Query(ctx context.Context, query string, args ...any) (readmodels.Rows, error) {
	return given(f.db.QueryContext(ctx, query, args...))
}

// Read implements readmodels.DB.
func (f *file) Read(ctx context.Context, read func(readmodels.Reader) error) error {
	return f.Batch(ctx, func(b readmodels.Batch) error { return read(b) })
}

// Batch implements readmodels.DB.
func (f *file) Batch(ctx context.Context, write func(readmodels.Batch) error) error {
	tx, err := f.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after the commit it does nothing
	if err := write(batch{tx}); err != nil {
		return err
	}
	return tx.Commit()
}

// Vacuum implements Store: secure_delete leaves nothing to it.
func (f *file) Vacuum(context.Context, string) error { return nil }

func (f *file) backup(ctx context.Context, path string) error {
	_, err := f.db.ExecContext(ctx, `VACUUM INTO ?`, path)
	return err
}

type batch struct{ tx *sql.Tx }

func (b batch) Query(ctx context.Context, query string, args ...any) (readmodels.Rows, error) {
	return given(b.tx.QueryContext(ctx, query, args...))
}

func (b batch) Exec(ctx context.Context, query string, args ...any) error {
	_, err := b.tx.ExecContext(ctx, query, args...)
	return err
}

// given keeps a nil pointer from becoming an interface that is not nil.
func given(rows *sql.Rows, err error) (readmodels.Rows, error) {
	if err != nil {
		return nil, err
	}
	return rows, nil
}
