package readmodels

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// Bounds of how a home feed is put together.
const (
	feedWindow  = 200  // newest posts that are looked through before each source is asked
	feedDepth   = 4000 // the same where there are more sources than one statement asks
	feedSources = 100  // sources asked by one statement
)

const unmuted = ` AND NOT EXISTS (SELECT 1 FROM mute u WHERE u.muter = ? AND u.muted = p.author)`

// PublicFeed are all published posts, newest first; at most limit, those after
// the one given (nil: from the newest). Whom viewer mutes is left out.
func PublicFeed(ctx context.Context, r Reader, viewer uuid.UUID, after *PostKey, limit int) ([]Post, error) {
	k, me := after.orNewest(), textID(viewer)
	return posts(ctx, r, viewer, `SELECT `+postColumns+` FROM post p
		WHERE p.state = 'published' AND (p.published_at, p.id) < (?, ?)`+visible("p.author")+unmuted+`
		ORDER BY p.published_at DESC, p.id DESC LIMIT ?`, k.At, k.ID.String(), me, me, me, limit)
}

// HomeFeed are the posts of whom, which boards and which hashtags viewer
// follows now, and viewer's own, newest first; at most limit, those after the
// one given (nil: from the newest). A post that comes by two ways comes once.
//
// An anonymous post belongs to a pseudonym, which nobody follows: it comes by
// its board and hashtags alone, and to its own author.
//
// The page is read from viewer's timeline, with the posts of what is merged,
// and below the timeline's floor from the posts themselves.
func HomeFeed(ctx context.Context, r Reader, viewer uuid.UUID, after *PostKey, limit int) ([]Post, error) {
	k, me := after.orNewest(), viewer.String()
	t, err := timelineOf(ctx, r, me)
	if err != nil {
		return nil, err
	}
	if len(t.merged) == 0 {
		page, err := posts(ctx, r, viewer, `SELECT `+postColumns+fromTimeline, t.arguments(k, limit)...)
		if err != nil || len(page) == limit || t.whole() {
			return page, err
		}
	}
	keys, err := t.page(ctx, r, k, limit)
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	ids := make([]uuid.UUID, len(keys))
	for i, k := range keys {
		ids[i] = k.ID
	}
	found, err := PostsByID(ctx, r, viewer, ids)
	slices.SortFunc(found, func(a, b Post) int { return b.Place().compare(a.Place()) })
	return found, err
}

// ownTimeline is what is known of a reader's timeline before it is read.
type ownTimeline struct {
	reader string
	floor  PostKey    // zero: it misses nothing
	merged []followed // what is not written to it
}

// timelineOf reads that in one statement. Its row of kind -1 is the floor.
func timelineOf(ctx context.Context, r Reader, me string) (ownTimeline, error) {
	t := ownTimeline{reader: me}
	kinds := []following{followedPeople, followedBoards, followedTags}
	sql, args := `SELECT -1, post, at FROM timeline_floor WHERE reader = ?`, []any{me}
	for i, kind := range kinds {
		sql += ` UNION ALL SELECT ` + strconv.Itoa(i) + `, ` + kind.of + `, 0 FROM ` + kind.table + ` WHERE ` + kind.reader + ` = ? AND merged = 1`
		args = append(args, me)
	}
	_, err := collect(ctx, r, func(rows Rows) (_ struct{}, err error) {
		var kind int
		var of string
		var at int64
		if err = rows.Scan(&kind, &of, &at); err == nil && kind < 0 {
			t.floor = PostKey{At: at, ID: idOf(of)}
		} else if err == nil {
			t.merged = append(t.merged, followed{kinds[kind], of})
		}
		return struct{}{}, err
	}, sql, args...)
	return t, err
}

// whole says that there is nothing below the timeline.
func (t ownTimeline) whole() bool { return t.floor == PostKey{} }

// page are the keys of a page, in order.
func (t ownTimeline) page(ctx context.Context, r Reader, k PostKey, limit int) ([]PostKey, error) {
	if len(t.merged) >= feedSources {
		return feedFromPosts(ctx, r, t.reader, k, limit)
	}
	page, err := t.written(ctx, r, k, limit)
	if err != nil || len(page) == limit || t.whole() {
		return page, err
	}
	older, err := feedFromPosts(ctx, r, t.reader, slices.MinFunc([]PostKey{k, t.floor}, PostKey.compare), limit)
	return newest(append(page, older...), limit), err
}

// newest are the newest of some keys, at most limit, each once.
func newest(keys []PostKey, limit int) []PostKey {
	slices.SortFunc(keys, func(a, b PostKey) int { return b.compare(a) })
	keys = slices.Compact(keys)
	return keys[:min(limit, len(keys))]
}

func (k PostKey) compare(other PostKey) int {
	return cmp.Or(cmp.Compare(k.At, other.At), slices.Compare(k.ID[:], other.ID[:]))
}

func scanID(rows Rows) (id uuid.UUID, err error) {
	err = rows.Scan(&id)
	return id, err
}

// comesByFollow says that a post p is viewer's own or comes by something that viewer
// follows; it takes viewer four times.
const comesByFollow = `(p.owner = ?
	OR EXISTS (SELECT 1 FROM follow f WHERE f.follower = ? AND f.followee = p.author)
	OR EXISTS (SELECT 1 FROM board_follow f WHERE f.account = ? AND f.board = p.board)
	OR EXISTS (SELECT 1 FROM post_hashtag t JOIN hashtag_follow f ON f.account = ? AND f.tag = t.tag WHERE t.post = p.id))`

// fromTimeline is a page of what was written to a timeline, down to its floor.
// What is there was published, and is, unless it was deleted; asked so, for
// indexes of what is published would tempt Postgres to walk through one.
var fromTimeline = ` FROM timeline t JOIN post p ON p.id = t.post AND p.state <> 'deleted'
	WHERE t.reader = ? AND (t.at, t.post) < (?, ?) AND (t.at, t.post) >= (?, ?) AND ` + comesByFollow + visible("p.author") + unmuted + `
	ORDER BY t.at DESC, t.post DESC LIMIT ?`

func (t ownTimeline) arguments(k PostKey, limit int) []any {
	me := t.reader
	return []any{me, k.At, k.ID.String(), t.floor.At, textID(t.floor.ID), me, me, me, me, me, me, me, limit}
}

// written is what was written to the timeline, with the posts of what is
// merged, both down to the floor: below it others may lie between.
func (t ownTimeline) written(ctx context.Context, r Reader, k PostKey, limit int) ([]PostKey, error) {
	page, err := collect(ctx, r, scanKey, `SELECT t.at, t.post`+fromTimeline, t.arguments(k, limit)...)
	if err != nil || len(t.merged) == 0 {
		return page, err
	}
	others, err := feedFromSources(ctx, r, t.merged, t.reader, k, limit)
	others = slices.DeleteFunc(others, func(k PostKey) bool { return k.compare(t.floor) < 0 })
	return newest(append(page, others...), limit), err
}

// feedFromPosts puts a page together from the posts themselves. Whoever
// follows what is busy finds it among the newest posts of all. For others each
// source gives its newest by an index, so that neither many posts nor many
// followed things make a page slow by themselves.
func feedFromPosts(ctx context.Context, r Reader, me string, k PostKey, limit int) ([]PostKey, error) {
	page, err := feedFromNewest(ctx, r, me, k, limit, feedWindow)
	if err != nil || len(page) == limit {
		return page, err
	}
	sources, err := sourcesOf(ctx, r, me)
	if err != nil {
		return nil, err
	}
	if len(sources) > feedSources {
		page, err := feedFromNewest(ctx, r, me, k, limit, feedDepth)
		if err != nil || len(page) == limit {
			return page, err
		}
	}
	return feedFromSources(ctx, r, sources, me, k, limit)
}

// feedFromNewest looks through that many of the newest posts of all. Fewer
// than limit do not mean that there are no more.
func feedFromNewest(ctx context.Context, r Reader, me string, k PostKey, limit, window int) ([]PostKey, error) {
	return collect(ctx, r, scanKey, `SELECT p.published_at, p.id FROM (
			SELECT id, board, author, owner, published_at FROM post WHERE state = 'published' AND (published_at, id) < (?, ?)
			ORDER BY published_at DESC, id DESC LIMIT ?) AS p
		WHERE `+comesByFollow+
		visible("p.author")+unmuted+` ORDER BY p.published_at DESC, p.id DESC LIMIT ?`,
		k.At, k.ID.String(), window, me, me, me, me, me, me, me, limit)
}

// sourcesOf is all that an account follows, and itself.
func sourcesOf(ctx context.Context, r Reader, me string) ([]followed, error) {
	all := []followed{{ownPosts, me}}
	for _, kind := range []following{followedPeople, followedBoards, followedTags} {
		some, err := collect(ctx, r, func(rows Rows) (followed, error) {
			s := followed{following: kind}
			return s, rows.Scan(&s.of)
		}, `SELECT `+kind.of+` FROM `+kind.table+` WHERE `+kind.reader+` = ?`, me)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// feedFromSources asks each source for its newest posts and merges them.
func feedFromSources(ctx context.Context, r Reader, sources []followed, me string, k PostKey, limit int) ([]PostKey, error) {
	var found []PostKey
	for chunk := range slices.Chunk(sources, feedSources) {
		parts := make([]string, len(chunk))
		var args []any
		for i, s := range chunk {
			parts[i] = `SELECT at, id FROM (` + s.posts + ` AND (p.published_at, ` + s.post + `) < (?, ?)` + visible("p.author") + unmuted +
				` ORDER BY at DESC, id DESC LIMIT ?) AS s`
			args = append(args, s.of, k.At, k.ID.String(), me, me, me, limit)
		}
		some, err := collect(ctx, r, scanKey, strings.Join(parts, " UNION ALL ")+` ORDER BY 1 DESC, 2 DESC LIMIT ?`, append(args, limit*len(chunk))...)
		if err != nil {
			return nil, err
		}
		found = newest(append(found, some...), limit)
	}
	return found, nil
}
