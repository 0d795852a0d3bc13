package foldtest

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"github.com/parleyhq/parley/readmodels"
)

var table = regexp.MustCompile(`(?is)^\s*CREATE TABLE IF NOT EXISTS (\w+)\s*\((.*)\)(?:\s*WITHOUT ROWID)?\s*$`)

// Columns are the columns of the tables that schema makes.
func Columns(schema []string) map[string][]string {
	all := map[string][]string{}
	for _, statement := range schema {
		m := table.FindStringSubmatch(statement)
		if m == nil {
			continue
		}
		body, _, _ := strings.Cut(m[2], "PRIMARY KEY (") // of several columns: always the last
		for column := range strings.SplitSeq(body, ",") {
			if words := strings.Fields(column); len(words) > 0 {
				all[m[1]] = append(all[m[1]], words[0])
			}
		}
	}
	return all
}

// Read gives every row of the tables that schema makes, in the form of
// Model.Rows but in no order.
func Read(ctx context.Context, r readmodels.Reader, schema []string) ([]string, error) {
	var all []string
	for name, cs := range Columns(schema) {
		rows, err := r.Query(ctx, `SELECT `+strings.Join(cs, ", ")+` FROM `+name)
		if err != nil {
			return nil, err
		}
		values, into := make([]any, len(cs)), make([]any, len(cs))
		for i := range values {
			into[i] = &values[i]
		}
		for rows.Next() {
			if err := rows.Scan(into...); err != nil {
				return nil, errors.Join(err, rows.Close())
			}
			row := columns{}
			for i, c := range cs {
				row[c] = values[i]
			}
			all = append(all, line(name, row))
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return nil, err
		}
	}
	return all, nil
}
