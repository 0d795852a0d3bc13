package postgres

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// rows is a result of a round trip, read as it comes. Closing it ends the
// round and then calls done.
type rows struct {
	round  *round
	result *pgconn.ResultReader
	types  *pgtype.Map
	done   func()
	closed bool
	err    error
}

// Next implements readmodels.Rows.
func (r *rows) Next() bool {
	if r.closed {
		return false
	}
	if r.result.NextRow() {
		return true
	}
	if _, err := r.result.Close(); err != nil {
		r.err = r.round.fail(r.round.now, err)
	}
	return false
}

// Err implements readmodels.Rows.
func (r *rows) Err() error { return r.err }

// Close implements readmodels.Rows. It tells of errors that Err did not tell.
func (r *rows) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	told := r.err
	if _, err := r.result.Close(); err != nil {
		_ = r.round.fail(r.round.now, err) // the round keeps it
	}
	r.err = r.round.close()
	r.done()
	if told != nil {
		return nil
	}
	return r.err
}

// Scan implements readmodels.Rows.
func (r *rows) Scan(dest ...any) error {
	if r.closed {
		return errors.New("postgres: the rows are closed")
	}
	values, fields := r.result.Values(), r.result.FieldDescriptions()
	if len(values) != len(dest) {
		return fmt.Errorf("postgres: %d columns for %d destinations", len(values), len(dest))
	}
	for i, d := range dest {
		if err := r.scan(fields[i], values[i], d); err != nil {
			return fmt.Errorf("postgres: column %s: %w", fields[i].Name, err)
		}
	}
	return nil
}

// scan puts a value, which stands as text, where it is wanted.
func (r *rows) scan(field pgconn.FieldDescription, value []byte, dest any) error {
	switch d := dest.(type) {
	case *any:
		v, err := r.plain(field, value)
		*d = v
		return err
	case *bool: // a number too, as yes and no stand in the tables
		if value == nil {
			return errors.New("no value for a bool")
		}
		*d = string(value) != "0" && string(value) != "f"
		return nil
	case sql.Scanner:
		v, err := r.plain(field, value)
		if err != nil {
			return err
		}
		return d.Scan(v)
	}
	return r.types.Scan(field.DataTypeOID, field.Format, value, dest)
}

// plain is a value as SQLite would give it: int64, float64, string, []byte or
// nil; bool alone is its own.
func (r *rows) plain(field pgconn.FieldDescription, value []byte) (any, error) {
	if value == nil {
		return nil, nil
	}
	var err error
	switch field.DataTypeOID {
	case pgtype.Int8OID, pgtype.Int4OID, pgtype.Int2OID:
		var n int64
		err = r.types.Scan(field.DataTypeOID, field.Format, value, &n)
		return n, err
	case pgtype.Float8OID, pgtype.Float4OID, pgtype.NumericOID:
		var n float64
		err = r.types.Scan(field.DataTypeOID, field.Format, value, &n)
		return n, err
	case pgtype.BoolOID:
		return string(value) == "t", nil
	case pgtype.ByteaOID:
		var b []byte
		err = r.types.Scan(field.DataTypeOID, field.Format, value, &b)
		return b, err
	}
	return string(value), nil
}

// columns is how many there are.
func (r *rows) columns() int { return len(r.result.FieldDescriptions()) }
