package acceptance

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// kept are the posts of a list of bookmarks, as "id folder", over all pages.
func kept(c *harness.Client, query string) []string {
	var all []string
	for cursor := ""; ; {
		a := c.Get("/v1/me/bookmarks?limit=2&" + query + cursor).Want(200)
		for _, item := range a.Items() {
			all = append(all, fmt.Sprint(dig(item, "post", "id"), " ", item["folder"]))
			if item["createdAt"] == nil || dig(item, "post", "viewer", "bookmarked") != true {
				panic(fmt.Sprint("no bookmark: ", item))
			}
		}
		if a.Next() == "" {
			return all
		}
		cursor = "&cursor=" + a.Next()
	}
}

// folders are one's folders, as "name count", over all pages.
func folders(c *harness.Client) []string {
	var all []string
	for path := "/v1/me/bookmark-folders?limit=1"; ; {
		a := c.Get(path).Want(200)
		for _, item := range a.Items() {
			all = append(all, fmt.Sprint(item["name"], " ", item["count"]))
		}
		if a.Next() == "" {
			slices.Sort(all) // engines sort by their own alphabets
			return all
		}
		path = "/v1/me/bookmark-folders?limit=1&cursor=" + a.Next()
	}
}

// F6: what one keeps, in folders; for oneself alone.
func TestF6_Bookmarks(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	var posts []string
	for range 3 {
		posts = append(posts, makePost(f.alice, f.board, nil))
	}
	f.see(f.alice)
	keep := func(n int, in any) { f.bob.Put("/v1/posts/"+posts[n]+"/bookmark", in).Want(204) }
	same := func(what string, got []string, want ...string) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	before := f.bob.Get("/v1/posts/" + posts[0]).Want(200)
	same("nothing kept", kept(f.bob, ""))
	keep(0, nil)
	keep(1, map[string]any{"folder": " later "})
	keep(2, map[string]any{"folder": "日本語 100% #1"})
	keep(2, map[string]any{"folder": "日本語 100% #1"})
	same("all, the newest first", kept(f.bob, ""), posts[2]+" 日本語 100% #1", posts[1]+" later", posts[0]+" <nil>")
	same("a folder", kept(f.bob, "folder=later"), posts[1]+" later")
	same("in none", kept(f.bob, "folder="), posts[0]+" <nil>")
	same("an unknown folder", kept(f.bob, "folder=nowhere"))
	same("folders", folders(f.bob), "later 1", "日本語 100% #1 1")
	keep(0, map[string]any{"folder": "later"})
	keep(2, map[string]any{"folder": nil})
	same("moved, at its place", kept(f.bob, ""), posts[2]+" <nil>", posts[1]+" later", posts[0]+" later")
	same("folders after a move", folders(f.bob), "later 2")

	after := f.bob.Get("/v1/posts/" + posts[0]).Want(200)
	if dig(before.Map(), "viewer", "bookmarked") != false || dig(after.Map(), "viewer", "bookmarked") != true || before.Header.Get("ETag") != after.Header.Get("ETag") {
		t.Errorf("before %s, after %s", before, after)
	}
	for _, list := range []string{f.posts(), "/v1/feed?public=true", "/v1/accounts/" + f.alice.Account.ID + "/posts"} {
		for _, item := range f.bob.Get(list).Want(200).Items() {
			if dig(item, "viewer", "bookmarked") != true || dig(item, "viewer", "following") != false {
				t.Errorf("%s: %v", list, item["viewer"])
			}
		}
	}
	f.see(f.bob)
	for _, c := range []*harness.Client{f.alice, f.admin} {
		same("another's", kept(c, ""))
		same("another's folders", folders(c))
		if dig(c.Get("/v1/posts/"+posts[0]).Want(200).Map(), "viewer", "bookmarked") != false {
			t.Error("another sees what bob keeps")
		}
	}
	for range 2 {
		f.bob.Delete("/v1/posts/" + posts[2] + "/bookmark").Want(204)
	}
	same("kept no longer", kept(f.bob, ""), posts[1]+" later", posts[0]+" later")

	f.alice.Delete("/v1/posts/" + posts[1]).Want(204)
	f.see(f.alice)
	same("deleted", kept(f.bob, ""), posts[0]+" later")
	same("folders without what is deleted", folders(f.bob), "later 1")
	f.bob.Put("/v1/posts/"+posts[1]+"/bookmark", nil).Want(409, "post.deleted")
	f.bob.Delete("/v1/posts/" + posts[1] + "/bookmark").Want(204)
	f.alice.Put("/v1/accounts/"+f.bob.Account.ID+"/block", nil).Want(204)
	f.see(f.alice)
	same("hidden", kept(f.bob, ""))
	same("folders without what is hidden", folders(f.bob))
	f.bob.Put("/v1/posts/"+posts[0]+"/bookmark", nil).Want(404)
	f.alice.Delete("/v1/accounts/" + f.bob.Account.ID + "/block").Want(204)
	f.see(f.alice)
	same("seen again", kept(f.bob, ""), posts[0]+" later")
}

// F6: what may not be kept, named or asked for.
func TestF6_BadBookmarks(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	post := makePost(f.alice, f.board, nil)
	draft := makePost(f.alice, f.board, map[string]any{"draft": true})
	f.see(f.alice)
	for name, folder := range map[string]any{
		"blank": " ", "long": strings.Repeat("日", 51), "lines": "a\nb", "NUL": "a\x00b", "separator": "a\u2028b", "number": 1, "list": []string{"a"},
	} {
		if a := f.bob.Put("/v1/posts/"+post+"/bookmark", map[string]any{"folder": folder}); a.Status != 422 || len(a.Details) != 1 || a.Details[0].Field != "folder" {
			t.Errorf("%s: %s", name, a)
		}
	}
	f.bob.Put("/v1/posts/"+post+"/bookmark", map[string]any{"folder": strings.Repeat("日", 50)}).Want(204)
	f.bob.Put("/v1/posts/"+post+"/bookmark", `{"folder":`).Want(400)
	f.bob.Put("/v1/posts/"+post+"/bookmark", `[]`).Want(422)
	for _, relation := range []string{"bookmark", "follow"} {
		for path, status := range map[string]int{"/v1/posts/" + nowhere: 404, "/v1/posts/x": 404, "/v1/posts/" + draft: 404} {
			f.bob.Put(path+"/"+relation, nil).Want(status)
			f.bob.Delete(path + "/" + relation).Want(status)
		}
		f.bob.Put("/v1/posts/"+draft+"/bookmark", map[string]any{"folder": 1}).Want(404) // before the body is looked at
		f.alice.Put("/v1/posts/"+draft+"/"+relation, nil).Want(409, "post.not_published")
		f.alice.Delete("/v1/posts/" + draft + "/" + relation).Want(204)
		f.Client().Put("/v1/posts/"+post+"/"+relation, nil).Want(401)
		f.Client().Delete("/v1/posts/" + post + "/" + relation).Want(401)
	}
	for _, list := range []string{"/v1/me/bookmarks", "/v1/me/bookmark-folders"} {
		f.Client().Get(list).Want(401)
		for query, status := range map[string]int{"limit=0": 422, "limit=101": 422, "cursor=x": 400, "limit=100": 200} {
			f.bob.Get(list + "?" + query).Want(status)
		}
	}
	f.bob.Get("/v1/me/bookmarks?folder=a%00b").Want(422)
	second := makePost(f.alice, f.board, nil)
	f.see(f.alice)
	f.bob.Put("/v1/posts/"+second+"/bookmark", nil).Want(204)
	next := f.bob.Get("/v1/me/bookmarks?limit=1").Want(200).Next()
	f.bob.Get("/v1/me/bookmarks?limit=1&folder=&cursor="+next).Want(400, "list.cursor")
	f.alice.Get("/v1/me/bookmarks?limit=1&cursor="+next).Want(400, "list.cursor")
}

// F6, N1: who follows a post is told of replies, and of a reply to oneself
// only that.
func TestF6_FollowPost(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	alice, bob, carol := s.NewPerson("alice"), s.NewPerson("bob"), s.NewPerson("carol")
	admin := s.Admin()
	board := newBoard(s, admin)
	seeing(admin, alice)
	post := makePost(alice, board, nil)
	seeing(alice, bob, carol)
	for range 2 {
		bob.Put("/v1/posts/"+post+"/follow", nil).Want(204)
	}
	if v := bob.Get("/v1/posts/" + post).Want(200).Map(); dig(v, "viewer", "following") != true || dig(v, "viewer", "bookmarked") != false {
		t.Errorf("viewer: %v", v["viewer"])
	}
	seeing(bob, carol, alice)
	if dig(carol.Get("/v1/posts/"+post).Want(200).Map(), "viewer", "following") != false {
		t.Error("carol does not follow it")
	}
	first := say(carol, post, "")
	seeing(carol, alice, bob)
	tells(t, "a follower", bob, 1, "followed_post carol 1 post false")
	tells(t, "the author", alice, 1, "reply carol 1 comment false")
	own := say(bob, post, first)
	seeing(bob, alice, carol)
	tells(t, "of one's own", bob, 1, "followed_post carol 1 post false")
	say(alice, post, own)
	seeing(alice, bob, carol)
	tells(t, "a reply wins", bob, 2, "reply alice 1 comment false", "followed_post carol 1 post false")
	say(alice, post, "")
	seeing(alice, bob, carol)
	tells(t, "grouped", bob, 3, "followed_post alice 2 post false", "reply alice 1 comment false")
	for range 2 {
		bob.Delete("/v1/posts/" + post + "/follow").Want(204)
	}
	seeing(bob, carol)
	say(carol, post, "")
	seeing(carol, bob)
	tells(t, "no longer", bob, 3, "followed_post alice 2 post false", "reply alice 1 comment false")
}

// F6, invariant 9: the author of an anonymous post keeps and follows it, and
// nobody learns of it.
func TestF6_AnonymousFollowsItself(t *testing.T) {
	t.Parallel()
	s := newSecretPost(t)
	if got := kept(s.alice, "folder=mine"); fmt.Sprint(got) != "["+s.post+" mine]" {
		t.Errorf("hers: %v", got)
	}
	s.bob.Put("/v1/posts/"+s.post+"/follow", nil).Want(204)
	s.see(s.bob)
	before := len(s.alice.Get("/v1/notifications").Want(200).Items())
	say(s.alice, s.post, "")
	s.see(s.alice)
	a := s.bob.Get("/v1/notifications").Want(200)
	newest := a.Items()[0]
	if newest["kind"] != "followed_post" || newest["actor"] != nil || strings.Contains(a.String(), s.alice.Account.ID) {
		t.Errorf("bob is told %v", newest)
	}
	if got := s.alice.Get("/v1/notifications").Want(200).Items(); len(got) != before {
		t.Errorf("she is told of herself: %v", got)
	}
}
