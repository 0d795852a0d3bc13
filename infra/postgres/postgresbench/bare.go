package postgresbench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/parleyhq/parley/readmodels"
)

// Bare is a readmodels.DB that is nothing but pgx on one connection: Batch is
// a transaction with one batch of pgx in it. It has no other method.
type Bare struct {
	readmodels.DB
	conn *pgx.Conn
}

// Open connects. A schema that is not empty is made, and tables are made in
// it.
func Open(ctx context.Context, url, schema string) (*Bare, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, err
	}
	if schema != "" {
		name := pgx.Identifier{schema}.Sanitize()
		if _, err := conn.Exec(ctx, `CREATE SCHEMA `+name+`; SET search_path TO `+name); err != nil {
			return nil, errors.Join(err, conn.Close(ctx))
		}
	}
	return &Bare{conn: conn}, nil
}

// Close ends the connection.
func (d *Bare) Close(ctx context.Context) error { return d.conn.Close(ctx) }

// Batch implements readmodels.DB.
func (d *Bare) Batch(ctx context.Context, f func(readmodels.Batch) error) error {
	tx, err := d.conn.Begin(ctx)
	if err != nil {
		return err
	}
	b := &batch{}
	if err := f(b); err != nil {
		return errors.Join(err, tx.Rollback(ctx))
	}
	if err := tx.SendBatch(ctx, &b.queue).Close(); err != nil {
		return errors.Join(err, tx.Rollback(ctx))
	}
	return tx.Commit(ctx)
}

type batch struct {
	readmodels.Batch
	queue    pgx.Batch
	sql, own string // the statement before this one, as given and as pgx takes it
}

// Exec implements readmodels.Batch.
func (b *batch) Exec(_ context.Context, sql string, args ...any) error {
	if b.sql != sql {
		b.sql, b.own = sql, numbered(sql)
	}
	b.queue.Queue(b.own, args...)
	return nil
}

// numbered gives parameters their numbers.
func numbered(sql string) string {
	parts := strings.Split(sql, "?")
	for i := range parts[1:] {
		parts[i] += "$" + strconv.Itoa(i+1)
	}
	return strings.Join(parts, "")
}

// Drop removes the schemas of a prefix.
func Drop(ctx context.Context, url, prefix string) (err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	rows, err := conn.Query(ctx, `SELECT nspname FROM pg_namespace WHERE starts_with(nspname, $1 || '_')`, prefix)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names { // one at a time: a schema may hold more than one transaction may lock
		if _, err := conn.Exec(ctx, `DROP SCHEMA IF EXISTS `+pgx.Identifier{name}.Sanitize()+` CASCADE`); err != nil {
			return fmt.Errorf("drop schema %s: %w", name, err)
		}
	}
	return nil
}
