package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/readmodels"
)

// Codes of errors, as the appendix of Postgres' manual lists them.
const (
	codeSerialization   = "40001"
	codeDeadlock        = "40P01"
	codeUndefinedTable  = "42P01"
	codeUndefinedSchema = "3F000"
	codeChangedResult   = "0A000" // "cached plan must not change result type": a table was made anew
	codeNoPrivilege     = "42501"
	codeLockTimeout     = "55P03"
	codeReadOnly        = "25006" // a standby, after a failover
	codeIdleTimeout     = "25P03"
	codeDeposed         = "PY001" // of the function fence
)

// unavailableClasses are the classes that the engine is to blame for:
// connections, resources, operators, the system, and itself.
var unavailableClasses = map[string]bool{"08": true, "28": true, "53": true, "57": true, "58": true, "F0": true, "XX": true}

// classify marks what the engine, not the statement, is to blame for.
func classify(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		// Its chain may hold a deadline, which is ours and not the caller's.
		return fmt.Errorf("%w: %s", readmodels.ErrUnavailable, err.Error())
	}
	switch e.Code {
	case codeDeposed:
		return fmt.Errorf("%w: %w", projections.ErrDeposed, err)
	case codeSerialization, codeDeadlock, codeLockTimeout, codeReadOnly, codeIdleTimeout, codeNoPrivilege, codeChangedResult:
		return fmt.Errorf("%w: %w", readmodels.ErrUnavailable, err)
	}
	if unavailableClasses[e.Code[:min(2, len(e.Code))]] {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%w: %w", readmodels.ErrUnavailable, err)
	}
	return err
}

// code is the SQLSTATE of an error; "" where it has none.
func code(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// broken says that the connection, or the way to one, is gone: nothing is
// known of what was under way.
func broken(err error) bool {
	return errors.Is(err, readmodels.ErrUnavailable) && (code(err) == "" || unavailableClasses[code(err)[:2]])
}
