package readmodels

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/follow"
)

// Who waits to follow does not follow: no pair is in both tables.
var requestSchema = []string{
	`CREATE TABLE IF NOT EXISTS follow_request (
		follower text NOT NULL, followee text NOT NULL, position bigint NOT NULL, PRIMARY KEY (follower, followee))`,
	`CREATE INDEX IF NOT EXISTS follow_request_followee ON follow_request (followee, position)`,
}

var requestsOf = relation{"follow_request", "followee", "follower"}

// PutRequest adds a request to follow, unless it crossed a block; one that was
// made before the newest opening is a follow.
func PutRequest(ctx context.Context, b Batch, d follow.Requested, position uint64, f Feeds) error {
	openings, found, err := first(ctx, b, scanCount, `SELECT openings FROM account_settings WHERE account = ?`, d.Followee.String())
	if err != nil || !found {
		return err
	}
	if uint64(openings) > d.Openings {
		_, err := PutFollow(ctx, b, follow.Started{Follower: d.Follower, Followee: d.Followee}, position, f)
		return err
	}
	apart, err := Apart(ctx, b, d.Follower, d.Followee)
	if err != nil || apart {
		return err
	}
	_, follows, err := first(ctx, b, scanText, `SELECT follower FROM follow WHERE follower = ? AND followee = ?`, d.Follower.String(), d.Followee.String())
	if err != nil || follows {
		return err
	}
	return b.Exec(ctx, `INSERT INTO follow_request (follower, followee, position) VALUES (?, ?, ?) ON CONFLICT (follower, followee) DO NOTHING`,
		d.Follower.String(), d.Followee.String(), int64(position))
}

// dropRequest takes a request away, if there is one.
func dropRequest(ctx context.Context, b Batch, follower, followee uuid.UUID) error {
	return b.Exec(ctx, `DELETE FROM follow_request WHERE follower = ? AND followee = ?`, follower.String(), followee.String())
}

// grantAll lets all who wait to follow an account follow it. However many they
// are, their timelines stay as they are: the posts are merged.
func grantAll(ctx context.Context, b Batch, followee uuid.UUID) error {
	id := followee.String()
	return errors.Join(
		b.Exec(ctx, `UPDATE account SET followees = followees + 1 WHERE id IN (SELECT follower FROM follow_request WHERE followee = ?)`, id),
		b.Exec(ctx, `UPDATE account SET followers = followers + (SELECT count(*) FROM follow_request WHERE followee = ?) WHERE id = ?`, id, id),
		b.Exec(ctx, `INSERT INTO follow (follower, followee, position, merged) SELECT follower, followee, position, 1 FROM follow_request WHERE followee = ?`, id),
		b.Exec(ctx, `DELETE FROM follow_request WHERE followee = ?`, id),
	)
}

// FollowRequests are those who wait to follow an account.
func FollowRequests(ctx context.Context, r Reader, of uuid.UUID, before uint64, limit int) ([]Related, error) {
	return requestsOf.list(ctx, r, of, of, before, limit)
}
