package commands

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/domain/text"
)

// checkDate says what is wrong with the time at which a post is to be
// published; the zero time is none.
func (c *Commands) checkDate(check *text.Check, at time.Time) {
	if at.IsZero() {
		return
	}
	switch now := c.now(); {
	case !at.After(now):
		check.Add("publishAt", "past")
	case at.Sub(now) > c.cfg.Forum.ScheduleMax:
		check.Add("publishAt", "too_far")
	}
}

// PublishDue publishes a scheduled post whose time has come, or makes it a
// draft again where its author could not publish it now. Whatever is not due,
// any more or yet, stays as it is; so anybody may ask, as often as they like:
// the post's own stream decides.
// Errors: fault.ErrConflict and outages, after which it is worth asking again.
func (c *Commands) PublishDue(ctx context.Context, id uuid.UUID) (Outcome, error) {
	ctx, err := c.upToDate(WithMeta(ctx, event.Meta{Actor: event.System})) // nobody is there to try again
	if err != nil {
		return Outcome{}, err
	}
	for range maxConflict {
		out, err := c.publishDue(ctx, id)
		if !errors.Is(err, errTextMoved) {
			return out, err
		}
	}
	return Outcome{}, fault.ErrConflict
}

// publishDue publishes the text that it finds, or says why it cannot. Errors:
// errTextMoved to begin again.
func (c *Commands) publishDue(ctx context.Context, id uuid.UUID) (Outcome, error) {
	p, err := c.post(ctx, id)
	if err != nil || !p.Due(c.now()) {
		return Outcome{}, err
	}
	out, err := c.publishFor(ctx, p, id)
	reason := refusal(err)
	if reason == "" {
		return out, err
	}
	return change(ctx, c.core, post.Stream(id), post.New, func(p *post.Post) ([]event.Data, error) {
		return p.Unschedule(reason, c.now()), nil
	})
}

// publishFor publishes a post in its author's name. Errors: errTextMoved; what
// keeps them from it: account.suspended, board.archived, post.author_gone.
func (c *Commands) publishFor(ctx context.Context, p post.Post, id uuid.UUID) (Outcome, error) {
	err := c.account(ctx, p.Owner, func(a *account.Account) error {
		if !a.Exists() {
			return post.ErrAuthorGone
		}
		return suspended(a, c.now())
	})
	if err != nil {
		return Outcome{}, err
	}
	if err := c.open(ctx, p.Board); err != nil {
		return Outcome{}, err
	}
	old, err := c.postText(ctx, id)
	if err != nil {
		return Outcome{}, err
	}
	published, err := c.ready(ctx, old.draft)
	if err != nil {
		return Outcome{}, err
	}
	return change(ctx, c.core, post.Stream(id), post.New, func(p *post.Post) ([]event.Data, error) {
		switch {
		case !p.Due(c.now()):
			return nil, nil
		case !old.stands(p):
			return nil, errTextMoved
		}
		return p.Publish(published)
	})
}

// refusal is the slug of a fault that will not pass by itself, or "".
func refusal(err error) string {
	f := fault.As(err)
	if f == nil || f.Kind == fault.Unavailable || f.Kind == fault.Full || f.Kind == fault.Internal || errors.Is(err, fault.ErrConflict) {
		return ""
	}
	return f.Slug
}
