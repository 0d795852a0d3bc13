package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"github.com/parleyhq/parley/readmodels"
)

// Bounds of one DB. Memory is what they cost: cache is in KiB a connection.
const (
	maxReaders  = 4
	readCache   = 1 << 10
	writeCache  = 4 << 10
	walPages    = 4096  // of 4 KiB, after which the write-ahead log is written back
	busyTimeout = 5_000 // milliseconds
)

// DB is one SQLite file. It implements readmodels.DB and may be used from any
// number of goroutines: readers wait for one of maxReaders connections, and
// batches for each other.
type DB struct {
	path    string
	write   *sql.DB
	read    *sql.DB
	writer  chan *conn // holds the one writer while it is free
	readers chan *conn // holds free readers; nil ones are not connected yet
	once    sync.Once
	closed  chan struct{}
}

var _ readmodels.DB = (*DB)(nil)

// errClosed is ErrUnavailable: whoever asks again asks another generation.
var errClosed = fmt.Errorf("%w: sqlite: closed", readmodels.ErrUnavailable)

// OpenState opens or makes the database at path for state that cannot be
// rebuilt; a commit there is on the disk. Each user makes its own tables with
// Ensure when it starts: they are few, and only ever gain columns with
// defaults, which needs no machinery of migrations in a single binary.
func OpenState(ctx context.Context, path string) (*DB, error) {
	return open(ctx, path, "FULL")
}

func open(ctx context.Context, path, synchronous string) (*DB, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	d := &DB{path: path, writer: make(chan *conn, 1), readers: make(chan *conn, maxReaders), closed: make(chan struct{})}
	var err error
	if d.write, err = sql.Open("sqlite", dsn(path, synchronous, writeCache)); err != nil {
		return nil, fmt.Errorf("sqlite: %s: %w", path, err)
	}
	if d.read, err = sql.Open("sqlite", dsn(path, synchronous, readCache)+"&_pragma=query_only(1)"); err != nil {
		return nil, fmt.Errorf("sqlite: %s: %w", path, err)
	}
	d.write.SetMaxOpenConns(1)
	d.read.SetMaxOpenConns(maxReaders)
	w, err := connect(ctx, d.write)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite: open %s: %w", path, err), d.write.Close(), d.read.Close())
	}
	d.writer <- w
	for range maxReaders {
		d.readers <- nil
	}
	return d, nil
}

// dsn also asks for secure_delete, so that erased text does not linger in
// pages that are free.
func dsn(path, synchronous string, cache int) string {
	q := url.Values{"_pragma": {
		fmt.Sprintf("busy_timeout(%d)", busyTimeout),
		"journal_mode(WAL)",
		"synchronous(" + synchronous + ")",
		fmt.Sprintf("cache_size(-%d)", cache),
		fmt.Sprintf("wal_autocheckpoint(%d)", walPages),
		fmt.Sprintf("journal_size_limit(%d)", walPages*4096),
		"secure_delete(1)",
		"foreign_keys(0)",
		"temp_store(MEMORY)",
	}}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String()
}

// Ensure runs statements that create if absent, in one transaction.
func (d *DB) Ensure(ctx context.Context, statements ...string) error {
	return d.Batch(ctx, func(b readmodels.Batch) error {
		for _, s := range statements {
			if err := b.Exec(ctx, s); err != nil {
				return err
			}
		}
		return nil
	})
}

// Query implements readmodels.Reader on whatever is newest.
func (d *DB) Query(ctx context.Context, query string, args ...any) (readmodels.Rows, error) {
	c, err := d.reader(ctx)
	if err != nil {
		return nil, err
	}
	r, err := c.query(ctx, query, args)
	if err != nil {
		d.readers <- c
		return nil, err
	}
	return &rows{Rows: r, done: func() { d.readers <- c }}, nil
}

// Read implements readmodels.DB.
func (d *DB) Read(ctx context.Context, f func(readmodels.Reader) error) (err error) {
	c, err := d.reader(ctx)
	if err != nil {
		return err
	}
	defer func() { d.readers <- c }()
	if err := c.exec(ctx, "BEGIN", nil); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, c.exec(context.WithoutCancel(ctx), "ROLLBACK", nil))
	}()
	return f(tx{c})
}

// Batch implements readmodels.DB.
func (d *DB) Batch(ctx context.Context, f func(readmodels.Batch) error) error {
	var c *conn
	select {
	case c = <-d.writer:
	case <-d.closed:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { d.writer <- c }()
	if err := c.exec(ctx, "BEGIN IMMEDIATE", nil); err != nil {
		return err
	}
	committed := false
	defer func() { // also when f panics: the connection must not keep its transaction
		if !committed {
			// it fails alone where SQLite has rolled back by itself
			_ = c.exec(context.WithoutCancel(ctx), "ROLLBACK", nil)
		}
	}()
	if err := f(tx{c}); err != nil {
		return err
	}
	if err := c.exec(ctx, "COMMIT", nil); err != nil {
		return err
	}
	committed = true
	return nil
}

func (d *DB) reader(ctx context.Context) (*conn, error) {
	select {
	case c := <-d.readers:
		if c != nil {
			return c, nil
		}
		c, err := connect(ctx, d.read)
		if err != nil {
			d.readers <- nil
			return nil, err
		}
		return c, nil
	case <-d.closed:
		return nil, errClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Close waits for what is under way and closes the file.
func (d *DB) Close() error {
	var err error
	d.once.Do(func() {
		close(d.closed)
		w := <-d.writer
		err = w.close()
		for range maxReaders {
			if c := <-d.readers; c != nil {
				err = errors.Join(err, c.close())
			}
		}
		err = errors.Join(err, d.read.Close(), d.write.Close())
	})
	return err
}

// tx is a connection inside a transaction.
type tx struct{ c *conn }

func (t tx) Query(ctx context.Context, query string, args ...any) (readmodels.Rows, error) {
	r, err := t.c.query(ctx, query, args)
	if err != nil {
		return nil, err
	}
	return &rows{Rows: r}, nil
}

func (t tx) Exec(ctx context.Context, query string, args ...any) error {
	return t.c.exec(ctx, query, args)
}
