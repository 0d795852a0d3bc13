package acceptance

import (
	"net/url"
	"strings"
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// F12: every list has opaque cursors, bounds of its limit and a Link to its
// next page; a cursor serves the list, filters and reader it was made for.
func TestF12_Lists(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	newBoard(f.Server, f.admin)
	f.see(f.admin)
	post := makePost(f.alice, f.board, map[string]any{"body": "#one #two"})
	makePost(f.alice, f.board, map[string]any{"body": "#one"})
	first := say(f.alice, post, "")
	say(f.alice, post, first)
	say(f.alice, post, first)
	f.see(f.alice)
	carol := f.NewPerson("carol")
	for _, c := range []*harness.Client{f.bob, carol} {
		c.Put("/v1/accounts/"+f.alice.Account.ID+"/follow", nil).Want(204)
	}
	f.see(carol)
	for _, other := range []string{f.bob.Account.ID, carol.Account.ID} {
		f.alice.Put("/v1/accounts/"+other+"/follow", nil).Want(204)
		f.alice.Put("/v1/accounts/"+other+"/mute", nil).Want(204)
	}
	alice := "/v1/accounts/" + f.alice.Account.ID
	lists := []string{
		"/v1/boards", f.posts(), "/v1/feed", "/v1/feed?public=true", "/v1/me/posts", "/v1/me/posts?state=published", alice + "/posts",
		"/v1/posts/" + post + "/comments", "/v1/posts/" + post + "/comments?sort=best", "/v1/posts/" + post + "/comments?parent=" + first,
		"/v1/hashtags", "/v1/hashtags?window=7d", "/v1/hashtags/one/posts", alice + "/followers", alice + "/following", "/v1/me/mutes",
	}
	with := func(list, query string) string {
		if strings.Contains(list, "?") {
			return list + "&" + query
		}
		return list + "?" + query
	}
	cursors := map[string]string{}
	for _, list := range lists {
		for query, status := range map[string]int{
			"limit=0": 422, "limit=101": 422, "limit=-1": 422, "limit=x": 422, "limit=1.5": 422, "limit=": 422, "limit=1&limit=2": 422, "limit=100": 200,
			"cursor=nonsense": 400, "cursor=AAAA": 400, "cursor=%00": 400, "offset=5": 200,
		} {
			if a := f.alice.Get(with(list, query)); a.Status != status && (query != "cursor=%00" || a.Status != 422) {
				t.Errorf("%s %s: %s", list, query, a)
			}
		}
		a := f.alice.Get(with(list, "limit=1")).Want(200)
		if len(a.Items()) != 1 || a.Next() == "" {
			t.Fatalf("%s has one page: %s", list, a)
		}
		link := a.Header.Get("Link")
		if !strings.HasPrefix(link, "<"+strings.SplitN(list, "?", 2)[0]+"?") || !strings.HasSuffix(link, `>; rel="next"`) || !strings.Contains(link, "limit=1") {
			t.Errorf("%s: Link %q", list, link)
		}
		cursors[list] = a.Next()
		whole := f.alice.Get(with(list, "limit=100")).Want(200)
		if whole.Next() != "" || whole.Header.Get("Link") != "" {
			t.Errorf("%s goes on after its end", list)
		}
		if got := allPages(f.alice, with(list, "limit=1")); len(got) != len(whole.Items()) {
			t.Errorf("%s: %d items by pages, %d at once", list, len(got), len(whole.Items()))
		}
	}
	for _, list := range lists {
		for other, cursor := range cursors {
			want := 400
			if other == list {
				want = 200
			}
			f.alice.Get(with(list, "cursor="+url.QueryEscape(cursor))).Want(want)
		}
		if strings.Contains(list, "/me/") {
			continue
		}
		f.bob.Get(with(list, "cursor="+url.QueryEscape(cursors[list]))).Want(400, "list.cursor")
		f.Client().Get(with(list, "cursor="+url.QueryEscape(cursors[list]))).Want(400, "list.cursor")
	}
}
