package readmodels

import (
	"context"

	"github.com/google/uuid"
)

// Counts stand with what they count, for everybody. What a block keeps from
// the viewer is taken off when they are read, so that a number says no more than
// the list below it.

// acrossBlocks are whom a viewer blocks and who blocks them; it takes the
// viewer twice. Pseudonyms are none of them.
const acrossBlocks = `(SELECT blocked FROM block WHERE blocker = ? UNION SELECT blocker FROM block WHERE blocked = ?)`

// unseen is what of a post's comments its viewer does not see.
type unseen struct {
	comments int64 // that were not deleted
	answer   bool  // the accepted one is among them, deleted or not
}

// unseenComments gives those of some posts that have any, by id.
func unseenComments(ctx context.Context, r Reader, viewer uuid.UUID, posts []any) (map[string]unseen, error) {
	if viewer == uuid.Nil {
		return nil, nil
	}
	all := map[string]unseen{}
	_, err := collect(ctx, r, func(rows Rows) (none struct{}, err error) {
		var post string
		var u unseen
		var answer int64
		err = rows.Scan(&post, &u.comments, &answer)
		u.answer = answer != 0
		all[post] = u
		return none, err
	}, `SELECT m.post, SUM(1 - m.deleted), MAX(CASE WHEN m.id = p.answer THEN 1 ELSE 0 END) FROM comment m JOIN post p ON p.id = m.post
		WHERE m.author IN `+acrossBlocks+` AND m.post IN (`+marks(len(posts))+`) GROUP BY m.post`,
		append([]any{viewer.String(), viewer.String()}, posts...)...)
	return all, err
}

// unseenReplies gives the number of direct replies, by comment, that were not
// deleted and that the viewer does not see.
func unseenReplies(ctx context.Context, r Reader, viewer uuid.UUID, found []Comment) (map[string]int64, error) {
	if viewer == uuid.Nil {
		return nil, nil
	}
	args := []any{viewer.String(), viewer.String()}
	for _, m := range found {
		args = append(args, m.Post.String())
	}
	for _, m := range found {
		args = append(args, m.ID.String())
	}
	all := map[string]int64{}
	_, err := collect(ctx, r, func(rows Rows) (none struct{}, err error) {
		var parent string
		var n int64
		err = rows.Scan(&parent, &n)
		all[parent] = n
		return none, err
	}, `SELECT m.parent, COUNT(*) FROM comment m WHERE m.author IN `+acrossBlocks+` AND m.post IN (`+marks(len(found))+`)
		AND m.parent IN (`+marks(len(found))+`) AND m.deleted = 0 GROUP BY m.parent`, args...)
	return all, err
}
