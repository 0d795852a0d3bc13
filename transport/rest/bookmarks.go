package rest

import (
	"context"
	"net/http"

	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/readmodels"
)

func (s *Server) bookmarks() {
	absent := []*fault.Fault{fault.ErrNotFound}
	begins := []*fault.Fault{fault.ErrNotFound, post.ErrDeleted, post.ErrNotYet}
	route(s, Op{
		Method: http.MethodPut, Path: "/v1/posts/{id}/bookmark", ID: "bookmarkPost", Tag: "Bookmarks", Errors: begins, BodyOptional: true,
		Summary: "Keep a post, in a folder or in none; a second time moves it",
	}, s.maySeePost, s.bookmarkPost)
	route(s, Op{
		Method: http.MethodDelete, Path: "/v1/posts/{id}/bookmark", ID: "unbookmarkPost", Tag: "Bookmarks", Errors: absent,
		Summary: "Keep a post no longer",
	}, s.maySeePost, s.unbookmarkPost)
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/me/bookmarks", ID: "listBookmarks", Tag: "Bookmarks",
		Summary: "The posts that one keeps, the newest kept first; what is deleted or out of sight is left out",
	}, nil, s.listBookmarks)
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/me/bookmark-folders", ID: "listBookmarkFolders", Tag: "Bookmarks",
		Summary: "One's folders of bookmarks, by name",
	}, nil, s.listBookmarkFolders)
	set := func(on bool) func(context.Context, *Call, thingPath, None) (Reply[None], error) {
		return func(ctx context.Context, c *Call, p thingPath, _ None) (Reply[None], error) {
			out, err := s.cfg.Commands.FollowPost(ctx, *c.Actor, p.ID, on)
			return s.settled(ctx, out, err)
		}
	}
	follow := Op{Path: "/v1/posts/{id}/follow", Tag: "Bookmarks"}
	follow.Method, follow.ID, follow.Summary, follow.Errors = http.MethodPut, "followPost", "Follow a post: one is told of replies", begins
	route(s, follow, s.maySeePost, set(true))
	follow.Method, follow.ID, follow.Summary, follow.Errors = http.MethodDelete, "unfollowPost", "Follow a post no longer", absent
	route(s, follow, s.maySeePost, set(false))
}

// Bookmark is a post that the caller keeps.
type Bookmark struct {
	Post      Post    `json:"post"`
	Folder    *string `json:"folder" doc:"null where it is in none"`
	CreatedAt Time    `json:"createdAt"`
}

func showBookmark(k readmodels.Bookmark) Bookmark {
	out := Bookmark{Post: showPost(k.Post), CreatedAt: At(k.CreatedAt)}
	if k.Folder != "" {
		out.Folder = &k.Folder
	}
	return out
}

// BookmarkFolder is one of the caller's folders.
type BookmarkFolder struct {
	Name  string `json:"name"`
	Count int    `json:"count" doc:"bookmarks in it"`
}

func (s *Server) maySeePost(ctx context.Context, c *Call, p thingPath) error {
	return s.cfg.Commands.MaySeePost(ctx, *c.Actor, p.ID)
}

type newBookmark struct {
	Folder *string `json:"folder,omitempty" doc:"at most 50 characters; none where it is left out"`
}

func (s *Server) bookmarkPost(ctx context.Context, c *Call, p thingPath, b newBookmark) (Reply[None], error) {
	out, err := s.cfg.Commands.Bookmark(ctx, *c.Actor, p.ID, b.Folder)
	return s.settled(ctx, out, err)
}

func (s *Server) unbookmarkPost(ctx context.Context, c *Call, p thingPath, _ None) (Reply[None], error) {
	out, err := s.cfg.Commands.Unbookmark(ctx, *c.Actor, p.ID)
	return s.settled(ctx, out, err)
}

type bookmarkList struct {
	Page
	Folder *string `query:"folder" doc:"only that folder; empty: what is in none"`
}

func (s *Server) listBookmarks(ctx context.Context, c *Call, p bookmarkList, _ None) (Reply[List[Bookmark]], error) {
	return listed(ctx, s, c, p.Page, func(r readmodels.Reader, after *readmodels.BookmarkKey, limit int) ([]readmodels.Bookmark, error) {
		return readmodels.Bookmarks(ctx, r, c.Account(), p.Folder, after, limit)
	}, showBookmark, readmodels.Bookmark.Place)
}

type folderKey struct {
	Name string `json:"n"`
}

func (s *Server) listBookmarkFolders(ctx context.Context, c *Call, p Page, _ None) (Reply[List[BookmarkFolder]], error) {
	return listed(ctx, s, c, p, func(r readmodels.Reader, after *folderKey, limit int) ([]readmodels.BookmarkFolder, error) {
		var name string
		if after != nil {
			name = after.Name
		}
		return readmodels.BookmarkFolders(ctx, r, c.Account(), name, limit)
	}, func(f readmodels.BookmarkFolder) BookmarkFolder { return BookmarkFolder(f) },
		func(f readmodels.BookmarkFolder) folderKey { return folderKey{f.Name} })
}
