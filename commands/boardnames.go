package commands

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/board"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

// Names of boards are reservations as names.go describes them, with boards in
// the place of accounts. As boards are renamed, a claim has an identity, the
// event that made it: only the very claim that was looked at is taken over, only
// the one that was given up is released, and a renaming fails when a fence or
// another renaming came between.

// boardName is the stream that holds a name.
func (c *Commands) boardName(ctx context.Context, name string) (string, error) {
	return c.nameStream(ctx, "boardname", board.FoldName(name))
}

// claimBoardName gives a name to a board. Errors: board.name_taken.
func (c *Commands) claimBoardName(ctx context.Context, claim string, id uuid.UUID) (Outcome, error) {
	ctx = claiming(ctx)
	for range maxConflict {
		seen, err := c.yieldingBoard(ctx, claim, id)
		if err != nil {
			return Outcome{}, err
		}
		var given bool
		out, err := change(ctx, c.core, claim, board.NewClaim, func(cl *board.Claim) (events []event.Data, err error) {
			events, given = cl.Give(id, seen)
			return events, nil
		})
		if err != nil || given {
			return out, err
		}
	}
	return Outcome{}, fault.ErrConflict
}

// yieldingBoard is the claim upon a name that may be had: none, id's own, or one
// of a board that never came to name it, which is fenced by now.
// Errors: board.name_taken.
func (c *Commands) yieldingBoard(ctx context.Context, claim string, id uuid.UUID) (seen uuid.UUID, err error) {
	if ctx, err = c.upToDate(ctx); err != nil {
		return uuid.Nil, err
	}
	var owner uuid.UUID
	var age time.Duration
	err = view(ctx, c.core, claim, board.NewClaim, func(cl *board.Claim) error {
		owner, seen, age = cl.Owner, cl.ID, c.now().Sub(cl.At)
		return nil
	})
	if err != nil || owner == uuid.Nil || owner == id {
		return seen, err
	}
	if age < c.cfg.ClaimTakeover {
		return uuid.Nil, board.ErrNameTaken
	}
	_, err = change(ctx, c.core, board.Stream(owner), board.New, func(b *board.Board) ([]event.Data, error) {
		events, ok := b.Fence(claim)
		if !ok {
			return nil, board.ErrNameTaken
		}
		return events, nil
	})
	return seen, err
}

// renameBoard claims the new name, names it, and frees the old one. A crash in
// between leaves a claim that may be taken over.
func (c *Commands) renameBoard(ctx context.Context, id uuid.UUID, who board.Who, patch board.Changed, in ChangeBoard) (Outcome, error) {
	fresh, err := c.upToDate(ctx)
	if err != nil {
		return Outcome{}, err
	}
	if patch.NameClaim, err = c.boardName(ctx, *in.Name); err != nil {
		return Outcome{}, err
	}
	var begun board.Naming
	var old string
	err = c.board(fresh, id, func(b *board.Board) error {
		begun, old = b.Naming(), b.NameClaim
		return in.IfMatch.check(b.Version)
	})
	switch {
	case err != nil:
		return Outcome{}, err
	case old == patch.NameClaim: // another spelling of the same name
		return c.applyBoard(ctx, id, who, patch, in, begun)
	}
	var given uuid.UUID // the claim that the board gives up
	err = view(fresh, c.core, old, board.NewClaim, func(cl *board.Claim) error {
		if cl.Owner == id {
			given = cl.ID
		}
		return nil
	})
	if err != nil {
		return Outcome{}, err
	}
	if _, err := c.claimBoardName(ctx, patch.NameClaim, id); err != nil {
		return Outcome{}, err
	}
	// A new name that is refused here stays claimed until it may be taken over:
	// another renaming of this board may be about to name it.
	out, err := c.applyBoard(ctx, id, who, patch, in, begun)
	if err == nil {
		c.releaseBoardName(ctx, old, given)
	}
	return out, err
}

// releaseBoardName frees a name if the claim is still that one. What fails
// here can be taken over later.
func (c *Commands) releaseBoardName(ctx context.Context, claim string, id uuid.UUID) {
	if id == uuid.Nil {
		return
	}
	_, err := change(context.WithoutCancel(ctx), c.core, claim, board.NewClaim, func(cl *board.Claim) ([]event.Data, error) {
		return cl.Release(id), nil
	})
	if err != nil {
		c.log.WarnContext(ctx, "a board's old name stays claimed until it may be taken over", "error", err)
	}
}
