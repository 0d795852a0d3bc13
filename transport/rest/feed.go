package rest

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/readmodels"
)

func (s *Server) feeds() {
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/feed", ID: "getFeed", Tag: "Feed", Auth: Optional,
		Summary: "Posts of whom and what one follows, newest first; without a token all public posts",
	}, nil, s.getFeed)
}

type feed struct {
	Page
	Public bool `query:"public" doc:"all public posts, whoever asks"`
}

func (s *Server) getFeed(ctx context.Context, c *Call, p feed, _ None) (Reply[List[Post]], error) {
	query := readmodels.HomeFeed
	if p.Public || c.Account() == uuid.Nil {
		query = readmodels.PublicFeed
	}
	return s.listPosts(ctx, c, p.Page, func(r readmodels.Reader, after *readmodels.PostKey, limit int) ([]readmodels.Post, error) {
		return query(ctx, r, c.Account(), after, limit)
	}, readmodels.Post.Place)
}
