package readmodels

import (
	"context"
	"strings"

	"github.com/google/uuid"
)

// A row of timeline is a post that may stand in reader's home feed: it came by
// something that reader followed then. Whether it still does is asked when the
// feed is read, so what ends (a follow, a post, a hashtag of it) changes
// nothing here.
//
// A timeline misses nothing that is newer than its floor, or nothing at all
// where it has none, of what reader follows with merged = 0. What is followed
// with merged = 1 has its posts merged in when the feed is read.
var timelineSchema = []string{
	`CREATE TABLE IF NOT EXISTS timeline (reader text NOT NULL, at bigint NOT NULL, post text NOT NULL, PRIMARY KEY (reader, at, post))`,
	`CREATE TABLE IF NOT EXISTS timeline_floor (reader text PRIMARY KEY, at bigint NOT NULL, post text NOT NULL)`,
}

// Feeds says how home feeds are kept, and what else a post changes far from it.
type Feeds struct {
	// FanOut is how many followers of a person, board or hashtag have its
	// posts written to their timelines, each a row a post. For those who
	// follow it beyond them they are merged when the feed is read. 0: for all.
	FanOut int
	// Length is how many posts a timeline keeps, and about 256 more before they
	// are dropped; below 1 it is 1. Older pages are put together when read.
	Length int
	// TagDays is how many days before that of the newest post with hashtags the
	// sums of what is popular on boards begin.
	TagDays int
}

// following is a kind of thing that one follows: the table that says who
// follows what, and its two columns.
type following struct {
	table, reader, of string
	posts             string // those of such a thing, which take it; columns: at, id
	post              string // the column of a post in them
}

var (
	followedPeople = following{"follow", "follower", "followee", `SELECT p.published_at AS at, p.id AS id FROM post p WHERE p.author = ? AND p.state = 'published'`, "p.id"}
	followedBoards = following{"board_follow", "account", "board", `SELECT p.published_at AS at, p.id AS id FROM post p WHERE p.board = ? AND p.state = 'published'`, "p.id"}
	followedTags   = following{"hashtag_follow", "account", "tag", `SELECT p.published_at AS at, p.post AS id FROM post_hashtag p WHERE p.tag = ?`, "p.post"}

	// ownPosts are an account's, its anonymous ones too. No table says so.
	ownPosts = following{posts: `SELECT p.published_at AS at, p.id AS id FROM post p WHERE p.owner = ? AND p.state = 'published'`, post: "p.id"}
)

// schema is the table of a kind with the indexes of its two ends: who is
// written to, and what is merged.
func (f following) schema(table string) []string {
	return []string{
		table,
		`CREATE INDEX IF NOT EXISTS ` + f.table + `_written ON ` + f.table + ` (` + f.of + `, ` + f.reader + `) WHERE merged = 0`,
		`CREATE INDEX IF NOT EXISTS ` + f.table + `_merged ON ` + f.table + ` (` + f.reader + `, ` + f.of + `) WHERE merged = 1`,
	}
}

// oldest is how many posts of a timeline are before its last.
func (f Feeds) oldest() int { return max(f.Length, 1) - 1 }

func scanKey(rows Rows) (k PostKey, err error) {
	err = rows.Scan(&k.At, &k.ID)
	return k, err
}

func scanFlag(rows Rows) (bool, error) {
	var n int64
	err := rows.Scan(&n)
	return n != 0, err
}

// column is one more column of a row, and its value.
type column struct {
	name  string
	value any
}

// begin adds a follow, unless there is one, and the posts that come by it. It
// is merged once as many as the fan-out are written to.
func (f Feeds) begin(ctx context.Context, b Batch, kind following, reader, of string, more ...column) (added bool, err error) {
	names, places, args := "", "", []any{reader, of}
	for _, c := range more {
		names, places, args = names+`, `+c.name, places+`, ?`, append(args, c.value)
	}
	merged, added, err := first(ctx, b, scanFlag, `INSERT INTO `+kind.table+` (`+kind.reader+`, `+kind.of+names+`, merged)
		VALUES (?, ?`+places+`, (SELECT CASE WHEN count(*) < ? THEN 0 ELSE 1 END
			FROM (SELECT 1 FROM `+kind.table+` WHERE `+kind.of+` = ? AND merged = 0 LIMIT ?) AS written))
		ON CONFLICT DO NOTHING RETURNING merged`, append(args, f.FanOut, of, f.FanOut)...)
	if err != nil || !added || merged {
		return added, err
	}
	return true, f.bring(ctx, b, kind, reader, of)
}

// bring writes the posts of what reader has begun to follow to reader's
// timeline, the newest as far as it reaches.
func (f Feeds) bring(ctx context.Context, b Batch, kind following, reader, of string) error {
	lowest, more, err := first(ctx, b, scanKey, kind.posts+` ORDER BY at DESC, id DESC LIMIT 1 OFFSET ?`, of, f.oldest())
	if err != nil {
		return err
	}
	if more {
		if err := raiseFloor(ctx, b, reader, lowest); err != nil {
			return err
		}
	}
	floor, _, err := floorOf(ctx, b, reader)
	if err != nil {
		return err
	}
	return b.Exec(ctx, `INSERT INTO timeline (reader, at, post) SELECT CAST(? AS text), s.at, s.id FROM (`+kind.posts+`) AS s
		WHERE (s.at, s.id) >= (?, ?) ON CONFLICT DO NOTHING`, reader, of, floor.At, textID(floor.ID))
}

// followed is something that is followed.
type followed struct {
	following
	of string
}

func tagged(tags []string) []followed {
	all := make([]followed, len(tags))
	for i, tag := range tags {
		all[i] = followed{followedTags, tag}
	}
	return all
}

// deliver writes a post to the timelines of those who follow any of these.
func deliver(ctx context.Context, b Batch, post PostKey, to ...followed) error {
	for _, f := range to {
		err := b.Exec(ctx, `INSERT INTO timeline (reader, at, post) SELECT `+f.reader+`, CAST(? AS bigint), CAST(? AS text) FROM `+f.table+`
			WHERE `+f.following.of+` = ? AND merged = 0 ON CONFLICT DO NOTHING`, post.At, post.ID.String(), f.of)
		if err != nil {
			return err
		}
	}
	return nil
}

// comesBy is what a post with those hashtags can be followed by.
func (p stands) comesBy(tags []string) []followed {
	return append(tagged(tags), followed{followedPeople, p.author}, followed{followedBoards, p.board})
}

// deliver writes a post to all timelines that it belongs to, its author's too.
func (p stands) deliver(ctx context.Context, b Batch, id uuid.UUID, by []followed) error {
	if p.owner != "" {
		err := b.Exec(ctx, `INSERT INTO timeline (reader, at, post) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, p.owner, p.published, id.String())
		if err != nil {
			return err
		}
	}
	return deliver(ctx, b, p.key(id), by...)
}

// publish delivers a new post, and shortens timelines that it is written to:
// those of the readers whose ids end as the post's does, one in 256, so that
// the work is spread, and a replay does the same.
func (f Feeds) publish(ctx context.Context, b Batch, p stands, id uuid.UUID, tags []string) error {
	by := p.comesBy(tags)
	if err := p.deliver(ctx, b, id, by); err != nil {
		return err
	}
	end := id.String()[34:] // the last two digits of 36
	var parts []string
	var args []any
	for _, s := range by {
		parts = append(parts, `SELECT `+s.reader+` FROM `+s.table+` WHERE `+s.following.of+` = ? AND merged = 0 AND substr(`+s.reader+`, 35) = ?`)
		args = append(args, s.of, end)
	}
	readers, err := collect(ctx, b, scanText, strings.Join(parts, " UNION "), args...)
	if err != nil {
		return err
	}
	if strings.HasSuffix(p.owner, end) {
		readers = append(readers, p.owner)
	}
	for _, reader := range readers {
		if err := f.shorten(ctx, b, reader); err != nil {
			return err
		}
	}
	return nil
}

// shorten drops what is too old for a timeline.
func (f Feeds) shorten(ctx context.Context, b Batch, reader string) error {
	lowest, more, err := first(ctx, b, scanKey, `SELECT at, post FROM timeline WHERE reader = ? ORDER BY at DESC, post DESC LIMIT 1 OFFSET ?`, reader, f.oldest())
	if err != nil || !more {
		return err
	}
	if err := raiseFloor(ctx, b, reader, lowest); err != nil {
		return err
	}
	return b.Exec(ctx, `DELETE FROM timeline WHERE reader = ? AND (at, post) < (?, ?)`, reader, lowest.At, lowest.ID.String())
}

// raiseFloor says that a timeline may miss what is older than a post.
func raiseFloor(ctx context.Context, b Batch, reader string, to PostKey) error {
	return b.Exec(ctx, `INSERT INTO timeline_floor (reader, at, post) VALUES (?, ?, ?)
		ON CONFLICT (reader) DO UPDATE SET at = excluded.at, post = excluded.post
		WHERE (timeline_floor.at, timeline_floor.post) < (excluded.at, excluded.post)`, reader, to.At, to.ID.String())
}

func floorOf(ctx context.Context, r Reader, reader string) (PostKey, bool, error) {
	return first(ctx, r, scanKey, `SELECT at, post FROM timeline_floor WHERE reader = ?`, reader)
}
