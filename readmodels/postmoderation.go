package readmodels

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/post"
)

// stands is where a post is and what counts it.
type stands struct {
	board, author string
	owner         string // or ""
	anonymous     int64
	state         post.State
	published     int64
	hashtags      string
}

func standingOf(ctx context.Context, b Batch, id uuid.UUID) (stands, bool, error) {
	return first(ctx, b, func(rows Rows) (p stands, err error) {
		err = rows.Scan(&p.board, &p.author, &p.owner, &p.anonymous, &p.state, &p.published, &p.hashtags)
		return p, err
	}, `SELECT board, author, owner, anonymous, state, published_at, hashtags FROM post WHERE id = ?`, id.String())
}

// key is the place of the post, which is id, in lists.
func (p stands) key(id uuid.UUID) PostKey { return PostKey{At: p.published, ID: id} }

// count counts the post, by 1 or -1.
func (p stands) count(ctx context.Context, b Batch, by int) error {
	return countPost(ctx, b, idOf(p.board), idOf(p.author), p.anonymous != 0, by)
}

// DeletePost leaves a tombstone; deleted already, it is another one's delete.
func DeletePost(ctx context.Context, b Batch, id uuid.UUID, w When) error {
	p, found, err := standingOf(ctx, b, id)
	if err != nil || !found {
		return err
	}
	err = b.Exec(ctx, `UPDATE post SET state = ?, version = ? WHERE id = ?`, string(post.Tombstone), w.Version.String(), id.String())
	if err != nil || p.state != post.Live {
		return err
	}
	if err := p.count(ctx, b, -1); err != nil {
		return err
	}
	return p.dropHashtags(ctx, b, id)
}

// RestorePost takes a delete back: the post is in all lists and counts again,
// or a draft without a date if it waited. It says to whom it shows its pictures.
func RestorePost(ctx context.Context, b Batch, id uuid.UUID, w When) (Shown, error) {
	p, found, err := standingOf(ctx, b, id)
	if err != nil || !found || p.state != post.Tombstone {
		return ToNobody, err
	}
	state, shown := post.Live, ToEverybody
	if p.published == 0 {
		state, shown = post.Draft, ToSome
	}
	err = b.Exec(ctx, `UPDATE post SET state = ?, publish_at = 0, version = ? WHERE id = ?`, string(state), w.Version.String(), id.String())
	if err != nil || state != post.Live {
		return shown, err
	}
	var tags []string
	if err := unlist(p.hashtags, &tags); err != nil {
		return shown, err
	}
	if err := p.count(ctx, b, 1); err != nil {
		return shown, err
	}
	if err := p.putHashtags(ctx, b, id, tags); err != nil {
		return shown, err
	}
	return shown, p.deliver(ctx, b, id, p.comesBy(tags))
}

// LockPost ends the comments under a post, or lets them in again.
func LockPost(ctx context.Context, b Batch, id uuid.UUID, e post.Locked, w When) error {
	return b.Exec(ctx, `UPDATE post SET locked = ?, version = ? WHERE id = ?`, flag(e.Locked), w.Version.String(), id.String())
}

// PinPost lets a post lead its board, or no longer.
func PinPost(ctx context.Context, b Batch, id uuid.UUID, e post.Pinned, w When) error {
	return b.Exec(ctx, `UPDATE post SET pinned = ?, version = ? WHERE id = ?`, flag(e.Pinned), w.Version.String(), id.String())
}

// MovePost puts a post on another board, which counts it from now on.
func MovePost(ctx context.Context, b Batch, id uuid.UUID, e post.Moved, w When) error {
	p, found, err := standingOf(ctx, b, id)
	if err != nil || !found {
		return err
	}
	err = b.Exec(ctx, `UPDATE post SET board = ?, pinned = 0, version = ? WHERE id = ?`, e.Board.String(), w.Version.String(), id.String())
	if err != nil || p.state != post.Live {
		return err
	}
	if err := b.Exec(ctx, `UPDATE board SET posts = posts - 1 WHERE id = ?`, p.board); err != nil {
		return err
	}
	if err := b.Exec(ctx, `UPDATE board SET posts = posts + 1 WHERE id = ?`, e.Board.String()); err != nil {
		return err
	}
	if err := p.countHashtags(ctx, b, id, -1); err != nil {
		return err
	}
	p.board = e.Board.String()
	if err := p.countHashtags(ctx, b, id, 1); err != nil {
		return err
	}
	return deliver(ctx, b, p.key(id), followed{followedBoards, p.board})
}
