package commands

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/board"
	"github.com/parleyhq/parley/domain/bookmark"
	"github.com/parleyhq/parley/domain/comment"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/image"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/domain/text"
)

// ForumRules bound boards, posts and comments.
type ForumRules struct {
	BoardsByMembers bool // everybody may create boards, not administrators alone
	Board           board.Limits
	Post            post.Limits
	CommentMax      int           // characters
	FolderMax       int           // of a folder of bookmarks, likewise
	ScheduleMax     time.Duration // how far ahead a post may be scheduled
	RestoreWindow   time.Duration // how long a deleted post can be restored
}

// DefaultForum are the documented rules.
func DefaultForum() ForumRules {
	return ForumRules{
		Board: board.DefaultLimits(), Post: post.DefaultLimits(), CommentMax: comment.DefaultMax, FolderMax: bookmark.DefaultFolderMax,
		ScheduleMax: 365 * 24 * time.Hour, RestoreWindow: 30 * 24 * time.Hour,
	}
}

// CreateBoard is a new board. Icon and Banner are images, uuid.Nil for none.
type CreateBoard struct {
	Name, Rules, Description string
	Icon, Banner             uuid.UUID
}

// MayCreateBoards is nil for those who may. Errors: forbidden.
func (c *Commands) MayCreateBoards(ctx context.Context, by Actor) error {
	who, err := c.who(ctx, by)
	if err == nil && !who.Administrator && !c.cfg.Forum.BoardsByMembers {
		err = fault.ErrForbidden
	}
	return err
}

// CreateBoard claims the name and makes the board; who made it moderates it.
// Errors: forbidden, invalid fields, image.unknown, board.name_taken.
func (c *Commands) CreateBoard(ctx context.Context, by Actor, in CreateBoard) (uuid.UUID, Outcome, error) {
	if err := c.MayCreateBoards(ctx, by); err != nil {
		return uuid.Nil, Outcome{}, err
	}
	in.Name = board.CleanName(in.Name)
	var check text.Check
	board.CheckFields(&check, c.cfg.Forum.Board, &in.Name, &in.Rules, &in.Description)
	if err := check.Err(); err != nil {
		return uuid.Nil, Outcome{}, err
	}
	if err := c.boardImages(ctx, by, &in.Icon, &in.Banner); err != nil {
		return uuid.Nil, Outcome{}, err
	}
	id := c.idFor(ctx)
	claim, err := c.boardName(ctx, in.Name)
	if err != nil {
		return uuid.Nil, Outcome{}, err
	}
	if _, err := c.claimBoardName(ctx, claim, id); err != nil {
		return uuid.Nil, Outcome{}, err
	}
	out, err := change(ctx, c.core, board.Stream(id), board.New, func(b *board.Board) ([]event.Data, error) {
		return b.Create(board.Created{
			By: by.Account, Name: in.Name, NameClaim: claim, Rules: in.Rules, Description: in.Description,
			Icon: in.Icon, Banner: in.Banner,
		})
	})
	return id, out, err
}

// ChangeBoard changes what is not nil. An Icon or Banner of uuid.Nil takes the
// picture away.
type ChangeBoard struct {
	Name, Rules, Description *string
	Icon, Banner             *uuid.UUID
	Archived                 *bool
	IfMatch                  Match
}

// ChangeBoard is for moderators of the board and administrators.
// Errors: not found, forbidden, invalid fields, image.unknown, IfMatch's,
// board.name_taken.
func (c *Commands) ChangeBoard(ctx context.Context, by Actor, id uuid.UUID, in ChangeBoard) (Outcome, error) {
	who, err := c.MayModerate(ctx, by, id)
	if err != nil {
		return Outcome{}, err
	}
	if in.Name != nil {
		clean := board.CleanName(*in.Name)
		in.Name = &clean
	}
	var check text.Check
	board.CheckFields(&check, c.cfg.Forum.Board, in.Name, in.Rules, in.Description)
	if err := check.Err(); err != nil {
		return Outcome{}, err
	}
	if err := c.boardImages(ctx, by, in.Icon, in.Banner); err != nil {
		return Outcome{}, err
	}
	patch := board.Changed{Name: in.Name, Rules: in.Rules, Description: in.Description, Icon: in.Icon, Banner: in.Banner}
	if in.Name != nil {
		return c.renameBoard(ctx, id, who, patch, in)
	}
	return c.applyBoard(ctx, id, who, patch, in, board.Naming{})
}

func (c *Commands) applyBoard(ctx context.Context, id uuid.UUID, who board.Who, patch board.Changed, in ChangeBoard, begun board.Naming) (Outcome, error) {
	return change(ctx, c.core, board.Stream(id), board.New, func(b *board.Board) ([]event.Data, error) {
		if err := in.IfMatch.check(b.Version); err != nil {
			return nil, err
		}
		return b.Change(who, patch, in.Archived, begun)
	})
}

// SetModerator makes account a moderator of the board, or takes that back.
// Errors: not found (of the account too), forbidden, match's,
// board.too_many_moderators.
func (c *Commands) SetModerator(ctx context.Context, by Actor, id, account uuid.UUID, moderator bool, match Match) (Outcome, error) {
	who, err := c.MayModerate(ctx, by, id)
	if err != nil {
		return Outcome{}, err
	}
	if moderator {
		exists, err := c.member(ctx, account)
		if err == nil && !exists {
			err = fault.ErrNotFound
		}
		if err != nil {
			return Outcome{}, err
		}
	}
	return change(ctx, c.core, board.Stream(id), board.New, func(b *board.Board) ([]event.Data, error) {
		if err := match.check(b.Version); err != nil {
			return nil, err
		}
		return b.SetModerator(who, account, moderator)
	})
}

// MayModerate says who by is to a board that it may moderate.
// Errors: not found, forbidden.
func (c *Commands) MayModerate(ctx context.Context, by Actor, id uuid.UUID) (board.Who, error) {
	who, err := c.who(ctx, by)
	if err != nil {
		return who, err
	}
	return who, c.board(ctx, id, func(b *board.Board) error {
		if !b.Moderates(who) {
			return fault.ErrForbidden
		}
		return nil
	})
}

// SeesBoard is nil where there is such a board. Errors: not found.
func (c *Commands) SeesBoard(ctx context.Context, id uuid.UUID) error {
	return c.board(ctx, id, func(*board.Board) error { return nil })
}

// board looks at a board. Errors: not found, read's.
func (c *Commands) board(ctx context.Context, id uuid.UUID, read func(*board.Board) error) error {
	return view(ctx, c.core, board.Stream(id), board.New, func(b *board.Board) error {
		if !b.Exists() {
			return fault.ErrNotFound
		}
		return read(b)
	})
}

// who is by with its role as it stands, whatever its token says.
func (c *Commands) who(ctx context.Context, by Actor) (board.Who, error) {
	admin, err := c.administrator(ctx, by.Account)
	return board.Who{Account: by.Account, Administrator: admin}, err
}

// boardImages names the pictures that are given. Errors: image.unknown.
func (c *Commands) boardImages(ctx context.Context, by Actor, icon, banner *uuid.UUID) error {
	if err := c.nameImages(ctx, by, "icon", namedFor(image.Board), given(icon)...); err != nil {
		return err
	}
	return c.nameImages(ctx, by, "banner", namedFor(image.Board), given(banner)...)
}
