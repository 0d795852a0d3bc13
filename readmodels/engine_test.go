//go:build !stack

package readmodels_test

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/parleyhq/parley/infra/sqlite"
	"github.com/parleyhq/parley/readmodels"
)

// newTables are all tables, empty.
func newTables(t testing.TB) readmodels.DB {
	t.Helper()
	g, err := sqlite.OpenGenerations(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	db, err := g.Create(context.Background(), "all", readmodels.Schema())
	if err != nil {
		t.Fatal(err)
	}
	return db
}

var scan = regexp.MustCompile(`^SCAN (\S+)`)

// walks are the steps of a statement that walk through a table.
func walks(ctx context.Context, p planned, sql string, args []any) (steps []string) {
	p.t.Helper()
	rows, err := p.Batch.Query(ctx, "EXPLAIN QUERY PLAN "+sql, args...)
	if err != nil {
		p.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			p.t.Fatal(err)
		}
		walked := scan.FindStringSubmatch(step)
		if strings.Contains(step, "AUTOMATIC") || walked != nil && p.names(sql, walked[1]) {
			steps = append(steps, step)
		}
	}
	return steps
}

// names says whether a name stands for a table in sql.
func (p planned) names(sql, name string) bool {
	return slices.ContainsFunc(p.tables, func(table string) bool {
		return name == table || regexp.MustCompile(`(FROM|JOIN|UPDATE|INTO) `+table+` (AS )?`+regexp.QuoteMeta(name)+`\b`).MatchString(sql)
	})
}
