package acceptance

import (
	"fmt"
	"strings"
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// forum is a server with a board, its administrator and two members.
type forum struct {
	*harness.Server
	admin, alice, bob *harness.Client
	board             string // id
}

func newForum(t *testing.T, options ...harness.Option) *forum {
	t.Helper()
	f := &forum{Server: harness.Start(t, options...)}
	f.admin, f.alice, f.bob = f.Admin(), f.NewPerson("alice"), f.NewPerson("bob")
	f.board = newBoard(f.Server, f.admin)
	f.see(f.admin)
	return f
}

// see lets everybody read what c wrote.
func (f *forum) see(c *harness.Client) {
	for _, other := range []*harness.Client{f.admin, f.alice, f.bob} {
		other.Position = c.Position
	}
}

func (f *forum) posts() string { return "/v1/boards/" + f.board + "/posts" }

// F2: what a post carries, and what it may not.
func TestF2_Publish(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	made := f.alice.Post(f.posts(), map[string]any{
		"title": "  Hello #World  ", "body": "**Bold** & <script>alert(1)</script> #日本語 @" + f.bob.Account.Handle + " [x](javascript:alert(1)) https://x.example",
	}).Want(201)
	p := made.Map()
	for key, want := range map[string]any{
		"boardId": f.board, "anonymous": false, "type": "article", "title": "Hello #World", "thumbnail": nil, "editedAt": nil,
		"state": "published", "locked": false, "pinned": false, "answerId": nil, "revision": 1.0, "comments": 0.0,
	} {
		if p[key] != want {
			t.Errorf("%s is %v, want %v", key, p[key], want)
		}
	}
	for key, want := range map[string]string{"hashtags": "[world 日本語]", "images": "[]", "reactions": "map[]"} {
		if got := fmt.Sprint(p[key]); got != want {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
	if dig(p, "author", "id") != f.alice.Account.ID || dig(p, "viewer", "mine") != true || p["publishedAt"] != p["createdAt"] {
		t.Errorf("author, viewer or times: %v", p)
	}
	if m, ok := p["mentions"].([]any); !ok || len(m) != 1 || dig(m[0].(map[string]any), "id") != f.bob.Account.ID {
		t.Errorf("mentions: %v", p["mentions"])
	}
	if body, _ := p["body"].(string); !strings.Contains(body, "@"+f.bob.Account.Handle+" ") {
		t.Errorf("body: %q", body)
	}
	html, _ := p["html"].(string)
	for _, want := range []string{"<strong>Bold</strong> &amp;", "@" + f.bob.Account.Handle, `<a href="https://x.example" rel="ugc nofollow noreferrer noopener"`} {
		if !strings.Contains(html, want) {
			t.Errorf("html lacks %q: %s", want, html)
		}
	}
	if strings.Contains(html, "<script") || strings.Contains(html, "javascript:") {
		t.Errorf("html: %s", html)
	}

	f.bob.Position = f.alice.Position
	seen := f.bob.Get("/v1/posts/" + made.ID()).Want(200)
	if dig(seen.Map(), "viewer", "mine") != false || seen.Header.Get("ETag") != made.Header.Get("ETag") {
		t.Errorf("as another sees it: %s", seen)
	}
	f.Client().Get("/v1/posts/" + made.ID()).Want(200)

	for name, bad := range map[string]map[string]any{
		"no title":       {"body": "B"},
		"no body":        {"title": "T"},
		"blank":          {"title": " ", "body": "\n"},
		"long title":     {"title": strings.Repeat("日", 201), "body": "B"},
		"long body":      {"title": "T", "body": strings.Repeat("日", 40_001)},
		"two lines":      {"title": "a\nb", "body": "B"},
		"NUL":            {"title": "T", "body": "a\x00b"},
		"type":           {"title": "T", "body": "B", "type": "poem"},
		"image":          {"title": "T", "body": "B", "images": []string{nowhere}},
		"thumbnail":      {"title": "T", "body": "B", "thumbnail": nowhere},
		"date":           {"title": "T", "body": "B", "publishAt": "2020-01-01T00:00:00Z"},
		"no date":        {"title": "T", "body": "B", "publishAt": "tomorrow"},
		"numbers":        {"title": 1, "body": 2},
		"list of images": {"title": "T", "body": "B", "images": "x"},
	} {
		if a := f.alice.Post(f.posts(), bad); a.Status != 422 || len(a.Details) == 0 {
			t.Errorf("%s: %s", name, a)
		}
	}
	if a := f.alice.Post(f.posts(), map[string]any{}).Want(422); len(a.Details) != 2 {
		t.Errorf("not every bad field: %s", a)
	}
	f.alice.Post(f.posts(), map[string]any{"title": "T", "body": "B", "images": []string{nowhere}}).Want(422, "image.unknown")
	f.alice.Post(f.posts(), map[string]any{"title": "T", "body": "", "type": "picture"}).Want(201)
	f.alice.Post(f.posts(), map[string]any{"title": strings.Repeat("日", 200), "body": strings.Repeat("日", 40_000)}).Want(201)
	f.alice.Post("/v1/boards/"+nowhere+"/posts", map[string]any{}).Want(404)
	f.Client().Post(f.posts(), map[string]any{"title": "T", "body": "B"}).Want(401)
	f.alice.Get("/v1/posts/" + nowhere).Want(404)
	f.alice.Get("/v1/posts/x").Want(404)
	f.alice.Get("/v1/boards/" + nowhere + "/posts").Want(404)
}

// F2, F3: an edit by the author or a moderator, under If-Match.
func TestF2_Edit(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	made := f.alice.Post(f.posts(), map[string]any{"title": "T #one", "body": "For @" + f.bob.Account.Handle + " #two"}).Want(201)
	post := "/v1/posts/" + made.ID()
	f.see(f.alice)
	f.bob.Patch(post, map[string]any{"title": "Mine"}).Want(403)
	f.bob.Patch(post, map[string]any{"title": ""}).Want(403) // before the body is looked at
	f.Client().Patch(post, map[string]any{"title": "Mine"}).Want(401)
	edited := f.alice.Patch(post, map[string]any{"title": "U #three"}, harness.Header{Name: "If-Match", Value: made.Header.Get("ETag")}).Want(200)
	p := edited.Map()
	if p["title"] != "U #three" || p["body"] != made.Map()["body"] || p["revision"] != 2.0 || p["editedAt"] == nil {
		t.Errorf("edited: %v", p)
	}
	if fmt.Sprint(p["hashtags"]) != "[three two]" || len(p["mentions"].([]any)) != 1 {
		t.Errorf("named: %v %v", p["hashtags"], p["mentions"])
	}
	f.alice.Patch(post, map[string]any{"title": "V"}, harness.Header{Name: "If-Match", Value: made.Header.Get("ETag")}).Want(412)
	same := f.alice.Patch(post, map[string]any{"title": "U #three", "body": p["body"]}).Want(200)
	if same.Map()["revision"] != 2.0 || same.Header.Get("ETag") != edited.Header.Get("ETag") {
		t.Errorf("the same again: %s", same)
	}
	for name, bad := range map[string]map[string]any{
		"null": {"title": nil}, "empty": {"body": " "}, "long": {"title": strings.Repeat("x", 201)}, "lines": {"title": "a\nb"},
	} {
		if a := f.alice.Patch(post, bad); a.Status != 422 {
			t.Errorf("%s: %s", name, a)
		}
	}
	f.alice.Patch(post, map[string]any{"publish": true}).Want(200)
	f.alice.Patch(post, map[string]any{"publishAt": nil}).Want(409)
	if m := f.admin.Patch(post, map[string]any{"body": "Moderated"}).Want(200).Map(); m["body"] != "Moderated" || dig(m, "author", "id") != f.alice.Account.ID {
		t.Errorf("moderated: %v", m)
	}
	f.alice.Patch("/v1/posts/"+nowhere, map[string]any{"title": "T"}).Want(404)
}

// F2, F3: a deleted post answers by id as a tombstone and leaves all lists.
func TestF2_Delete(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	id := makePost(f.alice, f.board, map[string]any{"title": "Secret title", "body": "Secret body #gone @" + f.bob.Account.Handle})
	kept := makePost(f.alice, f.board, nil)
	post := "/v1/posts/" + id
	f.see(f.alice)
	f.bob.Delete(post).Want(403)
	f.alice.Delete(post, harness.Header{Name: "If-Match", Value: `"` + nowhere + `"`}).Want(412)
	for range 2 {
		f.alice.Delete(post).Want(204)
	}
	f.see(f.alice)
	a := f.bob.Get(post).Want(200)
	p := a.Map()
	if p["state"] != "deleted" || p["title"] != "" || p["body"] != "" || p["html"] != "" {
		t.Errorf("tombstone: %v", p)
	}
	for _, c := range []*harness.Client{f.alice, f.bob, f.admin, f.Client()} {
		if strings.Contains(c.Get(post).Want(200).String(), "ecret") {
			t.Error("the tombstone tells its text")
		}
		for _, list := range []string{f.posts(), "/v1/feed?public=true", "/v1/accounts/" + f.alice.Account.ID + "/posts"} {
			if got := allPages(c, list); fmt.Sprint(got) != "["+kept+"]" {
				t.Errorf("%s: %v", list, got)
			}
		}
		if got := allPages(c, "/v1/hashtags/gone/posts"); len(got) != 0 {
			t.Errorf("hashtag: %v", got)
		}
	}
	if b := f.bob.Get("/v1/boards/" + f.board).Map(); b["posts"] != 1.0 || fmt.Sprint(b["hashtags"]) != "[]" {
		t.Errorf("board: %v", b)
	}
	if h := f.bob.Get("/v1/hashtags/gone").Map(); h["posts"] != 0.0 {
		t.Errorf("hashtag: %v", h)
	}
	f.alice.Patch(post, map[string]any{"title": "Back"}).Want(409, "post.deleted")
	f.alice.Patch(post, map[string]any{"publishAt": nil}).Want(409, "post.deleted")
	f.bob.Post(post+"/comments", map[string]any{"body": "B"}).Want(409, "post.deleted")
	f.bob.Put(post+"/reactions/like", nil).Want(409, "post.deleted")
	f.admin.Delete("/v1/posts/" + kept).Want(204)
	f.alice.Delete("/v1/posts/" + nowhere).Want(404)
}

// F2, F12: newest first, page by page, while new posts arrive.
func TestF2_ListNewestFirst(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	var want []string
	for range 7 {
		want = append([]string{makePost(f.alice, f.board, nil)}, want...)
	}
	if got := allPages(f.alice, f.posts()+"?limit=3"); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("posts: %v, want %v", got, want)
	}
	first := f.alice.Get(f.posts() + "?limit=3").Want(200)
	makePost(f.alice, f.board, nil)
	second := f.alice.Get(f.posts() + "?limit=3&cursor=" + first.Next()).Want(200)
	for i, item := range second.Items() {
		if item["id"] != want[3+i] {
			t.Errorf("page two: %v", second)
		}
	}
	// F12: bounds, and cursors of other lists and readers.
	for query, status := range map[string]int{
		"limit=0": 422, "limit=101": 422, "limit=x": 422, "limit=1": 200, "limit=100": 200,
		"cursor=nonsense": 400, "cursor=" + first.Next() + "x": 400,
	} {
		f.alice.Get(f.posts() + "?" + query).Want(status)
	}
	f.alice.Get("/v1/feed?cursor="+first.Next()).Want(400, "list.cursor")
	f.bob.Get(f.posts()+"?cursor="+first.Next()).Want(400, "list.cursor")
	f.Client().Get(f.posts()+"?cursor="+first.Next()).Want(400, "list.cursor")
	last := f.alice.Get(f.posts() + "?limit=100").Want(200)
	if last.Next() != "" || last.Header.Get("Link") != "" {
		t.Errorf("the last page goes on: %s", last.Header.Get("Link"))
	}
}

// F2: a draft is there for its author alone, until it is published.
func TestF2_Drafts(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	made := f.alice.Post(f.posts(), map[string]any{"title": "Draft", "body": "", "draft": true}).Want(201)
	post := "/v1/posts/" + made.ID()
	if p := made.Map(); p["state"] != "draft" || p["publishedAt"] != nil {
		t.Errorf("draft: %v", p)
	}
	f.see(f.alice)
	hidden := func() {
		t.Helper()
		for _, c := range []*harness.Client{f.bob, f.admin, f.Client()} {
			c.Get(post).Want(404)
			c.Get(post + "/comments").Want(404)
			if got := allPages(c, f.posts()); len(got) != 0 {
				t.Errorf("the board shows %v", got)
			}
		}
		f.bob.Patch(post, map[string]any{"title": "Mine"}).Want(404)
		f.admin.Delete(post).Want(404)
		f.bob.Post(post+"/comments", map[string]any{"body": "B"}).Want(404)
		f.bob.Put(post+"/reactions/like", nil).Want(404)
	}
	hidden()
	f.alice.Get(post).Want(200)
	f.alice.Post(post+"/comments", map[string]any{"body": "B"}).Want(409, "post.not_published")
	f.alice.Patch(post, map[string]any{"publish": true}).Want(422) // without a body
	f.alice.Patch(post, map[string]any{"body": "Now #tagged for @" + f.bob.Account.Handle}).Want(200)
	f.see(f.alice)
	hidden()
	if h := f.alice.Get("/v1/hashtags/tagged").Map(); h["posts"] != 0.0 {
		t.Errorf("a draft's hashtag counts: %v", h)
	}
	f.alice.Patch(post, map[string]any{"publishAt": "2999-01-01T00:00:00Z"}).Want(422, "request.invalid")
	f.alice.Patch(post, map[string]any{"publishAt": nil}).Want(200)
	p := f.alice.Patch(post, map[string]any{"publish": true, "title": "Published"}).Want(200).Map()
	if p["state"] != "published" || p["title"] != "Published" || fmt.Sprint(p["hashtags"]) != "[tagged]" || len(p["mentions"].([]any)) != 1 {
		t.Errorf("published: %v", p)
	}
	f.see(f.alice)
	f.bob.Get(post).Want(200)

	second := f.alice.Post(f.posts(), map[string]any{"title": "Second", "body": "B", "draft": true}).Want(201).ID()
	for query, want := range map[string]string{
		"": "[" + second + " " + made.ID() + "]", "?state=draft": "[" + second + "]", "?state=published": "[" + made.ID() + "]",
		"?state=scheduled": "[]", "?state=deleted": "[]",
	} {
		if got := fmt.Sprint(allPages(f.alice, "/v1/me/posts"+query)); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	f.alice.Delete("/v1/posts/" + second).Want(204)
	f.see(f.alice)
	f.bob.Get("/v1/posts/" + second).Want(404)
	f.alice.Get("/v1/posts/" + second).Want(200)
	f.alice.Get("/v1/me/posts?state=lost").Want(422)
	f.Client().Get("/v1/me/posts").Want(401)
	if got := allPages(f.bob, "/v1/me/posts"); len(got) != 0 {
		t.Errorf("bob's: %v", got)
	}
}

// F7: a text follows the handle of whom it mentions, and mentions each
// account once.
func TestF7_Mentions(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	bob, alice := f.bob.Account.Handle, f.alice.Account.Handle
	text := "@" + strings.ToUpper(bob) + " @" + bob + " @" + alice + " @nobody_here `@" + alice + "` x@" + bob
	p := f.alice.Post(f.posts(), map[string]any{"title": "For @" + bob, "body": text}).Want(201).Map()
	var ids []any
	for _, m := range p["mentions"].([]any) {
		ids = append(ids, m.(map[string]any)["id"])
	}
	if fmt.Sprint(ids) != fmt.Sprint([]any{f.bob.Account.ID, f.alice.Account.ID}) {
		t.Errorf("mentions: %v", ids)
	}
	if want := "@" + bob + " @" + bob + " @" + alice + " @nobody_here `@" + alice + "` x@" + bob; p["body"] != want || p["title"] != "For @"+bob {
		t.Errorf("body %q, title %q", p["body"], p["title"])
	}
	if html := fmt.Sprint(p["html"]); strings.Contains(html, f.bob.Account.ID) || !strings.Contains(html, "@"+bob) {
		t.Errorf("html: %s", html)
	}
}

// F8: who blocks each other does not see each other's posts and comments.
func TestF8_BlocksInTheForum(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	post := makePost(f.alice, f.board, map[string]any{"type": "question"})
	f.see(f.alice)
	comment := f.bob.Post("/v1/posts/"+post+"/comments", map[string]any{"body": "Hi"}).Want(201).ID()
	theirs := makePost(f.bob, f.board, nil)
	f.see(f.bob)
	f.alice.Put("/v1/accounts/"+f.bob.Account.ID+"/block", nil).Want(204)
	f.see(f.alice)
	for c, unseen := range map[*harness.Client]string{f.alice: theirs, f.bob: post} {
		c.Get("/v1/posts/" + unseen).Want(404)
		c.Get("/v1/posts/" + unseen + "/comments").Want(404)
		c.Post("/v1/posts/"+unseen+"/comments", map[string]any{"body": "Hi"}).Want(404)
		c.Put("/v1/posts/"+unseen+"/reactions/like", nil).Want(404)
		c.Patch("/v1/posts/"+unseen, map[string]any{"title": "T"}).Want(404)
		for _, list := range []string{f.posts(), "/v1/feed?public=true"} {
			if got := allPages(c, list); len(got) != 1 || got[0] == unseen {
				t.Errorf("%s: %v", list, got)
			}
		}
	}
	if got := allPages(f.alice, "/v1/posts/"+post+"/comments"); len(got) != 0 {
		t.Errorf("alice sees %v", got)
	}
	f.alice.Get("/v1/comments/" + comment).Want(404)
	f.alice.Post("/v1/posts/"+post+"/comments", map[string]any{"body": "Hi", "parentId": comment}).Want(422)
	f.alice.Put("/v1/posts/"+post+"/answer", map[string]any{"commentId": comment}).Want(422)
	if got := allPages(f.admin, f.posts()); len(got) != 2 {
		t.Errorf("another sees %v", got)
	}
	f.alice.Delete("/v1/accounts/" + f.bob.Account.ID + "/block").Want(204)
	f.see(f.alice)
	f.bob.Get("/v1/posts/" + post).Want(200)
}

// F8: a mention names nobody across a block, to either of the two.
func TestF8_MentionsAcrossABlock(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	body := "With @" + f.alice.Account.Handle + " and @" + f.bob.Account.Handle + "."
	post := makePost(f.admin, f.board, map[string]any{"body": body})
	comment := f.admin.Post("/v1/posts/"+post+"/comments", map[string]any{"body": body}).Want(201).ID()
	f.see(f.admin)
	f.alice.Put("/v1/accounts/"+f.bob.Account.ID+"/block", nil).Want(204)
	f.see(f.alice)
	for c, want := range map[*harness.Client]int{f.alice: 1, f.bob: 1, f.admin: 2} {
		mentions, _ := c.Get("/v1/posts/" + post).Want(200).Map()["mentions"].([]any)
		listed, _ := c.Get(f.posts()).Want(200).Items()[0]["mentions"].([]any)
		if len(mentions) != want || len(listed) != want {
			t.Errorf("@%s sees the mentions %v and %v", c.Account.Handle, mentions, listed)
		}
		if c != f.admin && mentions[0].(map[string]any)["id"] != c.Account.ID {
			t.Errorf("@%s sees the mention of %v", c.Account.Handle, mentions[0])
		}
	}
	f.alice.Get("/v1/comments/" + comment).Want(200)
}
