package commands

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/follow"
)

// Follow makes by follow another account, or ask for that where its followers
// need approval; or follow it no longer, or withdraw the request.
// Errors: account.ErrSelf; fault.ErrNotFound for an account that is not there,
// or not for by.
func (c *Commands) Follow(ctx context.Context, by Actor, other uuid.UUID, on bool) (Outcome, error) {
	if _, err := c.mayRelate(ctx, "follow", by, other, on); err != nil {
		return Outcome{}, err
	}
	return c.setFollow(ctx, by.Account, other, on)
}

func (c *Commands) setFollow(ctx context.Context, follower, followee uuid.UUID, on bool) (Outcome, error) {
	g, err := c.guard(ctx, followee)
	if err != nil {
		return Outcome{}, err
	}
	return change(ctx, c.core, follow.Stream("follow", follower, followee), follow.New, func(r *follow.Relation) ([]event.Data, error) {
		if on {
			return r.Ask(follower, followee, g), nil
		}
		return r.Leave(follower, followee), nil
	})
}

// Block puts by and another account out of each other's sight and ends their
// follows and requests both ways, or lifts by's block, which restores none.
//
// The block alone already ends the follows for every projection; their own
// streams follow it. What a crash leaves open there is closed before the block
// is lifted, so that no old follow comes back.
// Errors: as Follow.
func (c *Commands) Block(ctx context.Context, by Actor, other uuid.UUID, on bool) (Outcome, error) {
	ctx, err := c.upToDate(ctx) // a block that stands unseen would leave follows open
	if err != nil {
		return Outcome{}, err
	}
	stands, err := c.mayRelate(ctx, "block", by, other, on)
	switch {
	case err != nil:
		return Outcome{}, err
	case !stands && !on:
		return c.setBlock(ctx, by.Account, other, false)
	case on:
		out, err := c.setBlock(ctx, by.Account, other, true)
		if err != nil {
			return Outcome{}, err
		}
		return c.unfollow(ctx, by.Account, other, out)
	}
	ended, err := c.unfollow(ctx, by.Account, other, Outcome{})
	if err != nil {
		return Outcome{}, err
	}
	out, err := c.setBlock(ctx, by.Account, other, false)
	return later(ended, out), err
}

func (c *Commands) setBlock(ctx context.Context, blocker, blocked uuid.UUID, on bool) (Outcome, error) {
	return c.relate(ctx, follow.Stream("block", blocker, blocked), on,
		follow.BlockStarted{Blocker: blocker, Blocked: blocked}, follow.BlockEnded{Blocker: blocker, Blocked: blocked})
}

// unfollow ends the follows of two accounts both ways; its outcome is the last
// one of all.
func (c *Commands) unfollow(ctx context.Context, a, b uuid.UUID, out Outcome) (Outcome, error) {
	for _, pair := range [][2]uuid.UUID{{a, b}, {b, a}} {
		ended, err := c.setFollow(ctx, pair[0], pair[1], false)
		if err != nil {
			return Outcome{}, err
		}
		out = later(out, ended)
	}
	return out, nil
}

func later(a, b Outcome) Outcome {
	if b.Position > a.Position {
		return b
	}
	return a
}

// Mute keeps another account out of by's feed and notifications, or lets it
// in again. Errors: as Follow.
func (c *Commands) Mute(ctx context.Context, by Actor, other uuid.UUID, on bool) (Outcome, error) {
	if _, err := c.mayRelate(ctx, "mute", by, other, on); err != nil {
		return Outcome{}, err
	}
	return c.relate(ctx, follow.Stream("mute", by.Account, other), on,
		follow.MuteStarted{Muter: by.Account, Muted: other}, follow.MuteEnded{Muter: by.Account, Muted: other})
}

// SeesAccount says whether by may follow, block or mute another account, as
// category says, or take that back; account.ErrSelf is no matter of sight.
// Errors: fault.ErrNotFound.
func (c *Commands) SeesAccount(ctx context.Context, category string, by Actor, other uuid.UUID, on bool) error {
	_, err := c.mayRelate(ctx, category, by, other, on)
	if errors.Is(err, account.ErrSelf) {
		return nil
	}
	return err
}

// mayRelate looks whether by has that relation to another account, which must
// be there. Where it has none, a block hides the other one: for a follow
// whoever of the two blocks, else the other one's alone.
// Errors: account.ErrSelf, fault.ErrNotFound.
func (c *Commands) mayRelate(ctx context.Context, category string, by Actor, other uuid.UUID, on bool) (stands bool, err error) {
	if other == by.Account {
		return false, account.ErrSelf
	}
	switch exists, err := c.member(ctx, other); {
	case err != nil:
		return false, err
	case !exists:
		return false, fault.ErrNotFound
	}
	if stands, err = c.stands(ctx, category, by.Account, other); err != nil {
		return false, err
	}
	var hidden bool
	switch {
	case category == "follow" && (on || !stands):
		hidden, err = c.apart(ctx, by.Account, other)
	case !stands:
		hidden, err = c.stands(ctx, "block", other, by.Account)
	}
	if err == nil && hidden {
		err = fault.ErrNotFound
	}
	return stands, err
}

// stands says whether a has that relation to b.
func (c *Commands) stands(ctx context.Context, category string, a, b uuid.UUID) (on bool, err error) {
	err = view(ctx, c.core, follow.Stream(category, a, b), follow.New, func(r *follow.Relation) error {
		on = r.On
		return nil
	})
	return on, err
}
