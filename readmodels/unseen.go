package readmodels

import (
	"context"
	"slices"

	"github.com/google/uuid"
)

// Counts stand with what they count, for everybody. What a block keeps from
// the viewer is taken off when they are read, so that a number says no more than
// the list below it.

// acrossBlocks are whom a viewer blocks and who blocks them; it takes the
// viewer twice. Pseudonyms are none of them.
const acrossBlocks = `(SELECT blocked FROM block WHERE blocker = ? UNION SELECT blocker FROM block WHERE blocked = ?)`

// unseen is what of a post's comments, or of a comment's replies, its viewer
// does not see.
type unseen struct {
	of       string // id
	comments int    // that were not deleted
	answer   int    // of a post: 1 where the accepted one is among them, deleted or not
}

// unseenComments gives those of some posts that have any, by id.
func unseenComments(ctx context.Context, r Reader, viewer uuid.UUID, posts []any) (map[string]unseen, error) {
	return unseenBy(ctx, r, viewer, `SELECT m.post, CAST(SUM(1 - m.deleted) AS bigint), MAX(CASE WHEN m.id = p.answer THEN 1 ELSE 0 END)
		FROM comment m JOIN post p ON p.id = m.post
		WHERE m.author IN `+acrossBlocks+` AND m.post IN (`+marks(len(posts))+`) GROUP BY m.post`, posts)
}

// unseenReplies gives the direct replies of some comments that have any, by id.
func unseenReplies(ctx context.Context, r Reader, viewer uuid.UUID, found []Comment) (map[string]unseen, error) {
	var posts, parents []any
	for _, m := range found {
		parents = append(parents, m.ID.String())
		if post := any(m.Post.String()); !slices.Contains(posts, post) {
			posts = append(posts, post)
		}
	}
	return unseenBy(ctx, r, viewer, `SELECT m.parent, CAST(SUM(1 - m.deleted) AS bigint), 0 FROM comment m WHERE m.author IN `+acrossBlocks+`
		AND m.post IN (`+marks(len(posts))+`) AND m.parent IN (`+marks(len(parents))+`) GROUP BY m.parent`, slices.Concat(posts, parents))
}

// unseenBy runs a query that takes the viewer twice. Without an account nobody
// is blocked.
func unseenBy(ctx context.Context, r Reader, viewer uuid.UUID, sql string, args []any) (map[string]unseen, error) {
	if viewer == uuid.Nil {
		return nil, nil
	}
	list, err := collect(ctx, r, func(rows Rows) (u unseen, err error) {
		err = rows.Scan(&u.of, &u.comments, &u.answer)
		return u, err
	}, sql, append([]any{viewer.String(), viewer.String()}, args...)...)
	all := make(map[string]unseen, len(list))
	for _, u := range list {
		all[u.of] = u
	}
	return all, err
}
