//go:build !stack

package readmodels_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/readmodels"
)

// stepped notes how SQLite runs each statement: it has no statistics, so the
// tables may be empty. Postgres goes by its own.
type stepped struct {
	readmodels.Reader
	t     *testing.T
	steps map[string][]string // by statement
}

func (s stepped) Query(ctx context.Context, sql string, args ...any) (readmodels.Rows, error) {
	rows, err := s.Reader.Query(ctx, "EXPLAIN QUERY PLAN "+sql, args...)
	if err != nil {
		s.t.Fatal(err)
	}
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			s.t.Fatal(err)
		}
		s.steps[sql] = append(s.steps[sql], step)
	}
	if err := rows.Close(); err != nil {
		s.t.Fatal(err)
	}
	return s.Reader.Query(ctx, sql, args...)
}

// F3, F4: each page of a board, and of the comments of a post or of a thread,
// begins at its place in an index and has its order: no page costs more than
// another, and none costs more where there are more posts.
func TestPagesAreInOrder(t *testing.T) {
	t.Parallel()
	db := newTables(t)
	err := db.Batch(t.Context(), func(b readmodels.Batch) error {
		planForum(t.Context(), b, func(results ...any) {
			if err, failed := results[len(results)-1].(error); failed {
				t.Error(err)
			}
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s := stepped{db, t, map[string][]string{}}
	for _, order := range []readmodels.PostOrder{readmodels.NewestPosts, readmodels.HotPosts} {
		for _, page := range []*readmodels.BoardPage{nil, {Leading: []uuid.UUID{thing}, Shown: 1, PostKey: readmodels.PostKey{At: 1}}} {
			if _, _, err := readmodels.BoardPosts(t.Context(), s, me, other, order, page, 20); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, order := range []readmodels.CommentOrder{readmodels.Oldest, readmodels.Newest, readmodels.Best} {
		for _, parent := range []uuid.UUID{uuid.Nil, you} { // you is a comment that answers the post
			for _, after := range []*readmodels.CommentKey{nil, {Reactions: 1}} {
				if _, err := readmodels.Comments(t.Context(), s, me, thing, parent, order, after, 20); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	sorted, pinned := 0, false
	for sql, steps := range s.steps {
		if !strings.Contains(sql, "ORDER BY") || !strings.Contains(sql, "LIMIT") {
			continue
		}
		sorted++
		if slices.ContainsFunc(steps, func(step string) bool { return strings.Contains(step, "TEMP B-TREE") }) {
			t.Errorf("sorts what it read\n%s\n%s", sql, strings.Join(steps, "\n"))
		}
		if strings.Contains(sql, "pinned = 1") {
			pinned = slices.ContainsFunc(steps, func(step string) bool { return strings.Contains(step, "INDEX post_pinned ") })
		}
	}
	if sorted < 8 || !pinned {
		t.Errorf("%d statements in order; pinned posts have their index: %v", sorted, pinned)
	}
}
