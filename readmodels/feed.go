package readmodels

import (
	"context"

	"github.com/google/uuid"
)

// PublicFeed are all published posts, newest first; at most limit, those after
// the one given (nil: from the newest). Whom viewer mutes is left out.
func PublicFeed(ctx context.Context, r Reader, viewer uuid.UUID, after *PostKey, limit int) ([]Post, error) {
	k, me := after.orNewest(), textID(viewer)
	return posts(ctx, r, viewer, `SELECT `+postColumns+` FROM post p
		WHERE p.state = 'published' AND (p.published_at, p.id) < (?, ?)`+visible("p.author")+unmuted+`
		ORDER BY p.published_at DESC, p.id DESC LIMIT ?`, k.At, k.ID.String(), me, me, me, limit)
}

const unmuted = ` AND NOT EXISTS (SELECT 1 FROM mute u WHERE u.muter = ? AND u.muted = p.author)`

// HomeFeed are the posts of whom, which boards and which hashtags viewer
// follows now, and viewer's own, newest first; at most limit, those after the
// one given (nil: from the newest).
//
// Each source gives its newest posts by an index of its own; UNION keeps a
// post that comes by two ways once. An anonymous post belongs to a pseudonym,
// which nobody follows, so it comes by its board and hashtags alone, and to
// its own author.
func HomeFeed(ctx context.Context, r Reader, viewer uuid.UUID, after *PostKey, limit int) ([]Post, error) {
	k, me := after.orNewest(), viewer.String()
	const newest = ` ORDER BY at DESC, id DESC LIMIT ?`
	return posts(ctx, r, viewer, `SELECT `+postColumns+` FROM post p JOIN (
			SELECT at, id FROM (SELECT p.published_at AS at, p.id AS id FROM follow f JOIN post p ON p.author = f.followee
				WHERE f.follower = ? AND p.state = 'published' AND p.anonymous = 0 AND (p.published_at, p.id) < (?, ?)`+visible("p.author")+unmuted+newest+`) AS people
			UNION SELECT at, id FROM (SELECT p.published_at AS at, p.id AS id FROM board_follow f JOIN post p ON p.board = f.board
				WHERE f.account = ? AND p.state = 'published' AND (p.published_at, p.id) < (?, ?)`+visible("p.author")+unmuted+newest+`) AS boards
			UNION SELECT at, id FROM (SELECT DISTINCT p.published_at AS at, p.post AS id FROM hashtag_follow f JOIN post_hashtag p ON p.tag = f.tag
				WHERE f.account = ? AND (p.published_at, p.post) < (?, ?)`+visible("p.author")+unmuted+newest+`) AS tags
			UNION SELECT at, id FROM (SELECT p.published_at AS at, p.id AS id FROM post p
				WHERE p.owner = ? AND p.state = 'published' AND (p.published_at, p.id) < (?, ?)`+newest+`) AS own
			ORDER BY 1 DESC, 2 DESC LIMIT ?) AS page ON page.id = p.id
		ORDER BY p.published_at DESC, p.id DESC`,
		me, k.At, k.ID.String(), me, me, me, limit,
		me, k.At, k.ID.String(), me, me, me, limit,
		me, k.At, k.ID.String(), me, me, me, limit,
		me, k.At, k.ID.String(), limit,
		limit)
}
