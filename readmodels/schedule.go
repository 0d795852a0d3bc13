package readmodels

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/post"
)

// UnschedulePost makes a scheduled post a draft, which says why.
func UnschedulePost(ctx context.Context, b Batch, id uuid.UUID, d post.Unscheduled, w When) error {
	return b.Exec(ctx, `UPDATE post SET state = ?, publish_at = 0, publish_error = ?, version = ? WHERE id = ?`,
		string(post.Draft), d.Reason, w.Version.String(), id.String())
}

// DueKey is a scheduled post and when it is to be published.
type DueKey struct {
	At int64 // milliseconds
	ID uuid.UUID
}

// DuePosts are the posts that are to be published by now, the longest due
// first; at most limit, those after the one given.
func DuePosts(ctx context.Context, r Reader, now time.Time, after DueKey, limit int) ([]DueKey, error) {
	return collect(ctx, r, func(rows Rows) (k DueKey, err error) {
		err = rows.Scan(&k.At, &k.ID)
		return k, err
	}, `SELECT publish_at, id FROM post WHERE state = 'scheduled' AND publish_at <= ? AND (publish_at, id) > (?, ?)
		ORDER BY publish_at, id LIMIT ?`, millis(now), after.At, textID(after.ID), limit)
}
