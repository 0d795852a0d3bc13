package commands

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/board"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/domain/reaction"
	"github.com/parleyhq/parley/domain/text"
)

// Origin is what something imported was elsewhere. Its events have the time At
// and say that they were imported, so nobody is told of them. Its id follows
// from ID, so that it is imported once, however often it is tried.
type Origin struct {
	ID uuid.UUID // OriginID's
	At time.Time
}

// OriginID is the id here of what a source calls by that name there: always
// the same one, a UUIDv8.
func OriginID(source, kind, name string) uuid.UUID {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", source, kind, name))
	id := uuid.UUID(sum[:16])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}

type originKey struct{}

// imported is ctx for what comes from that origin and is made by that actor.
func imported(ctx context.Context, o Origin, by uuid.UUID) context.Context {
	m := MetaFrom(ctx)
	m.Actor, m.Imported = by.String(), true
	return context.WithValue(WithMeta(ctx, m), originKey{}, o)
}

// origin is what imported put there.
func origin(ctx context.Context) (Origin, bool) {
	o, ok := ctx.Value(originKey{}).(Origin)
	return o, ok
}

// claiming is ctx for the claim of a name: that is made now, wherever what
// bears the name comes from.
func claiming(ctx context.Context) context.Context {
	if _, ok := origin(ctx); !ok {
		return ctx
	}
	return context.WithValue(ctx, originKey{}, nil)
}

// at is when what a command does under ctx happened.
func (c *core) at(ctx context.Context) time.Time {
	if o, ok := origin(ctx); ok {
		return o.At
	}
	return c.now()
}

// idFor is the id of what a command makes under ctx.
func (c *core) idFor(ctx context.Context) uuid.UUID {
	if o, ok := origin(ctx); ok {
		return o.ID
	}
	return c.newID()
}

// ImportAccount is an account that was one elsewhere, where its address was
// proven. It has no password until its owner resets it.
type ImportAccount struct {
	Email, Handle, DisplayName, Bio string
}

// ImportAccount makes an account as it was elsewhere, without a letter; false
// where it is here by now.
// Errors: fault.ErrInvalid with every bad field, account.ErrEmailTaken,
// account.ErrHandleTaken, account.ErrAbandoned.
func (c *Commands) ImportAccount(ctx context.Context, o Origin, in ImportAccount) (bool, error) {
	var check text.Check
	a := applicant{imported: &account.ProfileChanged{}}
	c.checkApplicant(&check, &a, in.Email, in.Handle, in.DisplayName)
	if in.Bio != "" {
		a.imported.Bio = tidy(&in.Bio)
	}
	account.CheckProfile(*a.imported, c.cfg.Accounts, &check)
	if err := check.Err(); err != nil {
		return false, err
	}
	if exists, err := c.member(ctx, o.ID); err != nil || exists {
		return false, err
	}
	_, err := c.signUp(imported(ctx, o, o.ID), a, account.Member)
	return err == nil, err
}

// ImportBoard is CreateBoard for one that was elsewhere; by makes it. False
// where it is here by now.
func (c *Commands) ImportBoard(ctx context.Context, o Origin, by Actor, in CreateBoard) (bool, error) {
	exists := false
	err := view(ctx, c.core, board.Stream(o.ID), board.New, func(b *board.Board) error {
		exists = b.Created
		return nil
	})
	if err != nil || exists {
		return false, err
	}
	_, out, err := c.CreateBoard(imported(ctx, o, by.Account), by, in)
	return out.Changed, err
}

// ImportPost is CreatePost for one that was elsewhere. False where it is here
// by now. Errors: an unknown author or board too.
func (c *Commands) ImportPost(ctx context.Context, o Origin, by Actor, on uuid.UUID, in CreatePost) (bool, error) {
	p, err := c.post(ctx, o.ID)
	if err != nil || p.State != post.None {
		return false, err
	}
	if err := c.known(ctx, by, "author"); err != nil {
		return false, err
	}
	_, out, err := c.CreatePost(imported(ctx, o, by.Account), by, on, in)
	return out.Changed, unknown(err, "board")
}

// ImportComment is AddComment for one that was elsewhere. False where it is
// here by now. Errors: an unknown author or post too.
func (c *Commands) ImportComment(ctx context.Context, o Origin, by Actor, on uuid.UUID, body string, parent uuid.UUID) (bool, error) {
	m, err := c.comment(ctx, o.ID)
	if err != nil || m.Exists() {
		return false, err
	}
	if err := c.known(ctx, by, "author"); err != nil {
		return false, err
	}
	_, out, err := c.AddComment(imported(ctx, o, by.Account), by, on, body, parent)
	return out.Changed, unknown(err, "post")
}

// ImportReaction is a reaction to a post or a comment that was elsewhere; only
// the time of its origin counts. False where it is here by now.
// Errors: an unknown author or subject too.
func (c *Commands) ImportReaction(ctx context.Context, o Origin, by Actor, to reaction.SubjectType, subject uuid.UUID, kind string) (bool, error) {
	if err := c.known(ctx, by, "author"); err != nil {
		return false, err
	}
	ctx = imported(ctx, o, by.Account)
	react := c.ReactToPost
	if to == reaction.Comment {
		react = c.ReactToComment
	}
	out, err := react(ctx, by, subject, kind, true)
	return out.Changed, unknown(err, string(to))
}

// known refuses an author who is not here.
func (c *Commands) known(ctx context.Context, by Actor, field string) error {
	exists, err := c.member(ctx, by.Account)
	if err == nil && !exists {
		err = fault.ErrInvalid.With(fault.Field(field, "unknown"))
	}
	return err
}

// unknown says which field names what is not there.
func unknown(err error, field string) error {
	if f := fault.As(err); f != nil && f.Kind == fault.NotFound {
		return fault.ErrInvalid.With(fault.Field(field, "unknown"))
	}
	return err
}
