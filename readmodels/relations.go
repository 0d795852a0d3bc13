package readmodels

import (
	"context"

	"github.com/google/uuid"
)

// Relations is whom and what an account follows, mutes and blocks, and who
// blocks it.
type Relations struct {
	Accounts, Boards   []uuid.UUID // followed
	Asked              []uuid.UUID // accounts that it waits to follow
	Tags               []string    // likewise
	Muted              []uuid.UUID
	Blocked, BlockedBy []uuid.UUID
}

// BlocksOf gives Blocked and BlockedBy alone.
func BlocksOf(ctx context.Context, r Reader, account uuid.UUID) (x Relations, err error) {
	if x.Blocked, err = ids(ctx, r, `SELECT blocked FROM block WHERE blocker = ?`, account); err != nil {
		return x, err
	}
	x.BlockedBy, err = ids(ctx, r, `SELECT blocker FROM block WHERE blocked = ?`, account)
	return x, err
}

// FollowsOf gives Accounts, Asked, Boards, Tags and Muted.
func FollowsOf(ctx context.Context, r Reader, account uuid.UUID) (x Relations, err error) {
	if x.Accounts, err = ids(ctx, r, `SELECT followee FROM follow WHERE follower = ?`, account); err != nil {
		return x, err
	}
	if x.Asked, err = ids(ctx, r, `SELECT followee FROM follow_request WHERE follower = ?`, account); err != nil {
		return x, err
	}
	if x.Boards, err = ids(ctx, r, `SELECT board FROM board_follow WHERE account = ?`, account); err != nil {
		return x, err
	}
	if x.Tags, err = collect(ctx, r, scanText, `SELECT tag FROM hashtag_follow WHERE account = ?`, account.String()); err != nil {
		return x, err
	}
	x.Muted, err = ids(ctx, r, `SELECT muted FROM mute WHERE muter = ?`, account)
	return x, err
}

// apartFrom are those of accounts whom viewer blocks or who block viewer. It
// asks nothing where there is nobody to ask about.
func apartFrom(ctx context.Context, r Reader, viewer uuid.UUID, accounts []uuid.UUID) (map[uuid.UUID]bool, error) {
	if viewer == uuid.Nil || len(accounts) == 0 {
		return nil, nil
	}
	x, err := BlocksOf(ctx, r, viewer)
	apart := make(map[uuid.UUID]bool, len(x.Blocked)+len(x.BlockedBy))
	for _, id := range append(x.Blocked, x.BlockedBy...) {
		apart[id] = true
	}
	return apart, err
}

func ids(ctx context.Context, r Reader, sql string, account uuid.UUID) ([]uuid.UUID, error) {
	return collect(ctx, r, func(rows Rows) (uuid.UUID, error) {
		text, err := scanText(rows)
		return idOf(text), err
	}, sql, account.String())
}
