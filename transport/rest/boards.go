package rest

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/board"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/readmodels"
)

func (s *Server) boards() {
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/boards", ID: "listBoards", Summary: "All boards, oldest first", Tag: "Boards", Auth: Optional,
	}, nil, s.listBoards)
	route(s, Op{
		Method: http.MethodPost, Path: "/v1/boards", ID: "createBoard", Summary: "Make a board", Tag: "Boards", Status: http.StatusCreated,
		Errors: []*fault.Fault{fault.ErrForbidden, commands.ErrImageUnknown, board.ErrNameTaken, board.ErrAbandoned},
	}, s.mayCreateBoards, s.createBoard)
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/boards/{id}", ID: "getBoard", Summary: "A board", Tag: "Boards", Auth: Optional,
		Errors: []*fault.Fault{fault.ErrNotFound},
	}, nil, s.getBoard)
	route(s, Op{
		Method: http.MethodPatch, Path: "/v1/boards/{id}", ID: "editBoard", Summary: "Change a board; for its moderators", Tag: "Boards",
		Errors: []*fault.Fault{
			fault.ErrNotFound, fault.ErrForbidden, commands.ErrImageUnknown, commands.ErrChanged, board.ErrNameTaken, board.ErrAbandoned,
		},
	}, s.mayModerate, s.editBoard)

	moderators := Op{
		Path: "/v1/boards/{id}/moderators/{account}", Tag: "Boards",
		Errors: []*fault.Fault{fault.ErrNotFound, fault.ErrForbidden, commands.ErrChanged, board.ErrModerators},
	}
	follow := Op{Path: "/v1/boards/{id}/follow", Tag: "Boards", Errors: []*fault.Fault{fault.ErrNotFound}}
	for _, on := range []bool{true, false} {
		moderators.Method, moderators.ID, moderators.Summary = http.MethodPut, "addModerator", "Make an account a moderator"
		follow.Method, follow.ID, follow.Summary = http.MethodPut, "followBoard", "Follow a board: its posts come to the feed"
		if !on {
			moderators.Method, moderators.ID, moderators.Summary = http.MethodDelete, "removeModerator", "Take an account's moderating back"
			follow.Method, follow.ID, follow.Summary = http.MethodDelete, "unfollowBoard", "Follow a board no longer"
		}
		route(s, moderators, s.maySetModerator, func(ctx context.Context, c *Call, p moderatorPath, _ None) (Reply[None], error) {
			out, err := s.cfg.Commands.SetModerator(ctx, *c.Actor, p.ID, p.Account, on, c.match())
			return s.settled(ctx, out, err)
		})
		route(s, follow, func(ctx context.Context, _ *Call, p thingPath) error { return s.cfg.Commands.SeesBoard(ctx, p.ID) }, func(ctx context.Context, c *Call, p thingPath, _ None) (Reply[None], error) {
			out, err := s.cfg.Commands.FollowBoard(ctx, *c.Actor, p.ID, on)
			return s.settled(ctx, out, err)
		})
	}
}

// Board is a board as the caller sees it.
type Board struct {
	ID          uuid.UUID   `json:"id"`
	Name        string      `json:"name"`
	Icon        *Image      `json:"icon"`
	Banner      *Image      `json:"banner"`
	Rules       *string     `json:"rules"`
	Description *string     `json:"description"`
	Archived    bool        `json:"archived"`
	CreatedAt   Time        `json:"createdAt"`
	Followers   int         `json:"followers"`
	Posts       int         `json:"posts"`
	Hashtags    []string    `json:"hashtags" doc:"the most used ones of late"`
	Viewer      BoardViewer `json:"viewer"`
}

// BoardViewer is what stands between the caller and a board.
type BoardViewer struct {
	Following bool `json:"following"`
	Moderator bool `json:"moderator"`
}

func showBoard(b readmodels.Board) Board {
	return Board{
		ID: b.ID, Name: b.Name, Icon: openImage(b.Icon), Banner: openImage(b.Banner), Rules: orNull(b.Rules), Description: orNull(b.Description), Archived: b.Archived, CreatedAt: At(b.CreatedAt),
		Followers: b.Followers, Posts: b.Posts, Hashtags: b.Hashtags,
		Viewer: BoardViewer{Following: b.Following, Moderator: b.Moderator},
	}
}

// thingPath is the path of anything with an id.
type thingPath struct {
	ID uuid.UUID `path:"id"`
}

type moderatorPath struct {
	thingPath
	Account uuid.UUID `path:"account"`
}

func (s *Server) boardTags(c *Call) readmodels.BoardTags {
	return readmodels.BoardTags{Since: c.Now.Add(-s.cfg.Forum.BoardHashtagsWindow), Most: s.cfg.Forum.BoardHashtags}
}

func (s *Server) listBoards(ctx context.Context, c *Call, p Page, _ None) (Reply[List[Board]], error) {
	return listed(ctx, s, c, p, func(r readmodels.Reader, after *readmodels.BoardKey, limit int) ([]readmodels.Board, error) {
		return readmodels.Boards(ctx, r, c.Account(), s.boardTags(c), after, limit)
	}, showBoard, func(b readmodels.Board) readmodels.BoardKey {
		return readmodels.BoardKey{At: b.CreatedAt.UnixMilli(), ID: b.ID}
	})
}

// listed answers a page: it seeks, asks the query for one row more than the
// page takes, and shows the rows.
func listed[R, T, K any](ctx context.Context, s *Server, c *Call, p Page,
	query func(r readmodels.Reader, after *K, limit int) ([]R, error), show func(R) T, key func(R) K,
) (Reply[List[T]], error) {
	after, err := seek[K](c, p)
	if err != nil {
		return Reply[List[T]]{}, err
	}
	var rows []R
	err = s.cfg.Tables.Read(ctx, func(r readmodels.Reader) (err error) {
		rows, err = query(r, after, p.Limit+1)
		return err
	})
	if err != nil {
		return Reply[List[T]]{}, err
	}
	answer, err := page(c, p, rows, show, key)
	return Reply[List[T]]{Data: answer}, err
}

// found answers one thing that a query gives, once the tables show position.
func found[R, T any](ctx context.Context, s *Server, position uint64, query func(r readmodels.Reader) (R, bool, error), show func(R) T, etag func(R) string) (Reply[T], error) {
	if err := s.written(ctx, position); err != nil {
		return Reply[T]{}, err
	}
	var row R
	err := s.cfg.Tables.Read(ctx, func(r readmodels.Reader) (err error) {
		var there bool
		if row, there, err = query(r); err == nil && !there {
			err = fault.ErrNotFound
		}
		return err
	})
	if err != nil {
		return Reply[T]{}, err
	}
	return Reply[T]{Data: show(row), Position: position, ETag: etag(row)}, nil
}

func (s *Server) replyBoard(ctx context.Context, c *Call, id uuid.UUID, position uint64) (Reply[Board], error) {
	return found(ctx, s, position, func(r readmodels.Reader) (readmodels.Board, bool, error) {
		return readmodels.BoardOf(ctx, r, c.Account(), id, s.boardTags(c))
	}, showBoard, func(b readmodels.Board) string { return b.Version })
}

func (s *Server) getBoard(ctx context.Context, c *Call, p thingPath, _ None) (Reply[Board], error) {
	return s.replyBoard(ctx, c, p.ID, 0)
}

func (s *Server) mayCreateBoards(ctx context.Context, c *Call, _ None) error {
	return s.cfg.Commands.MayCreateBoards(ctx, *c.Actor)
}

type newBoard struct {
	Name        string     `json:"name,omitempty" doc:"needed; at most 32 bytes"`
	Rules       string     `json:"rules,omitempty" text:"lines"`
	Description string     `json:"description,omitempty" text:"lines"`
	Icon        *uuid.UUID `json:"icon,omitempty" doc:"id of a picture"`
	Banner      *uuid.UUID `json:"banner,omitempty" doc:"id of a picture"`
}

func (s *Server) createBoard(ctx context.Context, c *Call, _ None, b newBoard) (Reply[Board], error) {
	id, out, err := s.cfg.Commands.CreateBoard(ctx, *c.Actor, commands.CreateBoard{
		Name: b.Name, Rules: b.Rules, Description: b.Description, Icon: orNil(b.Icon), Banner: orNil(b.Banner),
	})
	if err != nil {
		return Reply[Board]{}, err
	}
	return s.replyBoard(ctx, c, id, out.Position)
}

// orNil is an id, or uuid.Nil where none was given.
func orNil(id *uuid.UUID) uuid.UUID {
	if id == nil {
		return uuid.Nil
	}
	return *id
}

func (s *Server) maySetModerator(ctx context.Context, c *Call, p moderatorPath) error {
	return s.mayModerate(ctx, c, p.thingPath)
}

func (s *Server) mayModerate(ctx context.Context, c *Call, p thingPath) error {
	_, err := s.cfg.Commands.MayModerate(ctx, *c.Actor, p.ID)
	return err
}

type boardEdit struct {
	Name        Maybe[string]    `json:"name" nullable:"false" doc:"at most 32 bytes"`
	Rules       Maybe[string]    `json:"rules" text:"lines"`
	Description Maybe[string]    `json:"description" text:"lines"`
	Icon        Maybe[uuid.UUID] `json:"icon" doc:"id of a picture; null takes it away"`
	Banner      Maybe[uuid.UUID] `json:"banner" doc:"id of a picture; null takes it away"`
	Archived    Maybe[bool]      `json:"archived" nullable:"false" doc:"an archived board takes no posts or comments"`
}

func (s *Server) editBoard(ctx context.Context, c *Call, p thingPath, b boardEdit) (Reply[Board], error) {
	out, err := s.cfg.Commands.ChangeBoard(ctx, *c.Actor, p.ID, commands.ChangeBoard{
		Name: b.Name.Pointer(), Rules: orCleared(b.Rules), Description: orCleared(b.Description),
		Icon: orCleared(b.Icon), Banner: orCleared(b.Banner), Archived: b.Archived.Pointer(), IfMatch: c.match(),
	})
	if err != nil {
		return Reply[Board]{}, err
	}
	return s.replyBoard(ctx, c, p.ID, out.Position)
}
