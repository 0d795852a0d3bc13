//go:build stack

package readmodels_test

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/parleyhq/parley/infra/postgres"
	"github.com/parleyhq/parley/infra/postgres/postgrestest"
	"github.com/parleyhq/parley/readmodels"
)

// newTables are all tables, empty.
func newTables(t testing.TB) readmodels.DB {
	t.Helper()
	db, err := postgrestest.Open(t, postgres.Options{}).Generations("a_family").Create(context.Background(), "all", readmodels.Schema())
	if err != nil {
		t.Fatal(err)
	}
	return db
}

var indexed = regexp.MustCompile(`(Index Scan|Index Only Scan|Bitmap Index Scan)`)

// walks are the steps of a statement that walk through a table, also by way of
// an index. Small tables are walked through by right, and joined so: that is
// made dear, to see whether there is another way.
func walks(ctx context.Context, p planned, sql string, args []any) (steps []string) {
	p.t.Helper()
	for _, way := range []string{"seqscan", "hashjoin", "mergejoin"} {
		if err := p.Batch.Exec(ctx, `SET LOCAL enable_`+way+` = off`); err != nil {
			p.t.Fatal(err)
		}
	}
	rows, err := p.Batch.Query(ctx, "EXPLAIN "+sql, args...)
	if err != nil {
		p.t.Fatal(err)
	}
	defer rows.Close()
	scanning, bound := "", true
	for rows.Next() {
		var step string
		if err := rows.Scan(&step); err != nil {
			p.t.Fatal(err)
		}
		if !strings.Contains(step, "cost=") { // what belongs to the step before
			bound = bound || strings.Contains(step, "Index Cond:")
			continue
		}
		if !bound {
			steps = append(steps, scanning)
		}
		scanning, bound = strings.TrimSpace(step), !indexed.MatchString(step)
		if strings.Contains(step, "Seq Scan on") {
			steps = append(steps, scanning)
		}
	}
	if !bound {
		steps = append(steps, scanning)
	}
	return steps
}
