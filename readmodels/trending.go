package readmodels

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/google/uuid"
)

// hashtag_use counts by hour, day and week (UTC, in milliseconds from 1970) the
// posts that have a hashtag, and the people who used it there for the last
// time. So whoever used it since the beginning of one of these is counted once
// in the sum of it and all that follow. No row has no posts.
//
// A table that is read in long stretches of its key is WITHOUT ROWID: SQLite
// keeps it in the order of the key then, and looks no row up.
var trendSchema = []string{
	`CREATE TABLE IF NOT EXISTS hashtag_use (
		span bigint NOT NULL, at bigint NOT NULL, tag text NOT NULL, people bigint NOT NULL, posts bigint NOT NULL, PRIMARY KEY (span, at, tag)) WITHOUT ROWID`,
	`CREATE INDEX IF NOT EXISTS post_hashtag_author ON post_hashtag (tag, author, published_at, post)`,
	`CREATE INDEX IF NOT EXISTS post_hashtag_trend ON post_hashtag (published_at, tag, author)`,
}

// useSpans are the lengths in which uses are counted, in milliseconds; each
// begins where the ones before it do.
var useSpans = [...]int64{int64(time.Hour / time.Millisecond), day, 7 * day}

// never is before all times.
const never = math.MinInt64

// countUse counts what the post, which has its rows of post_hashtag, adds to
// the use of its hashtags, by 1 or -1.
func (p stands) countUse(ctx context.Context, b Batch, id uuid.UUID, by int) error {
	type use struct {
		tag   string
		other int64 // when its author used it last, but for this post
	}
	uses, err := collect(ctx, b, func(rows Rows) (u use, err error) {
		err = rows.Scan(&u.tag, &u.other)
		return u, err
	}, `SELECT t.tag, COALESCE((SELECT o.published_at FROM post_hashtag o WHERE o.tag = t.tag AND o.author = t.author AND o.post <> t.post
			ORDER BY o.published_at DESC LIMIT 1), CAST(? AS bigint))
		FROM post_hashtag t WHERE t.post = ?`, int64(never), id.String())
	if err != nil {
		return err
	}
	for _, u := range uses {
		for _, span := range useSpans {
			at, other, people := p.published-p.published%span, u.other, 0
			if other != never {
				other -= other % span
			}
			if p.published >= u.other && at != other { // the last use is this one, not the other
				people = by
				if other != never {
					if err := addUse(ctx, b, span, other, u.tag, -by, 0); err != nil {
						return err
					}
				}
			}
			if err := addUse(ctx, b, span, at, u.tag, people, by); err != nil {
				return err
			}
		}
	}
	return nil
}

func addUse(ctx context.Context, b Batch, span, at int64, tag string, people, posts int) error {
	err := b.Exec(ctx, `INSERT INTO hashtag_use (span, at, tag, people, posts) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (span, at, tag) DO UPDATE SET people = hashtag_use.people + excluded.people, posts = hashtag_use.posts + excluded.posts`,
		span, at, tag, people, posts)
	if err != nil || posts >= 0 {
		return err
	}
	return b.Exec(ctx, `DELETE FROM hashtag_use WHERE span = ? AND at = ? AND tag = ? AND posts <= 0`, span, at, tag)
}

// TrendKey is a hashtag's place in a trend. Since keeps the window of the
// first page.
type TrendKey struct {
	Since  int64  `json:"s"` // milliseconds
	People int    `json:"p"`
	Recent int    `json:"r"`
	Tag    string `json:"t"`
}

// Trending are the hashtags that most different people used since a time, at
// most limit, those after the one given (nil: from the first).
func Trending(ctx context.Context, r Reader, viewer uuid.UUID, since time.Time, after *TrendKey, limit int) ([]Hashtag, error) {
	begin, behind, place := millis(since), ``, []any(nil)
	if after != nil {
		begin, behind = after.Since, ` WHERE g.people < ? OR g.people = ? AND (g.recent < ? OR g.recent = ? AND g.tag > ?)`
		place = []any{after.People, after.People, after.Recent, after.Recent, after.Tag}
	}
	counts, args := usesSince(begin)
	args = append(append(append([]any{textID(viewer)}, args...), place...), limit)
	return collect(ctx, r, func(rows Rows) (x Hashtag, err error) {
		var following int64
		err = rows.Scan(&x.Tag, &x.Posts, &following, &x.People, &x.Recent)
		x.Following = following != 0
		return x, err
	}, `SELECT w.tag, h.posts, (SELECT count(*) FROM hashtag_follow f WHERE f.account = ? AND f.tag = w.tag), w.people, w.recent
		FROM (SELECT g.tag, g.people, g.recent
			FROM (SELECT u.tag, CAST(SUM(u.people) AS bigint) AS people, CAST(SUM(u.posts) AS bigint) AS recent FROM (`+counts+`) AS u GROUP BY u.tag) AS g`+behind+`
			ORDER BY g.people DESC, g.recent DESC, g.tag LIMIT ?) AS w
		JOIN hashtag h ON h.tag = w.tag
		ORDER BY w.people DESC, w.recent DESC, w.tag`, args...)
}

// usesSince gives what is to be added up for a time: the posts until an hour
// begins, and then the hours until a day does, the days until a week does, and
// the weeks.
func usesSince(begin int64) (sql string, args []any) {
	next := func(at, span int64) int64 { // where one begins
		if rest := at % span; rest > 0 {
			at += span - rest
		}
		return at
	}
	until := next(begin, useSpans[0])
	parts := []string{`SELECT p.tag, COUNT(DISTINCT CASE WHEN NOT EXISTS (
			SELECT 1 FROM post_hashtag l WHERE l.tag = p.tag AND l.author = p.author AND l.published_at >= ?) THEN p.author END) AS people, COUNT(*) AS posts
		FROM post_hashtag p WHERE p.published_at >= ? AND p.published_at < ? GROUP BY p.tag`}
	args = []any{until, begin, until}
	for i, span := range useSpans {
		from := until
		if until = math.MaxInt64; i+1 < len(useSpans) {
			until = next(from, useSpans[i+1])
		}
		parts = append(parts, `SELECT tag, people, posts FROM hashtag_use WHERE span = ? AND at >= ? AND at < ?`)
		args = append(args, span, from, until)
	}
	return strings.Join(parts, " UNION ALL "), args
}
