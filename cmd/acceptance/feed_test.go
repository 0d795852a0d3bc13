package acceptance

import (
	"fmt"
	"testing"
)

// F9: the home feed is what one follows now, older posts and own ones
// included, each once, newest first.
func TestF9_Home(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	carol := f.NewPerson("carol")
	second := newBoard(f.Server, f.admin)
	f.see(f.admin)
	p1 := makePost(f.alice, f.board, map[string]any{"body": "#go #rust"})
	p2 := makePost(f.alice, second, nil)
	f.see(f.alice)
	p3 := makePost(f.bob, second, map[string]any{"body": "#go"})
	p4 := makePost(f.bob, f.board, nil)
	carol.Position = f.bob.Position
	feed := func(want ...string) {
		t.Helper()
		for _, limit := range []string{"", "?limit=1", "?limit=2"} {
			if got := allPages(carol, "/v1/feed"+limit); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("feed%s: %v, want %v", limit, got, want)
			}
		}
	}
	if got := allPages(carol, "/v1/feed"); len(got) != 0 {
		t.Errorf("without follows: %v", got)
	}
	alice, bob := "/v1/accounts/"+f.alice.Account.ID, "/v1/accounts/"+f.bob.Account.ID
	carol.Put(alice+"/follow", nil).Want(204)
	feed(p2, p1)
	carol.Put("/v1/boards/"+second+"/follow", nil).Want(204)
	feed(p3, p2, p1)
	carol.Put("/v1/hashtags/go/follow", nil).Want(204)
	carol.Put("/v1/hashtags/rust/follow", nil).Want(204)
	feed(p3, p2, p1)
	carol.Put("/v1/boards/"+f.board+"/follow", nil).Want(204)
	feed(p4, p3, p2, p1)
	p5 := makePost(carol, f.board, nil)
	feed(p5, p4, p3, p2, p1)
	carol.Delete("/v1/boards/" + f.board + "/follow").Want(204)
	feed(p5, p3, p2, p1)
	carol.Delete("/v1/boards/" + second + "/follow").Want(204)
	feed(p5, p3, p2, p1) // p3 by its hashtag
	carol.Delete("/v1/hashtags/go/follow").Want(204)
	feed(p5, p2, p1)
	carol.Delete(alice + "/follow").Want(204)
	feed(p5, p1) // p1 by #rust
	carol.Delete("/v1/hashtags/rust/follow").Want(204)
	feed(p5)

	// A mute keeps people out of the feed, and nowhere else.
	carol.Put("/v1/boards/"+second+"/follow", nil).Want(204)
	carol.Put(bob+"/mute", nil).Want(204)
	feed(p5, p2)
	if got := allPages(carol, "/v1/boards/"+second+"/posts"); fmt.Sprint(got) != fmt.Sprint([]string{p3, p2}) {
		t.Errorf("the board: %v", got)
	}
	if got := allPages(carol, "/v1/feed?public=true"); fmt.Sprint(got) != fmt.Sprint([]string{p5, p2, p1}) {
		t.Errorf("the public feed: %v", got)
	}
	carol.Delete(bob + "/mute").Want(204)
	carol.Put(bob+"/block", nil).Want(204)
	feed(p5, p2)

	everything := fmt.Sprint([]string{p5, p4, p3, p2, p1})
	if got := fmt.Sprint(allPages(f.Client(), "/v1/feed?limit=2")); got != everything {
		t.Errorf("the public feed: %v, want %v", got, everything)
	}
	f.Client().Get("/v1/feed?public=maybe").Want(422)
	f.Client().Get("/v1/feed?limit=0").Want(422)
}

// F9: the cursor is stable while new posts arrive.
func TestF9_StableCursor(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	f.bob.Put("/v1/boards/"+f.board+"/follow", nil).Want(204)
	var want []string
	for range 6 {
		want = append([]string{makePost(f.alice, f.board, nil)}, want...)
	}
	f.see(f.alice)
	first := f.bob.Get("/v1/feed?limit=3").Want(200)
	makePost(f.alice, f.board, nil)
	f.see(f.alice)
	second := f.bob.Get("/v1/feed?limit=3&cursor=" + first.Next()).Want(200)
	var got []any
	for _, item := range append(first.Items(), second.Items()...) {
		got = append(got, item["id"])
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || second.Next() != "" {
		t.Errorf("pages: %v, want %v", got, want)
	}
}

// F2, F8: what an account has posted under its name.
func TestF2_AccountPosts(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	var want []string
	for range 3 {
		want = append([]string{makePost(f.alice, f.board, nil)}, want...)
	}
	makePost(f.alice, f.board, map[string]any{"anonymous": true})
	makePost(f.alice, f.board, map[string]any{"draft": true})
	f.see(f.alice)
	for _, who := range []string{f.alice.Account.ID, "@" + f.alice.Account.Handle} {
		if got := allPages(f.bob, "/v1/accounts/"+who+"/posts?limit=2"); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", who, got, want)
		}
	}
	if got := allPages(f.alice, "/v1/accounts/"+f.alice.Account.ID+"/posts"); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("as she sees it herself: %v, want %v", got, want)
	}
	if a := f.bob.Get("/v1/accounts/" + f.alice.Account.ID).Map(); a["posts"] != 3.0 {
		t.Errorf("count: %v", a["posts"])
	}
	f.bob.Get("/v1/accounts/" + nowhere + "/posts").Want(404)
	f.bob.Put("/v1/accounts/"+f.alice.Account.ID+"/block", nil).Want(204)
	f.see(f.bob)
	f.alice.Get("/v1/accounts/" + f.bob.Account.ID + "/posts").Want(404)
	f.bob.Get("/v1/accounts/" + f.alice.Account.ID + "/posts").Want(404)
}
