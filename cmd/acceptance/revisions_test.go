package acceptance

import (
	"fmt"
	"strings"
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// texts are the numbers and texts of a post's revisions, as c sees them.
func texts(c *harness.Client, post string) string {
	var all []string
	for _, v := range c.Get(post + "/revisions").Want(200).Items() {
		line := fmt.Sprint(v["n"], " ", v["title"], "/", v["body"])
		if v["redacted"] == true {
			line += " redacted"
		}
		all = append(all, line)
	}
	return strings.Join(all, ", ")
}

// F3: whoever may read a post may read its earlier texts, with who wrote them
// and when.
func TestF3_Revisions(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	made := f.alice.Post(f.posts(), body{"title": "One", "body": "For @" + f.bob.Account.Handle, "draft": true}).Want(201)
	post := "/v1/posts/" + made.ID()
	f.see(f.alice)
	f.bob.Get(post + "/revisions").Want(404) // as the draft is
	if got := texts(f.alice, post); got != "1 One/For @"+f.bob.Account.Handle {
		t.Errorf("a draft's: %s", got)
	}
	f.alice.Patch(post, body{"title": "Draft"}).Want(200) // which is no revision of what is public
	f.alice.Patch(post, body{"title": "One", "publish": true}).Want(200)
	f.admin.Patch(post, body{"title": "Two"}).Want(200)
	f.see(f.admin)
	f.alice.Patch(post, body{"title": "Two"}).Want(200) // says nothing
	edited := f.alice.Patch(post, body{"title": "Three", "body": "Now"}).Want(200).Map()
	f.see(f.alice)
	if edited["revision"] != 3. {
		t.Errorf("revision: %v", edited)
	}
	list := f.bob.Get(post + "/revisions").Want(200).Items()
	if len(list) != 3 {
		t.Fatalf("revisions: %v", list)
	}
	for i, want := range []struct {
		n                   float64
		title, body, editor string
	}{
		{3, "Three", "Now", f.alice.Account.ID}, {2, "Two", "For @" + f.bob.Account.Handle, f.admin.Account.ID},
		{1, "One", "For @" + f.bob.Account.Handle, f.alice.Account.ID},
	} {
		v := list[i]
		if v["n"] != want.n || v["title"] != want.title || v["body"] != want.body || dig(v, "editor", "id") != want.editor || v["redacted"] != false {
			t.Errorf("want %v: %v", want, v)
		}
	}
	if list[0]["createdAt"] != edited["editedAt"] || list[2]["createdAt"] != edited["publishedAt"] {
		t.Errorf("times: %v, of %v", list, edited)
	}
	first := f.bob.Get(post + "/revisions?limit=2").Want(200)
	if rest := f.bob.Get(post + "/revisions?limit=2&cursor=" + first.Next()).Want(200); len(first.Items()) != 2 || fmt.Sprint(rest.Items()) != fmt.Sprint(list[2:]) || rest.Next() != "" {
		t.Errorf("pages: %s, %s", first, rest)
	}
	f.alice.Get(post+"/revisions?cursor="+first.Next()).Want(400, "list.cursor")
	f.bob.Get(post + "/revisions?limit=0").Want(422)
	guest := f.Client()
	guest.Position = f.alice.Position
	if got := texts(guest, post); !strings.HasPrefix(got, "3 Three/Now, 2 Two/") {
		t.Errorf("a guest sees %s", got)
	}
	for _, none := range []string{nowhere, "x"} {
		f.bob.Get("/v1/posts/" + none + "/revisions").Want(404)
	}

	f.bob.Put("/v1/accounts/"+f.admin.Account.ID+"/block", nil).Want(204)
	if v := f.bob.Get(post + "/revisions").Want(200).Items()[1]; v["editor"] != nil {
		t.Errorf("an editor across a block: %v", v)
	}
	f.bob.Put("/v1/accounts/"+f.alice.Account.ID+"/block", nil).Want(204)
	f.bob.Get(post + "/revisions").Want(404)

	f.alice.Delete(post).Want(204)
	f.see(f.alice)
	for _, c := range []*harness.Client{f.alice, f.admin, f.Client()} {
		if got := texts(c, post); got != "3 /, 2 /, 1 /" {
			t.Errorf("a deleted post says %s", got)
		}
	}
}

// F3, invariant 11: a redacted text is read by nobody again, whoever redacted
// it; the text as it stands is changed first.
func TestF3_Redact(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	made := f.alice.Post(f.posts(), body{"title": "Secret", "body": "My secret"}).Want(201)
	post := "/v1/posts/" + made.ID()
	f.alice.Patch(post, body{"title": "Second secret"}).Want(200)
	last := f.alice.Patch(post, body{"title": "Plain", "body": "Plain"}).Want(200)
	f.see(f.alice)

	f.Client().Delete(post + "/revisions/1").Want(401)
	f.bob.Delete(post + "/revisions/1").Want(403)
	f.bob.Delete(post + "/revisions/9").Want(403)
	for _, none := range []string{"0", "4", "-1", "x", "1.0", "99999999999999999999"} {
		f.alice.Delete(post + "/revisions/" + none).Want(404)
	}
	f.alice.Delete("/v1/posts/" + nowhere + "/revisions/1").Want(404)
	f.alice.Delete(post+"/revisions/3").Want(409, "post.newest_revision")
	f.alice.Delete(post+"/revisions/1", harness.Header{Name: "If-Match", Value: made.Header.Get("ETag")}).Want(412)
	f.alice.Delete(post+"/revisions/1", harness.Header{Name: "If-Match", Value: last.Header.Get("ETag")}).Want(204)
	f.alice.Delete(post + "/revisions/1").Want(204) // done before
	f.see(f.alice)
	f.admin.Delete(post + "/revisions/2").Want(204)
	f.see(f.admin)
	for _, c := range []*harness.Client{f.alice, f.bob, f.admin, f.Client()} {
		if got := texts(c, post); got != "3 Plain/Plain, 2 / redacted, 1 / redacted" {
			t.Errorf("redacted: %s", got)
		}
	}
	if p := f.bob.Get(post).Want(200).Map(); p["title"] != "Plain" || p["revision"] != 3. {
		t.Errorf("the post: %v", p)
	}

	f.alice.Patch(post, body{"title": "Fourth"}).Want(200)
	f.alice.Delete(post).Want(204)
	f.alice.Delete(post + "/revisions/3").Want(204) // of a tombstone too
	f.alice.Delete(post+"/revisions/4").Want(409, "post.newest_revision")
	f.alice.Post(post+"/restore", nil).Want(200)
	f.see(f.alice)
	if got := texts(f.bob, post); got != "4 Fourth/Plain, 3 / redacted, 2 / redacted, 1 / redacted" {
		t.Errorf("restored: %s", got)
	}
}

// F3: a restored post is back in every list, count and search, with its
// pictures, comments and reactions.
func TestF3_Restore(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	picture := f.alice.Upload("post", harness.Picture(60, 40, 1)).Want(201).ID()
	made := f.alice.Post(f.posts(), body{"title": "Wanderfalke", "body": "Back #again", "images": []string{picture}}).Want(201)
	post := "/v1/posts/" + made.ID()
	f.see(f.alice)
	comment := say(f.bob, made.ID(), "")
	f.bob.Put(post+"/reactions/like", nil).Want(204)
	f.see(f.bob)
	before := f.bob.Get(post).Want(200).Map()
	link := dig(before["images"].([]any)[0].(map[string]any), "url").(string)
	link = strings.TrimPrefix(link, f.Base)
	lists := []string{f.posts(), "/v1/feed?public=true", "/v1/accounts/" + f.alice.Account.ID + "/posts", "/v1/hashtags/again/posts"}
	stands := func(want bool) {
		t.Helper()
		ids, count := "[]", 0.
		if want {
			ids, count = "["+made.ID()+"]", 1.
		}
		for _, c := range []*harness.Client{f.alice, f.bob, f.admin} {
			for _, list := range lists {
				if got := fmt.Sprint(allPages(c, list)); got != ids {
					t.Errorf("%s: %s, want %s", list, got, ids)
				}
			}
			if got := fmt.Sprint(search(c, "wanderfalke", "")); got != ids {
				t.Errorf("found: %s, want %s", got, ids)
			}
		}
		for path, key := range map[string]string{"/v1/boards/" + f.board: "posts", "/v1/accounts/" + f.alice.Account.ID: "posts", "/v1/hashtags/again": "posts"} {
			if got := f.bob.Get(path).Want(200).Map()[key]; got != count {
				t.Errorf("%s of %s: %v, want %v", key, path, got, count)
			}
		}
		status := map[bool]int{true: 200, false: 404}[want]
		f.bob.Get(link).Want(status)
	}
	stands(true)
	f.alice.Post(post+"/restore", nil).Want(409, "post.not_deleted")
	f.bob.Post(post+"/restore", nil).Want(403)
	f.alice.Delete(post).Want(204)
	tombstone := f.alice.Get(post).Want(200)
	f.see(f.alice)
	stands(false)

	f.Client().Post(post+"/restore", nil).Want(401)
	f.bob.Post(post+"/restore", nil).Want(403)
	f.bob.Post("/v1/posts/"+nowhere+"/restore", nil).Want(404)
	f.alice.Post(post+"/restore", nil, harness.Header{Name: "If-Match", Value: made.Header.Get("ETag")}).Want(412)
	back := f.alice.Post(post+"/restore", nil, harness.Header{Name: "If-Match", Value: tombstone.Header.Get("ETag")}).Want(200)
	if p := back.Map(); p["state"] != "published" || p["title"] != "Wanderfalke" || back.Header.Get("ETag") == made.Header.Get("ETag") {
		t.Errorf("restored: %v", p)
	}
	f.see(f.alice)
	stands(true)
	if after := f.bob.Get(post).Want(200).Map(); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("it came back as\n%v, not as\n%v", after, before)
	}
	if got := fmt.Sprint(allPages(f.bob, post+"/comments")); got != "["+comment+"]" {
		t.Errorf("comments: %s", got)
	}

	// What a moderator took away, the author does not bring back.
	f.admin.Delete(post).Want(204)
	f.see(f.admin)
	f.alice.Post(post+"/restore", nil).Want(403)
	f.admin.Post(post+"/restore", nil).Want(200)
	f.see(f.admin)
	f.alice.Delete(post).Want(204)
	f.see(f.alice)
	f.admin.Post(post+"/restore", nil).Want(200)
	f.see(f.admin)
	stands(true)
}

// F3: drafts come back as drafts, and nothing after the window.
func TestF3_RestoreWindow(t *testing.T) {
	t.Parallel()
	f := newForum(t, harness.Flags("--restore-window=1ms"))
	post := "/v1/posts/" + makePost(f.alice, f.board, nil)
	f.alice.Delete(post).Want(204)
	f.see(f.alice)
	f.Eventually("the window to close", func() bool {
		a := f.alice.Post(post+"/restore", nil)
		if a.Status == 200 { // within the millisecond
			f.alice.Delete(post).Want(204)
		}
		return a.Status == 409 && a.Error == "post.restore_expired"
	})
	f.see(f.alice)
	f.admin.Post(post+"/restore", nil).Want(409, "post.restore_expired")
	f.bob.Post(post+"/restore", nil).Want(403)

	f = newForum(t)
	draft := "/v1/posts/" + makePost(f.alice, f.board, body{"draft": true, "title": "Draft"})
	f.alice.Delete(draft).Want(204)
	f.see(f.alice)
	f.admin.Post(draft+"/restore", nil).Want(404)
	if p := f.alice.Post(draft+"/restore", nil).Want(200).Map(); p["state"] != "draft" || p["title"] != "Draft" {
		t.Errorf("a draft: %v", p)
	}
	f.see(f.alice)
	f.bob.Get(draft).Want(404)
	f.alice.Patch(draft, body{"publish": true}).Want(200)
}
