package acceptance

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// F7: a hashtag's page, in any script and spelling.
func TestF7_Hashtags(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	first := makePost(f.alice, f.board, map[string]any{"body": "#Straße ＃日本\ufe0f語 #हिन्दी #葛\U000e0100飾 `#code` https://x.example/#frag #\u3164"})
	second := makePost(f.alice, f.board, map[string]any{"title": "#STRASSE", "body": "and #strasse"})
	f.see(f.alice)
	for tag, want := range map[string][]string{
		"strasse": {second, first}, "Straße": {second, first}, "ＳＴＲＡＳＳＥ": {second, first}, "日本語": {first}, "日本語\ufe0f": {first}, "葛飾": {first}, "葛\U000e0101飾": {first}, "हिन्दी": {first}, "code": nil, "frag": nil, "never_used": nil,
	} {
		at := "/v1/hashtags/" + url.PathEscape(tag)
		if got := allPages(f.bob, at+"/posts?limit=1"); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", tag, got, want)
		}
		h := f.Client().Get(at).Want(200).Map()
		if h["posts"] != float64(len(want)) || dig(h, "viewer", "following") != false {
			t.Errorf("%s: %v", tag, h)
		}
	}
	if got := f.bob.Get("/v1/hashtags/" + url.PathEscape("ＳＴＲＡẞE")).Want(200).Map()["tag"]; got != "strasse" {
		t.Errorf("folded: %v", got)
	}
	for _, none := range []string{"a b", "a-b", "#go", strings.Repeat("a", 101), "a/b", "\ufe0f", "\u3164", "a\u200db"} {
		f.bob.Get("/v1/hashtags/" + url.PathEscape(none)).Want(404)
		f.bob.Put("/v1/hashtags/"+url.PathEscape(none)+"/follow", nil).Want(404)
	}
	for range 2 {
		f.bob.Put("/v1/hashtags/STRASSE/follow", nil).Want(204)
	}
	if h := f.bob.Get("/v1/hashtags/strasse").Map(); dig(h, "viewer", "following") != true {
		t.Errorf("followed: %v", h)
	}
	for range 2 {
		f.bob.Delete("/v1/hashtags/strasse/follow").Want(204)
	}
	if h := f.bob.Get("/v1/hashtags/strasse").Map(); dig(h, "viewer", "following") != false {
		t.Errorf("unfollowed: %v", h)
	}
	f.Client().Put("/v1/hashtags/strasse/follow", nil).Want(401)

	// An edit moves the post.
	f.alice.Patch("/v1/posts/"+first, map[string]any{"body": "#other"}).Want(200)
	f.see(f.alice)
	if got := allPages(f.bob, "/v1/hashtags/strasse/posts"); fmt.Sprint(got) != "["+second+"]" {
		t.Errorf("after the edit: %v", got)
	}
	if h := f.bob.Get("/v1/hashtags/strasse").Map(); h["posts"] != 1.0 {
		t.Errorf("after the edit: %v", h)
	}
}

// F7: trending is by different people first.
func TestF7_Trending(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	for range 3 {
		makePost(f.alice, f.board, map[string]any{"body": "#loud"})
	}
	makePost(f.alice, f.board, map[string]any{"body": "#shared #twice"})
	f.see(f.alice)
	makePost(f.bob, f.board, map[string]any{"body": "#shared"})
	makePost(f.alice, f.board, map[string]any{"body": "#twice"})
	makePost(f.bob, f.board, map[string]any{"body": "#once"})
	f.see(f.alice)
	f.see(f.bob)
	want := "[shared loud twice once]"
	for _, query := range []string{"", "?limit=1", "?window=1h", "?window=30d&limit=2", "?window=7d"} {
		if got := fmt.Sprint(allPages(f.admin, "/v1/hashtags"+query)); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	if item := f.Client().Get("/v1/hashtags").Items()[1]; item["posts"] != 3.0 || dig(item, "viewer", "following") != false {
		t.Errorf("item: %v", item)
	}
	for _, bad := range []string{"59m", "31d", "721h", "x", "", "-1h", "1.5h", "99999999h"} {
		f.admin.Get("/v1/hashtags?window="+bad).Want(422, "request.invalid")
	}
}
