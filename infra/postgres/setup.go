package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/parleyhq/parley/readmodels"
)

// stateTables are this package's own, in the state's schema. Times are
// Postgres' and its clock alone is asked: processes' clocks differ.
//
// The fence is a function so that it can be sent with what it protects: it
// fails, and with it all that follows. A key share lock lets the leader renew
// meanwhile (that changes no key), and makes whoever takes over wait (that
// changes the token, which is in a unique index).
var stateTables = []string{
	`CREATE TABLE IF NOT EXISTS generation (name text PRIMARY KEY, family text NOT NULL, retired bigint NOT NULL)`,
	`CREATE TABLE IF NOT EXISTS live (family text PRIMARY KEY, name text NOT NULL)`,
	`CREATE TABLE IF NOT EXISTS family (family text PRIMARY KEY, seen timestamptz NOT NULL)`,
	`CREATE TABLE IF NOT EXISTS lease (name text PRIMARY KEY, token bigint NOT NULL, holder text NOT NULL, expires timestamptz NOT NULL,
		UNIQUE (name, token))`,
	`CREATE TABLE IF NOT EXISTS progress (name text PRIMARY KEY, position bigint NOT NULL)`,
	`CREATE OR REPLACE FUNCTION fence(lease_name text, term bigint) RETURNS void LANGUAGE plpgsql AS '
	BEGIN
		PERFORM 1 FROM {state}.lease WHERE name = lease_name AND token = term FOR KEY SHARE;
		IF NOT FOUND THEN
			RAISE EXCEPTION ''another process leads %'', lease_name USING ERRCODE = ''` + codeDeposed + `'';
		END IF;
	END'`,
}

// prepare makes what is not there.
func (p *Postgres) prepare(ctx context.Context) error {
	encoding, err := p.show(ctx, `SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()`)
	if err != nil {
		return err
	}
	if encoding != "UTF8" {
		return fmt.Errorf("postgres: the database is encoded in %s, and must be in UTF8", encoding)
	}
	return p.terms.Batch(ctx, func(b readmodels.Batch) error {
		for _, schema := range []string{p.stateSchema, p.keySchema} {
			if err := b.Exec(ctx, `CREATE SCHEMA IF NOT EXISTS `+quoted(schema)); err != nil {
				return err
			}
		}
		for _, s := range stateTables {
			if err := b.Exec(ctx, p.in(s)); err != nil {
				return err
			}
		}
		return nil
	})
}

// in puts the name of the state's schema, and the prefix of all, into a
// statement of this package.
func (p *Postgres) in(sql string) string {
	return strings.NewReplacer("{state}", quoted(p.stateSchema), "{prefix}", p.options.Prefix).Replace(sql)
}

// show is the one text that a query gives; "" where it gives none.
func (p *Postgres) show(ctx context.Context, query string, args ...any) (value string, err error) {
	rows, err := p.terms.Query(ctx, query, args...)
	if err != nil {
		return "", err
	}
	if rows.Next() {
		err = rows.Scan(&value)
	}
	return value, errors.Join(err, rows.Err(), rows.Close())
}
