package acceptance

import (
	"fmt"
	"slices"
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// keptFeeds are the ways in which home feeds are kept, which nobody can tell
// from outside.
var keptFeeds = map[string]harness.Option{
	"written":              harness.Flags("--feed-fan-out=1000", "--feed-length=400"),
	"merged":               harness.Flags("--feed-fan-out=0"),
	"written, short":       harness.Flags("--feed-fan-out=1000", "--feed-length=1"),
	"written for one only": harness.Flags("--feed-fan-out=1", "--feed-length=3"),
}

// F9: the home feed is what one follows now, older posts and own ones
// included, each once, newest first.
func TestF9_Home(t *testing.T) {
	t.Parallel()
	for name, kept := range keptFeeds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			homeFeed(t, newForum(t, kept))
		})
	}
}

func homeFeed(t *testing.T, f *forum) {
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

// F9: the cursor is stable while posts arrive, are deleted and come back, are
// moved and edited: what was there at the first page and still is comes once.
func TestF9_StableCursor(t *testing.T) {
	t.Parallel()
	for name, kept := range keptFeeds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stableFeed(t, newForum(t, kept))
		})
	}
}

func stableFeed(t *testing.T, f *forum) {
	second := newBoard(f.Server, f.admin)
	f.see(f.admin)
	f.bob.Put("/v1/boards/"+f.board+"/follow", nil).Want(204)
	f.bob.Put("/v1/boards/"+second+"/follow", nil).Want(204)
	f.bob.Put("/v1/hashtags/go/follow", nil).Want(204)
	var all []string // newest first
	for range 8 {
		all = slices.Insert(all, 0, makePost(f.alice, f.board, nil))
	}
	f.alice.Delete("/v1/posts/" + all[7]).Want(204)
	f.see(f.alice)
	first := f.bob.Get("/v1/feed?limit=3").Want(200)

	makePost(f.alice, f.board, nil)
	f.alice.Delete("/v1/posts/" + all[1]).Want(204) // was shown
	f.alice.Delete("/v1/posts/" + all[4]).Want(204) // was not, and never is
	f.alice.Post("/v1/posts/"+all[7]+"/restore", nil).Want(200)
	f.see(f.alice)
	f.admin.Put("/v1/posts/"+all[0]+"/board", body{"boardId": second}).Want(200)
	f.admin.Put("/v1/posts/"+all[5]+"/board", body{"boardId": second}).Want(200)
	f.see(f.admin)
	f.alice.Patch("/v1/posts/"+all[2], body{"body": "#go"}).Want(200)
	f.alice.Patch("/v1/posts/"+all[6], body{"body": "#go, and no board"}).Want(200)
	f.see(f.alice)
	f.bob.Delete("/v1/boards/" + f.board + "/follow").Want(204) // leaves what is on the second board, and what has #go
	f.bob.Put("/v1/accounts/"+f.alice.Account.ID+"/follow", nil).Want(204)

	var got []string
	for page := first; ; page = f.bob.Get("/v1/feed?limit=3&cursor=" + page.Next()).Want(200) {
		for _, item := range page.Items() {
			got = append(got, fmt.Sprint(item["id"]))
		}
		if page.Next() == "" {
			break
		}
	}
	if want := slices.Concat(all[:4], all[5:]); !slices.Equal(got, want) {
		t.Errorf("pages: %v, want %v", got, want)
	}

	f.bob.Delete("/v1/accounts/" + f.alice.Account.ID + "/follow").Want(204)
	if got, want := allPages(f.bob, "/v1/feed?limit=2"), []string{all[0], all[2], all[5], all[6]}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("after she is followed no longer: %v, want %v", got, want)
	}
	f.alice.Put("/v1/accounts/"+f.bob.Account.ID+"/block", nil).Want(204)
	f.see(f.alice)
	if got := allPages(f.bob, "/v1/feed"); len(got) > 0 {
		t.Errorf("behind a block: %v", got)
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
