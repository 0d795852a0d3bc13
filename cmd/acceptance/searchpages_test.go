package acceptance

import (
	"fmt"
	"net/url"
	"slices"
	"testing"
)

// F10: while somebody turns pages, posts are written, edited, deleted and put
// out of sight. None comes twice, and none is left out that was there to be
// seen all the time.
func TestF10_PagesWhileOthersWrite(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	steady := map[string]bool{}
	var ids []string
	for n := range 40 {
		id := makePost(f.alice, f.board, body{"title": fmt.Sprint("Heron ", n), "body": "a grey bird, the heron"})
		ids, steady[id] = append(ids, id), true
	}
	blocked := makePost(f.admin, f.board, body{"title": "heron heron heron", "body": "heron"})
	f.see(f.admin)
	f.alice.Position = f.admin.Position
	f.bob.Put("/v1/accounts/"+f.admin.Account.ID+"/block", nil).Want(204)
	for _, sort := range []string{"best", "newest"} {
		var got []string
		at := "/v1/search?q=heron&limit=7&sort=" + sort
		for turn := 0; at != ""; turn++ {
			a := f.bob.Get(at).Want(200)
			for _, hit := range a.Items() {
				got = append(got, hit["id"].(string))
			}
			if at = ""; a.Next() == "" {
				break
			}
			at = "/v1/search?q=heron&limit=7&sort=" + sort + "&cursor=" + url.QueryEscape(a.Next())
			switch turn {
			case 0:
				f.alice.Patch("/v1/posts/"+got[0], body{"body": "much more than before about something else, and a word of the heron at last"}).Want(200)
			case 1:
				makePost(f.alice, f.board, body{"title": "heron heron", "body": "heron"})
			case 2:
				gone := ids[slices.IndexFunc(ids, func(id string) bool { return steady[id] && !slices.Contains(got, id) })]
				f.alice.Delete("/v1/posts/" + gone).Want(204)
				delete(steady, gone)
			}
			f.bob.Position = f.alice.Position
		}
		seen := slices.Clone(got)
		slices.Sort(seen)
		if len(slices.Compact(slices.Clone(seen))) != len(got) {
			t.Errorf("%s: some come twice: %v", sort, got)
		}
		for id := range steady {
			if !slices.Contains(got, id) {
				t.Errorf("%s: %s is left out", sort, id)
			}
		}
		if slices.Contains(got, blocked) {
			t.Errorf("%s: a post across a block", sort)
		}
	}
	// A cursor is that of one question, one order and one reader.
	next := url.QueryEscape(f.bob.Get("/v1/search?q=heron&limit=7").Want(200).Next())
	f.bob.Get("/v1/search?q=heron&limit=3&cursor=" + next).Want(200)
	for _, other := range []string{"q=grey&limit=7", "q=heron&sort=newest", "q=heron&kind=accounts"} {
		f.bob.Get("/v1/search?"+other+"&cursor="+next).Want(400, "list.cursor")
	}
	f.alice.Get("/v1/search?q=heron&cursor="+next).Want(400, "list.cursor")
}
