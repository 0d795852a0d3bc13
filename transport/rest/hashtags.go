package rest

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/text"
	"github.com/parleyhq/parley/readmodels"
)

func (s *Server) hashtags() {
	absent := []*fault.Fault{fault.ErrNotFound}
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/hashtags", ID: "listTrending", Summary: "Trending hashtags: those that most different people used first",
		Tag: "Hashtags", Auth: Optional,
	}, nil, s.listTrending)
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/hashtags/{tag}", ID: "getHashtag", Summary: "A hashtag, used or not", Tag: "Hashtags", Auth: Optional, Errors: absent,
	}, nil, s.getHashtag)
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/hashtags/{tag}/posts", ID: "listHashtagPosts", Summary: "Posts with a hashtag, newest first", Tag: "Hashtags",
		Auth: Optional, Errors: absent,
	}, nil, s.listHashtagPosts)
	set := func(on bool) func(context.Context, *Call, tagPath, None) (Reply[None], error) {
		return func(ctx context.Context, c *Call, p tagPath, _ None) (Reply[None], error) {
			out, err := s.cfg.Commands.FollowHashtag(ctx, *c.Actor, string(p.Tag), on)
			return s.settled(ctx, out, err)
		}
	}
	follow := Op{Path: "/v1/hashtags/{tag}/follow", Tag: "Hashtags", Errors: absent}
	follow.Method, follow.ID, follow.Summary = http.MethodPut, "followHashtag", "Follow a hashtag: posts with it come to the feed"
	route(s, follow, nil, set(true))
	follow.Method, follow.ID, follow.Summary = http.MethodDelete, "unfollowHashtag", "Follow a hashtag no longer"
	route(s, follow, nil, set(false))
}

// Hashtag is a hashtag as the caller sees it.
type Hashtag struct {
	Tag    string        `json:"tag"`
	Posts  int           `json:"posts"`
	Viewer HashtagViewer `json:"viewer"`
}

// HashtagViewer is what stands between the caller and a hashtag.
type HashtagViewer struct {
	Following bool `json:"following"`
}

func showHashtag(h readmodels.Hashtag) Hashtag {
	return Hashtag{Tag: h.Tag, Posts: h.Posts, Viewer: HashtagViewer{Following: h.Following}}
}

// tag is a hashtag in any spelling, folded, without its sign.
type tag string

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *tag) UnmarshalText(b []byte) error {
	folded, ok := text.FoldHashtag(string(b))
	if !ok {
		return errors.New(text.Characters)
	}
	*t = tag(folded)
	return nil
}

type tagPath struct {
	Tag tag `path:"tag" doc:"without its sign, in any spelling"`
}

// window is a time such as "24h" or "7d".
type window time.Duration

// The least and most that a trend looks back.
const (
	minWindow = time.Hour
	maxWindow = 30 * 24 * time.Hour
)

var errWindow = fault.New(fault.Invalid, "request.invalid", "expected hours or days from 1h to 30d")

// UnmarshalText implements encoding.TextUnmarshaler.
func (w *window) UnmarshalText(b []byte) error {
	units := map[byte]time.Duration{'h': time.Hour, 'd': 24 * time.Hour, 'm': time.Minute}
	if len(b) < 2 || len(b) > 6 || units[b[len(b)-1]] == 0 {
		return errWindow
	}
	n, err := strconv.ParseUint(string(b[:len(b)-1]), 10, 32)
	if err != nil {
		return errWindow
	}
	d := time.Duration(n) * units[b[len(b)-1]]
	if d < minWindow || d > maxWindow {
		return errWindow
	}
	*w = window(d)
	return nil
}

type trend struct {
	Page
	Window *window `query:"window" doc:"how far to look back, 1h to 30d" example:"24h"`
}

func (s *Server) listTrending(ctx context.Context, c *Call, p trend, _ None) (Reply[List[Hashtag]], error) {
	back := s.cfg.Forum.TrendingWindow
	if p.Window != nil {
		back = time.Duration(*p.Window)
	}
	since := c.Now.Add(-back)
	if after, err := seek[readmodels.TrendKey](c, p.Page); err != nil {
		return Reply[List[Hashtag]]{}, err
	} else if after != nil {
		since = time.UnixMilli(after.Since) // of the first page
	}
	return listed(ctx, s, c, p.Page, func(r readmodels.Reader, after *readmodels.TrendKey, limit int) ([]readmodels.Hashtag, error) {
		return readmodels.Trending(ctx, r, c.Account(), since, after, limit)
	}, showHashtag, func(h readmodels.Hashtag) readmodels.TrendKey {
		return readmodels.TrendKey{Since: since.UnixMilli(), People: h.People, Recent: h.Recent, Tag: h.Tag}
	})
}

func (s *Server) getHashtag(ctx context.Context, c *Call, p tagPath, _ None) (Reply[Hashtag], error) {
	var h readmodels.Hashtag
	err := s.cfg.Tables.Read(ctx, func(r readmodels.Reader) (err error) {
		h, err = readmodels.HashtagOf(ctx, r, c.Account(), string(p.Tag))
		return err
	})
	return Reply[Hashtag]{Data: showHashtag(h)}, err
}

type tagPosts struct {
	tagPath
	Page
}

func (s *Server) listHashtagPosts(ctx context.Context, c *Call, p tagPosts, _ None) (Reply[List[Post]], error) {
	return s.listPosts(ctx, c, p.Page, func(r readmodels.Reader, after *readmodels.PostKey, limit int) ([]readmodels.Post, error) {
		return readmodels.HashtagPosts(ctx, r, c.Account(), string(p.Tag), after, limit)
	}, readmodels.Post.Place)
}
