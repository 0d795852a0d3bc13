package readmodels_test

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/comment"
	"github.com/parleyhq/parley/domain/follow"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/readmodels"
)

// remark is a comment as a reader should know it.
type remark struct {
	id, parent, author uuid.UUID
	at                 int64
	reactions          int
}

// discussion is a post with comments that answer each other, many of which
// are as good, or as old, as others.
func discussion(ctx context.Context, b readmodels.Batch, on uuid.UUID, comments int) ([]remark, error) {
	random := rand.New(rand.NewPCG(5, 6)) //nolint:gosec // repeatable
	all := make([]remark, 0, comments)
	for i := range comments {
		m := remark{id: uuid.New(), author: []uuid.UUID{you, other}[random.IntN(2)], at: at.UnixMilli() + int64(random.IntN(comments/4))}
		if i > 0 && random.IntN(5) > 0 {
			m.parent = all[random.IntN(i)].id
		}
		err := readmodels.PutComment(ctx, b, m.id, comment.Published{Post: on, Parent: m.parent, Author: m.author},
			readmodels.When{Version: m.id, At: time.UnixMilli(m.at)})
		if err != nil {
			return nil, err
		}
		for m.reactions < 3 && random.IntN(3) == 0 {
			m.reactions++
			if err := readmodels.SetReaction(ctx, b, m.id, uuid.New(), "like", true); err != nil {
				return nil, err
			}
		}
		all = append(all, m)
	}
	return all, nil
}

// F4: whatever branch is read in whatever order, page by page, everything in
// it comes once and in that order, but what a block keeps out of sight.
func TestF4_EveryPageOfEveryBranch(t *testing.T) {
	t.Parallel()
	db := newTables(t)
	var all []remark
	var elsewhere uuid.UUID
	err := db.Batch(t.Context(), func(b readmodels.Batch) (err error) {
		text := readmodels.PostText{Board: other, Author: me, Type: post.Article}
		for _, on := range []uuid.UUID{thing, uuid.Max} {
			if err := readmodels.PutPost(t.Context(), b, on, text, post.Live, time.Time{}, when, feeds); err != nil {
				return err
			}
		}
		foreign, err := discussion(t.Context(), b, uuid.Max, 20)
		if err != nil {
			return err
		}
		elsewhere = foreign[0].id
		if all, err = discussion(t.Context(), b, thing, 120); err != nil {
			return err
		}
		return readmodels.PutBlock(t.Context(), b, follow.BlockStarted{Blocker: me, Blocked: you}, 1)
	})
	if err != nil {
		t.Fatal(err)
	}
	parents := map[uuid.UUID]uuid.UUID{}
	for _, m := range all {
		parents[m.id] = m.parent
	}
	byTime := func(a, b remark) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.id.String(), b.id.String()))
	}
	orders := map[readmodels.CommentOrder]func(a, b remark) int{
		readmodels.Oldest: byTime,
		readmodels.Newest: func(a, b remark) int { return byTime(b, a) },
		readmodels.Best:   func(a, b remark) int { return cmp.Or(cmp.Compare(b.reactions, a.reactions), byTime(a, b)) },
	}
	for i := range 30 {
		branch := uuid.Nil
		if i > 0 {
			branch = all[4*(i-1)].id
		}
		within := slices.DeleteFunc(slices.Clone(all), func(m remark) bool {
			above := m.parent
			for above != branch && above != uuid.Nil {
				above = parents[above]
			}
			return above != branch || m.author == you
		})
		for order, compare := range orders {
			var want []uuid.UUID
			for _, m := range slices.SortedFunc(slices.Values(within), compare) {
				want = append(want, m.id)
			}
			if got := allPages(t, db, branch, order); !slices.Equal(want, got) {
				t.Errorf("%s below %s: %v, want %v", order, branch, got, want)
			}
		}
	}
	for name, parent := range map[string]uuid.UUID{"of another post": elsewhere, "that is not there": {9}} {
		if got := allPages(t, db, parent, readmodels.Oldest); len(got) > 0 {
			t.Errorf("below a comment %s: %v", name, got)
		}
	}
}

// allPages are the comments of a branch as viewer sees them, read in pages of
// different lengths.
func allPages(t *testing.T, db readmodels.DB, branch uuid.UUID, order readmodels.CommentOrder) (all []uuid.UUID) {
	t.Helper()
	var after *readmodels.CommentKey
	for limit := 1; ; limit = limit%7 + 1 {
		page, err := readmodels.Comments(t.Context(), db, me, thing, branch, order, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page {
			all = append(all, m.ID)
		}
		if len(page) < limit {
			return all
		}
		place := page[limit-1].Place()
		after = &place
	}
}
