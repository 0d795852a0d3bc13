package commands

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/follow"
)

// guard is how an account stands to its followers.
func (c *Commands) guard(ctx context.Context, id uuid.UUID) (g follow.Guard, err error) {
	err = c.account(ctx, id, func(a *account.Account) error {
		g = follow.Guard{Approves: a.Settings.Privacy.ApproveFollowers, Openings: a.Openings}
		return nil
	})
	return g, err
}

// followsNow says whether one account follows another.
func (c *Commands) followsNow(ctx context.Context, follower, followee uuid.UUID) (yes bool, err error) {
	g, err := c.guard(ctx, followee)
	if err != nil {
		return false, err
	}
	err = view(ctx, c.core, follow.Stream("follow", follower, followee), follow.New, func(r *follow.Relation) error {
		yes = r.Follows(g)
		return nil
	})
	return yes, err
}

// AnswerRequest lets another account, which asked for it, follow by, or
// refuses that. To refuse what nobody asks for says nothing.
// Errors: fault.ErrNotFound for an account that is not there or not for by,
// and to grant what nobody asks for.
func (c *Commands) AnswerRequest(ctx context.Context, by Actor, other uuid.UUID, grant bool) (Outcome, error) {
	ctx, err := c.upToDate(ctx)
	if err != nil {
		return Outcome{}, err
	}
	if err := c.canMeet(ctx, by.Account, other); err != nil {
		return Outcome{}, err
	}
	if other == by.Account {
		return Outcome{}, fault.ErrNotFound
	}
	g, err := c.guard(ctx, by.Account)
	if err != nil {
		return Outcome{}, err
	}
	return change(ctx, c.core, follow.Stream("follow", other, by.Account), follow.New, func(r *follow.Relation) ([]event.Data, error) {
		if grant {
			return r.Grant(other, by.Account, g)
		}
		return r.Refuse(other, by.Account, g), nil
	})
}
