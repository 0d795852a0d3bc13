package readmodels

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/follow"
)

// position is that of the event that began the relation: lists are ordered by
// it, newest first. merged says how a follow fills the home feed: see timeline.
var followSchema = append(followedPeople.schema(
	`CREATE TABLE IF NOT EXISTS follow (
		follower text NOT NULL, followee text NOT NULL, position bigint NOT NULL, merged bigint NOT NULL, PRIMARY KEY (follower, followee))`),
	`CREATE INDEX IF NOT EXISTS follow_followee ON follow (followee, position)`,
	`CREATE INDEX IF NOT EXISTS follow_follower ON follow (follower, position)`,
	`CREATE TABLE IF NOT EXISTS block (
		blocker text NOT NULL, blocked text NOT NULL, position bigint NOT NULL, PRIMARY KEY (blocker, blocked))`,
	`CREATE INDEX IF NOT EXISTS block_blocked ON block (blocked, blocker)`,
	`CREATE TABLE IF NOT EXISTS mute (
		muter text NOT NULL, muted text NOT NULL, position bigint NOT NULL, PRIMARY KEY (muter, muted))`,
)

// Related is an account in a list of relations, at the place Position.
type Related struct {
	Summary
	Position uint64
}

// PutFollow adds a follow, unless one of the two blocks the other: then it
// crossed the block, and counts for nothing.
func PutFollow(ctx context.Context, b Batch, d follow.Started, position uint64, f Feeds) (added bool, err error) {
	if err := dropRequest(ctx, b, d.Follower, d.Followee); err != nil {
		return false, err
	}
	apart, err := Apart(ctx, b, d.Follower, d.Followee)
	if err != nil || apart {
		return false, err
	}
	added, err = f.begin(ctx, b, followedPeople, d.Follower.String(), d.Followee.String(), column{"position", int64(position)})
	if err != nil || !added {
		return false, err
	}
	return true, countFollow(ctx, b, d.Follower, d.Followee, 1)
}

// DropFollow takes a follow away, or the request for it; dropped is false where
// there was no follow.
func DropFollow(ctx context.Context, b Batch, follower, followee uuid.UUID) (dropped bool, err error) {
	if err := dropRequest(ctx, b, follower, followee); err != nil {
		return false, err
	}
	_, dropped, err = first(ctx, b, scanText, `DELETE FROM follow WHERE follower = ? AND followee = ? RETURNING follower`,
		follower.String(), followee.String())
	if err != nil || !dropped {
		return false, err
	}
	return true, countFollow(ctx, b, follower, followee, -1)
}

func countFollow(ctx context.Context, b Batch, follower, followee uuid.UUID, by int) error {
	if err := b.Exec(ctx, `UPDATE account SET followees = followees + ? WHERE id = ?`, by, follower.String()); err != nil {
		return err
	}
	return b.Exec(ctx, `UPDATE account SET followers = followers + ? WHERE id = ?`, by, followee.String())
}

// PutBlock adds a block; the follows that it ends are the caller's to drop.
func PutBlock(ctx context.Context, b Batch, d follow.BlockStarted, position uint64) error {
	return b.Exec(ctx, `INSERT INTO block (blocker, blocked, position) VALUES (?, ?, ?) ON CONFLICT (blocker, blocked) DO NOTHING`,
		d.Blocker.String(), d.Blocked.String(), int64(position))
}

// DropBlock takes a block away.
func DropBlock(ctx context.Context, b Batch, d follow.BlockEnded) error {
	return b.Exec(ctx, `DELETE FROM block WHERE blocker = ? AND blocked = ?`, d.Blocker.String(), d.Blocked.String())
}

// PutMute adds a mute.
func PutMute(ctx context.Context, b Batch, d follow.MuteStarted, position uint64) error {
	return b.Exec(ctx, `INSERT INTO mute (muter, muted, position) VALUES (?, ?, ?) ON CONFLICT (muter, muted) DO NOTHING`,
		d.Muter.String(), d.Muted.String(), int64(position))
}

// DropMute takes a mute away.
func DropMute(ctx context.Context, b Batch, d follow.MuteEnded) error {
	return b.Exec(ctx, `DELETE FROM mute WHERE muter = ? AND muted = ?`, d.Muter.String(), d.Muted.String())
}

// Apart says whether one of two accounts blocks the other.
func Apart(ctx context.Context, r Reader, a, b uuid.UUID) (bool, error) {
	_, found, err := first(ctx, r, scanText, `SELECT blocker FROM block WHERE (blocker = ? AND blocked = ?) OR (blocker = ? AND blocked = ?) LIMIT 1`,
		a.String(), b.String(), b.String(), a.String())
	return found, err
}

// Lists of relations.
type relation struct{ table, mine, theirs string }

var (
	followersOf = relation{"follow", "followee", "follower"}
	followeesOf = relation{"follow", "follower", "followee"}
	blocksOf    = relation{"block", "blocker", "blocked"}
	mutesOf     = relation{"mute", "muter", "muted"}
)

// Followers are those who follow an account, newest first, before the position
// before (0: from the newest). Whom a block keeps out of viewer's sight is left
// out. limit+1 of them tell of more; so do the lists below.
func Followers(ctx context.Context, r Reader, viewer, of uuid.UUID, before uint64, limit int) ([]Related, error) {
	return followersOf.list(ctx, r, viewer, of, before, limit)
}

// Followees are those whom an account follows.
func Followees(ctx context.Context, r Reader, viewer, of uuid.UUID, before uint64, limit int) ([]Related, error) {
	return followeesOf.list(ctx, r, viewer, of, before, limit)
}

// Mutes are those whom an account mutes.
func Mutes(ctx context.Context, r Reader, of uuid.UUID, before uint64, limit int) ([]Related, error) {
	return mutesOf.list(ctx, r, of, of, before, limit)
}

// Blocks are those whom an account blocks: it sees their summaries still.
func Blocks(ctx context.Context, r Reader, of uuid.UUID, before uint64, limit int) ([]Related, error) {
	return blocksOf.list(ctx, r, uuid.Nil, of, before, limit)
}

func (l relation) list(ctx context.Context, r Reader, viewer, of uuid.UUID, before uint64, limit int) ([]Related, error) {
	if before == 0 {
		before = 1 << 62
	}
	theirs := l.table + `.` + l.theirs
	return collect(ctx, r, scanRelated, `SELECT `+summaryColumns+`, `+l.table+`.position
		FROM `+l.table+` JOIN account ON account.id = `+theirs+`
		WHERE `+l.table+`.`+l.mine+` = ? AND `+l.table+`.position < ?
		AND NOT EXISTS (SELECT 1 FROM block AS b WHERE (b.blocker = ? AND b.blocked = `+theirs+`) OR (b.blocked = ? AND b.blocker = `+theirs+`))
		ORDER BY `+l.table+`.position DESC LIMIT ?`,
		of.String(), int64(before), textID(viewer), textID(viewer), limit+1)
}

func scanRelated(rows Rows) (Related, error) {
	var s summaryRow
	var position int64
	err := rows.Scan(append(s.into(), &position)...)
	return Related{Summary: s.summary(), Position: uint64(position)}, err
}
