package readmodels

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// board_hashtag counts published posts by board, day of publication and
// hashtag. board_popular has its sums over the days from hashtag_window's first
// on, so that what is popular need not be added up when a board is shown. No
// count is zero.
//
// hashtag_window has one row, or none before the first post with a hashtag: the
// newest day on which one was published, and the day from which on sums are
// kept then.
var boardHashtagSchema = []string{
	`CREATE TABLE IF NOT EXISTS board_hashtag (
		board text NOT NULL, day bigint NOT NULL, tag text NOT NULL, posts bigint NOT NULL, PRIMARY KEY (board, day, tag)) WITHOUT ROWID`,
	`CREATE INDEX IF NOT EXISTS board_hashtag_day ON board_hashtag (day, board, tag)`,
	`CREATE TABLE IF NOT EXISTS board_popular (board text NOT NULL, tag text NOT NULL, posts bigint NOT NULL, PRIMARY KEY (board, tag)) WITHOUT ROWID`,
	`CREATE INDEX IF NOT EXISTS board_popular_most ON board_popular (board, posts DESC, tag)`,
	`CREATE TABLE IF NOT EXISTS hashtag_window (one bigint PRIMARY KEY, newest bigint NOT NULL, first bigint NOT NULL)`,
}

// day is how long one is, in milliseconds.
const day = int64(24 * time.Hour / time.Millisecond)

// dayOf is the day (UTC) of a time in milliseconds, from 1970.
func dayOf(ms int64) int64 { return ms / day }

// countHashtags counts the post's hashtags for its board, by 1 or -1.
func (p stands) countHashtags(ctx context.Context, b Batch, id uuid.UUID, by int) error {
	day := dayOf(p.published)
	err := b.Exec(ctx, `INSERT INTO board_hashtag (board, day, tag, posts)
		SELECT CAST(? AS text), CAST(? AS bigint), tag, CAST(? AS bigint) FROM post_hashtag WHERE post = ?
		ON CONFLICT (board, day, tag) DO UPDATE SET posts = board_hashtag.posts + excluded.posts`, p.board, day, by, id.String())
	if err != nil {
		return err
	}
	err = b.Exec(ctx, `INSERT INTO board_popular (board, tag, posts)
		SELECT CAST(? AS text), tag, CAST(? AS bigint) FROM post_hashtag
		WHERE post = ? AND EXISTS (SELECT 1 FROM hashtag_window WHERE one = 1 AND first <= ?)
		ON CONFLICT (board, tag) DO UPDATE SET posts = board_popular.posts + excluded.posts`, p.board, by, id.String(), day)
	if err != nil || by > 0 {
		return err
	}
	err = b.Exec(ctx, `DELETE FROM board_hashtag WHERE board = ? AND day = ? AND posts <= 0
		AND tag IN (SELECT tag FROM post_hashtag WHERE post = ?)`, p.board, day, id.String())
	if err != nil {
		return err
	}
	return b.Exec(ctx, `DELETE FROM board_popular WHERE board = ? AND posts <= 0
		AND tag IN (SELECT tag FROM post_hashtag WHERE post = ?)`, p.board, id.String())
}

// summed is hashtag_window.
type summed struct{ newest, first int64 }

func summedNow(ctx context.Context, r Reader) (summed, error) {
	s, found, err := first(ctx, r, func(rows Rows) (s summed, err error) {
		err = rows.Scan(&s.newest, &s.first)
		return s, err
	}, `SELECT newest, first FROM hashtag_window WHERE one = 1`)
	if !found {
		s = summed{newest: math.MinInt64, first: math.MaxInt64} // there are no sums
	}
	return s, err
}

// moveSums lets the sums begin as many days before the newest of all posts with
// hashtags as are kept, before the one of a time is counted: the first one of a
// day takes the counts of a day out of them.
func (f Feeds) moveSums(ctx context.Context, b Batch, published int64) error {
	was, err := summedNow(ctx, b)
	if err != nil {
		return err
	}
	now := summed{newest: max(was.newest, dayOf(published))}
	now.first = now.newest - int64(f.TagDays)
	if now == was {
		return nil
	}
	from, until, by := was.first, now.first, -1
	if now.first < was.first {
		from, until, by = now.first, was.first, 1
	}
	err = b.Exec(ctx, `INSERT INTO board_popular (board, tag, posts)
		SELECT board, tag, CAST(? * SUM(posts) AS bigint) FROM board_hashtag WHERE day >= ? AND day < ? GROUP BY board, tag
		ON CONFLICT (board, tag) DO UPDATE SET posts = board_popular.posts + excluded.posts`, by, from, until)
	if err != nil {
		return err
	}
	err = b.Exec(ctx, `DELETE FROM board_popular WHERE posts <= 0
		AND (board, tag) IN (SELECT board, tag FROM board_hashtag WHERE day >= ? AND day < ?)`, from, until)
	if err != nil {
		return err
	}
	return b.Exec(ctx, `INSERT INTO hashtag_window (one, newest, first) VALUES (1, ?, ?)
		ON CONFLICT (one) DO UPDATE SET newest = excluded.newest, first = excluded.first`, now.newest, now.first)
}

// BoardTags says which hashtags are shown with boards: the Most used since,
// the whole of that day (UTC) included.
type BoardTags struct {
	Since time.Time
	Most  int // 0: none, which asks nothing
}

// boardsAtOnce are boards whose hashtags one statement asks for; SQLite joins
// no more than 500 parts.
const boardsAtOnce = 250

// withHashtags adds the popular hashtags of boards, in one query unless a page
// is very long. Each board's are ranked for themselves.
//
// Where the sums begin on another day, they are added up here, which costs a
// row a hashtag a day: until the first post of a day, and where the projector
// keeps sums of another time.
func withHashtags(ctx context.Context, r Reader, boards []Board, tags BoardTags) error {
	for i := range boards {
		boards[i].Hashtags = []string{}
	}
	if tags.Most <= 0 || len(boards) == 0 {
		return nil
	}
	sums, err := summedNow(ctx, r)
	if err != nil {
		return err
	}
	since := dayOf(millis(tags.Since))
	most, of := `SELECT tag, posts AS n FROM board_popular WHERE board = ? ORDER BY posts DESC, tag LIMIT ?`, func(b Board) []any {
		return []any{b.ID.String(), tags.Most}
	}
	if sums.first != since {
		most, of = `SELECT tag, CAST(SUM(posts) AS bigint) AS n FROM board_hashtag WHERE board = ? AND day >= ?
			GROUP BY tag ORDER BY n DESC, tag LIMIT ?`, func(b Board) []any {
			return []any{b.ID.String(), since, tags.Most}
		}
	}
	type used struct {
		board int
		tag   string
	}
	for some := range slices.Chunk(boards, boardsAtOnce) {
		var parts []string
		var args []any
		for i, b := range some {
			parts = append(parts, `SELECT `+strconv.Itoa(i)+`, tag, n FROM (`+most+`) AS used`)
			args = append(args, of(b)...)
		}
		list, err := collect(ctx, r, func(rows Rows) (u used, err error) {
			var posts int64
			err = rows.Scan(&u.board, &u.tag, &posts)
			return u, err
		}, strings.Join(parts, " UNION ALL ")+` ORDER BY 1, 3 DESC, 2`, args...)
		if err != nil {
			return err
		}
		for _, u := range list {
			some[u.board].Hashtags = append(some[u.board].Hashtags, u.tag)
		}
	}
	return nil
}
