package readmodels

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// A row of post_hashtag stands for a published post. Its author is a pseudonym
// where the post is anonymous, so that counting people tells of nobody.
//
// board_hashtag counts those posts by board and day of publication, so that a
// board's popular hashtags are added up from days and not from posts. No count
// is zero.
var hashtagSchema = append(followedTags.schema(
	`CREATE TABLE IF NOT EXISTS hashtag_follow (account text NOT NULL, tag text NOT NULL, merged bigint NOT NULL, PRIMARY KEY (account, tag))`),
	`CREATE TABLE IF NOT EXISTS post_hashtag (
		tag text NOT NULL, post text NOT NULL, author text NOT NULL, published_at bigint NOT NULL, PRIMARY KEY (tag, post))`,
	`CREATE INDEX IF NOT EXISTS post_hashtag_post ON post_hashtag (post)`,
	`CREATE INDEX IF NOT EXISTS post_hashtag_newest ON post_hashtag (tag, published_at, post)`,
	`CREATE INDEX IF NOT EXISTS post_hashtag_trend ON post_hashtag (published_at, tag, author)`,
	`CREATE TABLE IF NOT EXISTS hashtag (tag text PRIMARY KEY, posts bigint NOT NULL)`,
	`CREATE TABLE IF NOT EXISTS board_hashtag (
		board text NOT NULL, day bigint NOT NULL, tag text NOT NULL, posts bigint NOT NULL, PRIMARY KEY (board, day, tag))`,
)

// dayOf is the day (UTC) of a time in milliseconds, from 1970.
func dayOf(ms int64) int64 { return ms / (24 * time.Hour).Milliseconds() }

// Hashtag is a hashtag as a viewer sees it.
type Hashtag struct {
	Tag       string
	Posts     int // published ones
	Following bool

	People, Recent int // in a trend: different authors, and posts
}

// PutHashtagFollow lets an account follow a hashtag.
func PutHashtagFollow(ctx context.Context, b Batch, account uuid.UUID, tag string, f Feeds) error {
	_, err := f.begin(ctx, b, followedTags, account.String(), tag)
	return err
}

// DropHashtagFollow takes that back.
func DropHashtagFollow(ctx context.Context, b Batch, account uuid.UUID, tag string) error {
	return b.Exec(ctx, `DELETE FROM hashtag_follow WHERE account = ? AND tag = ?`, account.String(), tag)
}

// putHashtags puts a post, which had none, into the pages of these hashtags.
func (p stands) putHashtags(ctx context.Context, b Batch, id uuid.UUID, tags []string) error {
	for _, tag := range tags {
		err := b.Exec(ctx, `INSERT INTO hashtag (tag, posts) VALUES (?, 1)
			ON CONFLICT (tag) DO UPDATE SET posts = hashtag.posts + 1`, tag)
		if err != nil {
			return err
		}
		err = b.Exec(ctx, `INSERT INTO post_hashtag (tag, post, author, published_at) VALUES (?, ?, ?, ?)`,
			tag, id.String(), p.author, p.published)
		if err != nil {
			return err
		}
	}
	return p.countHashtags(ctx, b, id, 1)
}

// dropHashtags takes the post out of the pages of its hashtags.
func (p stands) dropHashtags(ctx context.Context, b Batch, id uuid.UUID) error {
	if err := p.countHashtags(ctx, b, id, -1); err != nil {
		return err
	}
	err := b.Exec(ctx, `UPDATE hashtag SET posts = posts - 1 WHERE tag IN (SELECT tag FROM post_hashtag WHERE post = ?)`, id.String())
	if err != nil {
		return err
	}
	return b.Exec(ctx, `DELETE FROM post_hashtag WHERE post = ?`, id.String())
}

// countHashtags counts the post's hashtags for its board, by 1 or -1.
func (p stands) countHashtags(ctx context.Context, b Batch, id uuid.UUID, by int) error {
	day := dayOf(p.published)
	err := b.Exec(ctx, `INSERT INTO board_hashtag (board, day, tag, posts)
		SELECT CAST(? AS text), CAST(? AS bigint), tag, CAST(? AS bigint) FROM post_hashtag WHERE post = ?
		ON CONFLICT (board, day, tag) DO UPDATE SET posts = board_hashtag.posts + excluded.posts`, p.board, day, by, id.String())
	if err != nil || by > 0 {
		return err
	}
	return b.Exec(ctx, `DELETE FROM board_hashtag WHERE board = ? AND day = ? AND posts <= 0
		AND tag IN (SELECT tag FROM post_hashtag WHERE post = ?)`, p.board, day, id.String())
}

// HashtagOf is the page of a folded tag, which nobody need have used.
func HashtagOf(ctx context.Context, r Reader, viewer uuid.UUID, tag string) (Hashtag, error) {
	x, _, err := first(ctx, r, func(rows Rows) (x Hashtag, err error) {
		var following int64
		err = rows.Scan(&x.Posts, &following)
		x.Following = following != 0
		return x, err
	}, `SELECT COALESCE((SELECT posts FROM hashtag WHERE tag = ?), 0),
		(SELECT count(*) FROM hashtag_follow WHERE account = ? AND tag = ?)`, tag, textID(viewer), tag)
	x.Tag = tag
	return x, err
}

func scanHashtag(rows Rows) (x Hashtag, err error) {
	var following int64
	err = rows.Scan(&x.Tag, &x.Posts, &following)
	x.Following = following != 0
	return x, err
}

const hashtagColumns = `h.tag, h.posts, (SELECT count(*) FROM hashtag_follow f WHERE f.account = ? AND f.tag = h.tag)`

// HashtagsUsed are those of some folded tags that published posts have, in no
// order: what search found.
func HashtagsUsed(ctx context.Context, r Reader, viewer uuid.UUID, tags []string) ([]Hashtag, error) {
	if len(tags) == 0 {
		return nil, nil
	}
	args := []any{textID(viewer)}
	for _, tag := range tags {
		args = append(args, tag)
	}
	return collect(ctx, r, scanHashtag, `SELECT `+hashtagColumns+` FROM hashtag h WHERE h.posts > 0 AND h.tag IN (`+marks(len(tags))+`)`, args...)
}

// HashtagsFrom are the most used of the hashtags that begin with a folded
// text, at most limit.
func HashtagsFrom(ctx context.Context, r Reader, viewer uuid.UUID, beginning string, limit int) ([]Hashtag, error) {
	return collect(ctx, r, scanHashtag, `SELECT `+hashtagColumns+` FROM (
			SELECT tag, posts FROM hashtag WHERE tag >= ? AND tag < ? AND posts > 0 ORDER BY tag LIMIT ?) AS h
		ORDER BY CASE WHEN h.tag = ? THEN 0 ELSE 1 END, h.posts DESC, h.tag LIMIT ?`,
		textID(viewer), beginning, beginning+lastRune, maxBeginnings, beginning, limit)
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
	// Without the cast, SQLite groups by an index of all tags ever used.
	sql := `SELECT w.tag, h.posts, (SELECT count(*) FROM hashtag_follow f WHERE f.account = ? AND f.tag = w.tag), w.people, w.recent
		FROM (SELECT CAST(tag AS text) AS tag, COUNT(DISTINCT author) AS people, COUNT(*) AS recent FROM post_hashtag
			WHERE published_at >= ? GROUP BY CAST(tag AS text)) AS w
		JOIN hashtag h ON h.tag = w.tag`
	args := []any{textID(viewer), millis(since)}
	if after != nil {
		args[1] = after.Since
		sql += ` WHERE w.people < ? OR w.people = ? AND (w.recent < ? OR w.recent = ? AND w.tag > ?)`
		args = append(args, after.People, after.People, after.Recent, after.Recent, after.Tag)
	}
	return collect(ctx, r, func(rows Rows) (x Hashtag, err error) {
		var following int64
		err = rows.Scan(&x.Tag, &x.Posts, &following, &x.People, &x.Recent)
		x.Following = following != 0
		return x, err
	}, sql+` ORDER BY w.people DESC, w.recent DESC, w.tag LIMIT ?`, append(args, limit)...)
}
