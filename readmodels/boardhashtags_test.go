package readmodels_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/board"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/readmodels"
)

// F1: the popular hashtags of boards are those of whole days, and of the posts
// that stand there now, whatever becomes of them; no count stays at zero.
func TestF1_PopularHashtags(t *testing.T) {
	t.Parallel()
	db := newTables(t)
	nth := func(n byte) uuid.UUID { return uuid.UUID{15: n} }
	first, second := nth(1), nth(2)
	noon := time.Date(2026, time.March, 10, 12, 0, 0, 0, time.UTC)
	write := func(f func(ctx context.Context, b readmodels.Batch) error) {
		t.Helper()
		if err := db.Batch(t.Context(), func(b readmodels.Batch) error { return f(t.Context(), b) }); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []uuid.UUID{first, second} {
		write(func(ctx context.Context, b readmodels.Batch) error {
			return readmodels.PutBoard(ctx, b, id, board.Created{By: me, Name: id.String()}, noon, id)
		})
	}
	put := func(n byte, at time.Time, tags ...string) {
		t.Helper()
		text := readmodels.PostText{Board: first, Author: me, Type: post.Article, Title: "t", Hashtags: tags}
		write(func(ctx context.Context, b readmodels.Batch) error {
			return readmodels.PutPost(ctx, b, nth(n), text, post.Live, time.Time{}, readmodels.When{Version: nth(n), At: at}, feeds)
		})
	}
	on := func(f func(ctx context.Context, b readmodels.Batch, id uuid.UUID, w readmodels.When) error, n byte) {
		t.Helper()
		write(func(ctx context.Context, b readmodels.Batch) error {
			return f(ctx, b, nth(n), readmodels.When{Version: nth(99), At: noon})
		})
	}
	move := func(to uuid.UUID) func(context.Context, readmodels.Batch, uuid.UUID, readmodels.When) error {
		return func(ctx context.Context, b readmodels.Batch, id uuid.UUID, w readmodels.When) error {
			return readmodels.MovePost(ctx, b, id, post.Moved{Board: to}, w)
		}
	}
	edit := func(tags ...string) func(context.Context, readmodels.Batch, uuid.UUID, readmodels.When) error {
		return func(ctx context.Context, b readmodels.Batch, id uuid.UUID, w readmodels.When) error {
			return readmodels.EditPost(ctx, b, id, post.Edited{Editor: me, Title: "t", Hashtags: tags}, w)
		}
	}
	restore := func(ctx context.Context, b readmodels.Batch, id uuid.UUID, w readmodels.When) error {
		_, err := readmodels.RestorePost(ctx, b, id, w)
		return err
	}
	// want says what both boards show since a time, and how many counts there are.
	want := func(since time.Time, most int, one, other string, counts int) {
		t.Helper()
		boards, err := readmodels.Boards(t.Context(), db, uuid.Nil, readmodels.BoardTags{Since: since, Most: most}, nil, 10)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(boards[0].Hashtags, boards[1].Hashtags); got != "["+one+"] ["+other+"]" {
			t.Errorf("since %s: %s, want [%s] [%s]", since, got, one, other)
		}
		rows, err := db.Query(t.Context(), `SELECT posts FROM board_hashtag`)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for ; rows.Next(); n++ {
			var posts int
			if err := rows.Scan(&posts); err != nil || posts <= 0 {
				t.Errorf("a count of %d, %v", posts, err)
			}
		}
		if err := rows.Close(); err != nil || n != counts {
			t.Errorf("%d counts, %v; want %d", n, err, counts)
		}
	}
	midnight := noon.Truncate(24 * time.Hour)
	want(noon, 10, "", "", 0)
	put(11, midnight.Add(-time.Millisecond), "old", "go")
	put(12, midnight, "go", "日本語")
	put(13, noon, "go", "rust")
	put(14, noon.Add(time.Hour), "rust")
	put(15, noon.Add(time.Hour))
	want(time.Time{}, 10, "go rust old 日本語", "", 5)
	want(midnight.Add(-time.Millisecond), 10, "go rust old 日本語", "", 5)
	want(noon, 10, "go rust 日本語", "", 5) // from midnight
	want(noon, 1, "go", "", 5)
	want(noon, 0, "", "", 5)
	want(noon.Add(12*time.Hour), 10, "", "", 5)

	on(move(second), 13)
	want(noon, 10, "go rust 日本語", "go rust", 7)
	on(move(second), 12)
	want(noon, 10, "rust", "go rust 日本語", 6)
	on(readmodels.DeletePost, 13)
	on(readmodels.DeletePost, 13) // a moderator's, on top of it
	want(noon, 10, "rust", "go 日本語", 5)
	on(move(first), 12)
	want(noon, 10, "go rust 日本語", "", 5)
	on(restore, 13)
	want(noon, 10, "go rust 日本語", "go rust", 7)
	on(edit("new", "go"), 13)
	want(noon, 10, "go rust 日本語", "go new", 7)
	on(func(ctx context.Context, b readmodels.Batch, id uuid.UUID, w readmodels.When) error {
		return readmodels.RedactRevision(ctx, b, id, post.Redacted{Revision: 1}, w)
	}, 13)
	want(noon, 10, "go rust 日本語", "go new", 7)
	on(edit(), 13)
	want(time.Time{}, 10, "go old rust 日本語", "", 5)
	on(edit("late"), 15) // counts where the post stands, not where it was changed
	want(noon.Add(time.Hour), 10, "go late rust 日本語", "", 6)
	for _, n := range []byte{11, 12, 13, 14, 15} {
		on(readmodels.DeletePost, n)
	}
	want(time.Time{}, 10, "", "", 0)
}

// F1, F12: a page may have more boards than one statement asks for.
func TestF1_HashtagsOfManyBoards(t *testing.T) {
	t.Parallel()
	db := newTables(t)
	const boards = 520
	nth := func(kind byte, n int) uuid.UUID { return uuid.UUID{13: kind, 14: byte(n >> 8), 15: byte(n)} }
	err := db.Batch(t.Context(), func(b readmodels.Batch) error {
		for n := range boards {
			id, w := nth(1, n), readmodels.When{Version: nth(2, n), At: at}
			if err := readmodels.PutBoard(t.Context(), b, id, board.Created{By: me, Name: fmt.Sprint(n)}, at, id); err != nil {
				return err
			}
			text := readmodels.PostText{Board: id, Author: me, Type: post.Article, Title: "t", Hashtags: []string{fmt.Sprint("tag", n), "all"}}
			if err := readmodels.PutPost(t.Context(), b, w.Version, text, post.Live, time.Time{}, w, feeds); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	found, err := readmodels.Boards(t.Context(), db, uuid.Nil, readmodels.BoardTags{Since: at, Most: 10}, nil, 1000)
	if err != nil || len(found) != boards {
		t.Fatalf("%d boards, %v", len(found), err)
	}
	for n, b := range found {
		if got := fmt.Sprint(b.Hashtags); got != fmt.Sprintf("[all tag%d]", n) {
			t.Errorf("board %d: %s", n, got)
		}
	}
}
