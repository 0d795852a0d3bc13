package readmodels

import (
	"context"
	"errors"
)

// Reader reads one consistent state of the tables.
//
// SQL is the common subset of SQLite and Postgres: "?" bound by position,
// bigint milliseconds for times, text ids, ON CONFLICT, RETURNING.
type Reader interface {
	// Query runs one statement; the caller closes the rows, inside a Read or
	// a Batch before the next statement.
	Query(ctx context.Context, sql string, args ...any) (Rows, error)
}

// Rows is the result of a query, read forward once.
type Rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close() error
}

// Batch is the one transaction in which a projector writes. It sees its own
// writes. An engine may delay Exec until the next Query or the commit, so an
// error of Exec may come later, and Exec tells no count.
type Batch interface {
	Reader
	Exec(ctx context.Context, sql string, args ...any) error
}

// DB is one generation of the tables.
type DB interface {
	Reader
	// Read runs f on one snapshot, for answers that take several queries.
	Read(ctx context.Context, f func(Reader) error) error
	// Batch runs f in one transaction, alone; an error of f rolls it back. Of
	// a database that other processes write too, f may run again from its
	// start after it met what another one wrote; of a generation it runs once.
	Batch(ctx context.Context, f func(Batch) error) error
}

// Generations keeps the read models' generations of one engine: files of
// SQLite, schemas of Postgres. At most one is live.
type Generations interface {
	// Create makes an empty generation, or opens what an earlier process left
	// of it, and applies schema (statements that create if absent).
	Create(ctx context.Context, name string, schema []string) (DB, error)
	// Live is the generation that answers queries, and its name; ErrNoGeneration
	// before the first Swap. release must be called when the answer is done.
	Live(ctx context.Context) (db DB, name string, release func(), err error)
	// ReadLive runs f on one snapshot of the generation that is live then,
	// whichever process made it so. Errors: ErrNoGeneration, f's own.
	ReadLive(ctx context.Context, f func(Reader) error) error
	// Swap makes name live, durably, and closes the other ones that were there
	// by then once nobody reads them any more, then drops them. Those that
	// another process makes after the change stay.
	//
	// within (may be nil) runs first, on the tables of that generation: in the
	// transaction that makes the change, or, where the pointer is no row, in one
	// right before it. Its error is returned, and everything stays as it was.
	Swap(ctx context.Context, name string, within func(ctx context.Context, b Batch) error) error
}

// ErrNoGeneration says that no read model is ready yet.
var ErrNoGeneration = errors.New("readmodels: not built yet")
