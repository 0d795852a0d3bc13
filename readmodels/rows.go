package readmodels

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
)

// collect runs a query and gathers what scan makes of each row.
func collect[T any](ctx context.Context, r Reader, scan func(Rows) (T, error), sql string, args ...any) ([]T, error) {
	rows, err := r.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	var all []T
	for rows.Next() {
		t, err := scan(rows)
		if err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		all = append(all, t)
	}
	return all, errors.Join(rows.Err(), rows.Close())
}

// first is the first row of a query; false where there is none.
func first[T any](ctx context.Context, r Reader, scan func(Rows) (T, error), sql string, args ...any) (T, bool, error) {
	all, err := collect(ctx, r, scan, sql, args...)
	if err != nil || len(all) == 0 {
		var none T
		return none, false, err
	}
	return all[0], true, nil
}

// marks is "?, ?, …" for n arguments; n is at least 1.
func marks(n int) string { return strings.Repeat("?, ", n-1) + "?" }

// millis is how a time stands in the tables: 0 is no time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// fromMillis turns it back.
func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// textID is how an id stands in the tables: uuid.Nil is the empty text.
func textID(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return id.String()
}

// textIDs is how a list of ids stands in the tables: the ids with commas
// between them.
func textIDs(ids []uuid.UUID) string {
	var b strings.Builder
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(id.String())
	}
	return b.String()
}

// idsOf turns it back; what is no id is left out.
func idsOf(text string) []uuid.UUID {
	var ids []uuid.UUID
	for part := range strings.SplitSeq(text, ",") {
		if id, err := uuid.Parse(part); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

func scanText(rows Rows) (s string, err error) {
	err = rows.Scan(&s)
	return s, err
}
