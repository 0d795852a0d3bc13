package readmodels

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/board"
)

var boardSchema = append(followedBoards.schema(
	`CREATE TABLE IF NOT EXISTS board_follow (account text NOT NULL, board text NOT NULL, merged bigint NOT NULL, PRIMARY KEY (account, board))`),
	`CREATE TABLE IF NOT EXISTS board (
		id text PRIMARY KEY, name text NOT NULL, icon text NOT NULL, banner text NOT NULL, rules text NOT NULL,
		description text NOT NULL, archived bigint NOT NULL, created_at bigint NOT NULL, version text NOT NULL,
		followers bigint NOT NULL, posts bigint NOT NULL)`,
	`CREATE INDEX IF NOT EXISTS board_created ON board (created_at, id)`,
	`CREATE TABLE IF NOT EXISTS board_moderator (board text NOT NULL, account text NOT NULL, PRIMARY KEY (board, account))`,
	`CREATE INDEX IF NOT EXISTS board_moderator_account ON board_moderator (account, board)`,
)

// Board is a board as a viewer sees it.
type Board struct {
	ID                 uuid.UUID
	Name               string
	Icon, Banner       uuid.UUID // uuid.Nil: none
	Rules, Description string
	Archived           bool
	CreatedAt          time.Time
	Version            string // id of the newest event that changed the above
	Followers, Posts   int
	Hashtags           []string // most used first, as BoardTags asked for

	Following, Moderator bool // the viewer's
}

// PutBoard adds a board; who made it moderates it.
func PutBoard(ctx context.Context, b Batch, id uuid.UUID, e board.Created, at time.Time, version uuid.UUID) error {
	err := b.Exec(ctx, `INSERT INTO board (id, name, icon, banner, rules, description, archived, created_at, version, followers, posts)
		VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, 0, 0) ON CONFLICT DO NOTHING`,
		id.String(), e.Name, textID(e.Icon), textID(e.Banner), e.Rules, e.Description, millis(at), version.String())
	if err != nil {
		return err
	}
	return b.Exec(ctx, insertModerator, id.String(), e.By.String())
}

const insertModerator = `INSERT INTO board_moderator (board, account) VALUES (?, ?) ON CONFLICT DO NOTHING`

// SetBoard changes what is not nil; version is the event that did.
func SetBoard(ctx context.Context, b Batch, id uuid.UUID, e board.Changed, version uuid.UUID) error {
	for _, column := range []struct {
		set   string
		value *string
	}{
		{`UPDATE board SET name = ? WHERE id = ?`, e.Name},
		{`UPDATE board SET rules = ? WHERE id = ?`, e.Rules},
		{`UPDATE board SET description = ? WHERE id = ?`, e.Description},
		{`UPDATE board SET icon = ? WHERE id = ?`, textIDOf(e.Icon)},
		{`UPDATE board SET banner = ? WHERE id = ?`, textIDOf(e.Banner)},
	} {
		if column.value == nil {
			continue
		}
		if err := b.Exec(ctx, column.set, *column.value, id.String()); err != nil {
			return err
		}
	}
	return b.Exec(ctx, `UPDATE board SET version = ? WHERE id = ?`, version.String(), id.String())
}

func textIDOf(id *uuid.UUID) *string {
	if id == nil {
		return nil
	}
	s := textID(*id)
	return &s
}

// ArchiveBoard closes a board, or opens it again.
func ArchiveBoard(ctx context.Context, b Batch, id uuid.UUID, archived bool, version uuid.UUID) error {
	return b.Exec(ctx, `UPDATE board SET archived = ?, version = ? WHERE id = ?`, flag(archived), version.String(), id.String())
}

// SetModerator makes an account a moderator, or takes that back.
func SetModerator(ctx context.Context, b Batch, id, account uuid.UUID, moderator bool, version uuid.UUID) error {
	statement := `DELETE FROM board_moderator WHERE board = ? AND account = ?`
	if moderator {
		statement = insertModerator
	}
	if err := b.Exec(ctx, statement, id.String(), account.String()); err != nil {
		return err
	}
	return b.Exec(ctx, `UPDATE board SET version = ? WHERE id = ?`, version.String(), id.String())
}

// PutBoardFollow lets an account follow a board. Counts change only with rows,
// however often an event comes; so below.
func PutBoardFollow(ctx context.Context, b Batch, account, id uuid.UUID, f Feeds) error {
	added, err := f.begin(ctx, b, followedBoards, account.String(), id.String())
	if err != nil || !added {
		return err
	}
	return countBoardFollow(ctx, b, id, 1)
}

// DropBoardFollow takes that back.
func DropBoardFollow(ctx context.Context, b Batch, account, id uuid.UUID) error {
	_, dropped, err := first(ctx, b, scanText, `DELETE FROM board_follow WHERE account = ? AND board = ? RETURNING board`, account.String(), id.String())
	if err != nil || !dropped {
		return err
	}
	return countBoardFollow(ctx, b, id, -1)
}

func countBoardFollow(ctx context.Context, b Batch, id uuid.UUID, by int) error {
	return b.Exec(ctx, `UPDATE board SET followers = followers + ? WHERE id = ?`, by, id.String())
}

const boardColumns = `b.id, b.name, b.icon, b.banner, b.rules, b.description, b.archived, b.created_at, b.version, b.followers, b.posts,
	(SELECT count(*) FROM board_follow f WHERE f.account = ? AND f.board = b.id),
	(SELECT count(*) FROM board_moderator m WHERE m.board = b.id AND m.account = ?)`

func scanBoard(rows Rows) (x Board, err error) {
	var icon, banner string
	var created, archived, following, moderator int64
	err = rows.Scan(&x.ID, &x.Name, &icon, &banner, &x.Rules, &x.Description, &archived, &created, &x.Version,
		&x.Followers, &x.Posts, &following, &moderator)
	x.Icon, x.Banner = idOf(icon), idOf(banner)
	x.Archived, x.CreatedAt = archived != 0, fromMillis(created)
	x.Following, x.Moderator = following != 0, moderator != 0
	return x, err
}

// BoardOf is one board; false where there is none.
func BoardOf(ctx context.Context, r Reader, viewer, id uuid.UUID, tags BoardTags) (Board, bool, error) {
	x, ok, err := first(ctx, r, scanBoard, `SELECT `+boardColumns+` FROM board b WHERE b.id = ?`,
		textID(viewer), textID(viewer), id.String())
	if err != nil || !ok {
		return Board{}, false, err
	}
	boards := []Board{x}
	err = withHashtags(ctx, r, boards, tags)
	return boards[0], true, err
}

// BoardKey is a board's place in the list of all.
type BoardKey struct {
	At int64     `json:"a"` // createdAt in milliseconds
	ID uuid.UUID `json:"i"`
}

// Boards are all boards, oldest first, at most limit, those after the one
// given (nil: from the first).
func Boards(ctx context.Context, r Reader, viewer uuid.UUID, tags BoardTags, after *BoardKey, limit int) ([]Board, error) {
	if after == nil {
		after = &BoardKey{At: -1}
	}
	boards, err := collect(ctx, r, scanBoard, `SELECT `+boardColumns+` FROM board b
		WHERE (b.created_at, b.id) > (?, ?) ORDER BY b.created_at, b.id LIMIT ?`,
		textID(viewer), textID(viewer), after.At, after.ID.String(), limit)
	if err != nil {
		return nil, err
	}
	return boards, withHashtags(ctx, r, boards, tags)
}

// BoardsByID are some boards, in no order: what search found.
func BoardsByID(ctx context.Context, r Reader, viewer uuid.UUID, tags BoardTags, ids []uuid.UUID) ([]Board, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	args := []any{textID(viewer), textID(viewer)}
	for _, id := range ids {
		args = append(args, id.String())
	}
	boards, err := collect(ctx, r, scanBoard, `SELECT `+boardColumns+` FROM board b WHERE b.id IN (`+marks(len(ids))+`)`, args...)
	if err != nil {
		return nil, err
	}
	return boards, withHashtags(ctx, r, boards, tags)
}
