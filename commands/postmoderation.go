package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/post"
)

// What only moderators may do they do in their own name, to their own anonymous
// posts too: a pseudonym that locked its post would tell that its author is one
// of them.

// MayModeratePost is nil for moderators of the board that a post is on, and for
// administrators. Errors: not found, forbidden.
func (c *Commands) MayModeratePost(ctx context.Context, by Actor, id uuid.UUID) error {
	_, err := c.moderatedPost(ctx, by, id)
	return err
}

// moderatedPost is a post that by may moderate. Errors: not found, forbidden.
func (c *Commands) moderatedPost(ctx context.Context, by Actor, id uuid.UUID) (post.Post, error) {
	p, err := c.ownPost(ctx, by, id)
	if err != nil {
		return p, err
	}
	moderator, err := c.moderates(ctx, by, p.Board)
	if err == nil && !moderator {
		err = fault.ErrForbidden
	}
	return p, err
}

// LockPost ends the comments under a post, or lets them in again.
// Errors: not found, forbidden, match's, post.deleted, post.not_published.
func (c *Commands) LockPost(ctx context.Context, by Actor, id uuid.UUID, locked bool, match Match) (Outcome, error) {
	return c.moderatePost(ctx, by, id, match, func(p *post.Post) ([]event.Data, error) { return p.Lock(by.Account, locked) })
}

// PinPost lets a post lead its board, or no longer. Errors: LockPost's.
func (c *Commands) PinPost(ctx context.Context, by Actor, id uuid.UUID, pinned bool, match Match) (Outcome, error) {
	return c.moderatePost(ctx, by, id, match, func(p *post.Post) ([]event.Data, error) { return p.Pin(by.Account, pinned) })
}

func (c *Commands) moderatePost(ctx context.Context, by Actor, id uuid.UUID, match Match, decide func(*post.Post) ([]event.Data, error)) (Outcome, error) {
	if _, err := c.moderatedPost(ctx, by, id); err != nil {
		return Outcome{}, err
	}
	return change(ctx, c.core, post.Stream(id), post.New, func(p *post.Post) ([]event.Data, error) {
		if err := match.check(p.Version); err != nil {
			return nil, err
		}
		return decide(p)
	})
}

// MovePost puts a post on another board, for those who moderate both.
// Errors: LockPost's, an unknown board, board.archived.
func (c *Commands) MovePost(ctx context.Context, by Actor, id, to uuid.UUID, match Match) (Outcome, error) {
	was, err := c.moderatedPost(ctx, by, id)
	if err != nil {
		return Outcome{}, err
	}
	_, err = c.MayModerate(ctx, by, to)
	if errors.Is(err, fault.ErrNotFound) {
		err = fault.ErrInvalid.With(fault.Field("boardId", "unknown"))
	}
	if err != nil {
		return Outcome{}, err
	}
	closed, err := c.closed(ctx, to)
	if err != nil {
		return Outcome{}, err
	}
	return change(ctx, c.core, post.Stream(id), post.New, func(p *post.Post) ([]event.Data, error) {
		if p.Board != was.Board && p.Board != to { // by is known to moderate these two
			return nil, fault.ErrConflict
		}
		if err := match.check(p.Version); err != nil {
			return nil, err
		}
		events, err := p.Move(by.Account, to)
		if err == nil && len(events) > 0 {
			err = closed
		}
		return events, err
	})
}

// PostPlace is where a post stands, for those who tell its readers.
type PostPlace struct {
	Board    uuid.UUID
	Author   uuid.UUID // uuid.Nil when anonymous
	Hidden   uuid.UUID // the account behind an anonymous one: for its own eyes alone
	Hashtags []string
	Had      []string // its hashtags before that event
	Open     bool     // everybody could read it at some time
}

// PostPlace says where a post stood after the event of that revision. It reads
// the log: states know only where things stand now.
func (c *Commands) PostPlace(ctx context.Context, id uuid.UUID, revision uint64) (PostPlace, error) {
	p := post.New()
	var had []string
	for rec, err := range c.store.Stream(ctx, post.Stream(id), 0, event.Forward) {
		var d event.Decoded
		if err == nil {
			d, err = c.codec.Decode(ctx, rec)
		}
		if err != nil {
			return PostPlace{}, unavailable(fmt.Errorf("load a post: %w", err))
		}
		had = p.Hashtags
		if p.Apply(d); rec.Revision == revision {
			break
		}
	}
	place := PostPlace{Board: p.Board, Author: p.Author, Hashtags: p.Hashtags, Had: had, Open: p.EverPublished()}
	if p.Anonymous {
		place.Author, place.Hidden = uuid.Nil, p.Owner
	}
	return place, nil
}
