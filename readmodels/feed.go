package readmodels

import (
	"cmp"
	"context"
	"slices"
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
// Whoever follows what is busy finds the page among the newest posts of all.
// For others each source gives its newest by an index, so that neither many
// posts nor many followed things make a page slow by themselves.
func HomeFeed(ctx context.Context, r Reader, viewer uuid.UUID, after *PostKey, limit int) ([]Post, error) {
	k := after.orNewest()
	page, err := feedFromNewest(ctx, r, viewer.String(), k, limit, feedWindow)
	if err == nil && len(page) < limit {
		page, err = feedFromBelow(ctx, r, viewer.String(), k, limit)
	}
	if err != nil || len(page) == 0 {
		return nil, err
	}
	found, err := PostsByID(ctx, r, viewer, page)
	slices.SortFunc(found, func(a, b Post) int { return b.Place().compare(a.Place()) })
	return found, err
}

func (k PostKey) compare(other PostKey) int {
	return cmp.Or(cmp.Compare(k.At, other.At), slices.Compare(k.ID[:], other.ID[:]))
}

func scanID(rows Rows) (id uuid.UUID, err error) {
	err = rows.Scan(&id)
	return id, err
}

// feedFromNewest looks through that many of the newest posts of all. Fewer
// than limit do not mean that there are no more.
func feedFromNewest(ctx context.Context, r Reader, me string, k PostKey, limit, window int) ([]uuid.UUID, error) {
	return collect(ctx, r, scanID, `SELECT p.id FROM (
			SELECT id, board, author, owner, published_at FROM post WHERE state = 'published' AND (published_at, id) < (?, ?)
			ORDER BY published_at DESC, id DESC LIMIT ?) AS p
		WHERE (p.owner = ?
			OR EXISTS (SELECT 1 FROM follow f WHERE f.follower = ? AND f.followee = p.author)
			OR EXISTS (SELECT 1 FROM board_follow f WHERE f.account = ? AND f.board = p.board)
			OR EXISTS (SELECT 1 FROM post_hashtag t JOIN hashtag_follow f ON f.account = ? AND f.tag = t.tag WHERE t.post = p.id))`+
		visible("p.author")+unmuted+` ORDER BY p.published_at DESC, p.id DESC LIMIT ?`,
		k.At, k.ID.String(), window, me, me, me, me, me, me, me, limit)
}

// feedSource is something followed; by says how its posts are found.
type feedSource struct{ by, of string }

// How the posts of each kind of source are found; each takes the source.
var feedBy = map[string]string{
	"account": `SELECT p.published_at AS at, p.id AS id FROM post p WHERE p.author = ? AND p.state = 'published'`,
	"board":   `SELECT p.published_at AS at, p.id AS id FROM post p WHERE p.board = ? AND p.state = 'published'`,
	"tag":     `SELECT p.published_at AS at, p.post AS id FROM post_hashtag p WHERE p.tag = ?`,
	"own":     `SELECT p.published_at AS at, p.id AS id FROM post p WHERE p.owner = ? AND p.state = 'published'`,
}

// feedFromBelow is for a page that the newest posts did not fill.
func feedFromBelow(ctx context.Context, r Reader, me string, k PostKey, limit int) ([]uuid.UUID, error) {
	sources, err := collect(ctx, r, func(rows Rows) (s feedSource, err error) {
		err = rows.Scan(&s.by, &s.of)
		return s, err
	}, `SELECT 'account', followee FROM follow WHERE follower = ?
		UNION ALL SELECT 'board', board FROM board_follow WHERE account = ?
		UNION ALL SELECT 'tag', tag FROM hashtag_follow WHERE account = ?`, me, me, me)
	if err == nil && len(sources) >= feedSources {
		page, err := feedFromNewest(ctx, r, me, k, limit, feedDepth)
		if err != nil || len(page) == limit {
			return page, err
		}
	}
	if err != nil {
		return nil, err
	}
	return feedFromSources(ctx, r, append(sources, feedSource{"own", me}), me, k, limit)
}

// feedFromSources asks each source for its newest posts and merges them.
func feedFromSources(ctx context.Context, r Reader, sources []feedSource, me string, k PostKey, limit int) ([]uuid.UUID, error) {
	var newest []PostKey
	for chunk := range slices.Chunk(sources, feedSources) {
		parts := make([]string, len(chunk))
		var args []any
		for i, s := range chunk {
			parts[i] = `SELECT at, id FROM (` + feedBy[s.by] + ` AND (p.published_at, ` + feedID(s.by) + `) < (?, ?)` + visible("p.author") + unmuted +
				` ORDER BY at DESC, id DESC LIMIT ?) AS s`
			args = append(args, s.of, k.At, k.ID.String(), me, me, me, limit)
		}
		found, err := collect(ctx, r, func(rows Rows) (k PostKey, err error) {
			err = rows.Scan(&k.At, &k.ID)
			return k, err
		}, strings.Join(parts, " UNION ALL ")+` ORDER BY 1 DESC, 2 DESC LIMIT ?`, append(args, limit*len(chunk))...)
		if err != nil {
			return nil, err
		}
		newest = append(newest, found...)
	}
	slices.SortFunc(newest, func(a, b PostKey) int { return b.compare(a) })
	newest = slices.Compact(newest)
	ids := make([]uuid.UUID, 0, limit)
	for _, k := range newest[:min(limit, len(newest))] {
		ids = append(ids, k.ID)
	}
	return ids, nil
}

func feedID(by string) string {
	if by == "tag" {
		return "p.post"
	}
	return "p.id"
}
