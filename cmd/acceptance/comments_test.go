package acceptance

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// say comments on a post.
func say(c *harness.Client, post, parent string) string {
	body := map[string]any{"body": "Said"}
	if parent != "" {
		body["parentId"] = parent
	}
	return c.Post("/v1/posts/"+post+"/comments", body).Want(201).ID()
}

// F4: threaded comments, their branches, orders and counts.
func TestF4_Threads(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	post := makePost(f.alice, f.board, nil)
	other := makePost(f.alice, f.board, nil)
	f.see(f.alice)
	list := "/v1/posts/" + post + "/comments"
	a := say(f.alice, post, "")
	b := say(f.alice, post, a)
	c := say(f.alice, post, "")
	d := say(f.alice, post, b)
	e := say(f.alice, post, a)
	f.see(f.alice)

	f.bob.Put("/v1/comments/"+c+"/reactions/like", nil).Want(204)
	f.bob.Put("/v1/comments/"+c+"/reactions/love", nil).Want(204)
	f.bob.Put("/v1/comments/"+d+"/reactions/sad", nil).Want(204)
	f.see(f.bob)
	for query, want := range map[string][]string{
		"limit=100": {a, b, c, d, e}, "limit=2": {a, b, c, d, e}, "sort=oldest&limit=2": {a, b, c, d, e},
		"sort=newest&limit=2": {e, d, c, b, a}, "sort=best&limit=2": {c, d, a, b, e}, "sort=best&limit=1": {c, d, a, b, e},
		"parent=" + a: {b, d, e}, "parent=" + b: {d}, "parent=" + d: nil, "parent=" + nowhere: nil,
		"parent=" + a + "&sort=newest&limit=1": {e, d, b}, "parent=" + a + "&sort=best&limit=1": {d, b, e},
	} {
		if got := allPages(f.bob, list+"?"+query); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	for _, bad := range []string{"sort=worst", "parent=x", "limit=0"} {
		f.bob.Get(list + "?" + bad).Want(422)
	}
	f.bob.Get(list+"?cursor="+f.bob.Get(list+"?sort=newest&limit=1").Next()).Want(400, "list.cursor")

	for id, replies := range map[string]float64{a: 2, b: 1, c: 0} {
		if got := f.bob.Get("/v1/comments/" + id).Want(200).Map()["replies"]; got != replies {
			t.Errorf("replies: %v, want %v", got, replies)
		}
	}
	if got := f.bob.Get("/v1/posts/" + post).Map()["comments"]; got != 5.0 {
		t.Errorf("post.comments: %v", got)
	}
	one := f.bob.Get("/v1/comments/" + b).Map()
	for key, want := range map[string]any{"postId": post, "parentId": a, "body": "Said", "html": "<p>Said</p>\n", "editedAt": nil, "deleted": false} {
		if one[key] != want {
			t.Errorf("%s is %q, want %q", key, one[key], want)
		}
	}
	if dig(one, "author", "id") != f.alice.Account.ID || dig(one, "viewer", "mine") != false {
		t.Errorf("author or viewer: %v", one)
	}

	for name, bad := range map[string]map[string]any{
		"nothing": {}, "blank": {"body": " \n"}, "long": {"body": strings.Repeat("日", 10_001)}, "NUL": {"body": "a\x00"},
		"no such parent": {"body": "B", "parentId": nowhere}, "no parent's id": {"body": "B", "parentId": noID}, "parent elsewhere": {"body": "B", "parentId": say(f.alice, other, "")}, "no id": {"body": "B", "parentId": "x"},
	} {
		if answer := f.alice.Post(list, bad); answer.Status != 422 || len(answer.Details) == 0 {
			t.Errorf("%s: %s", name, answer)
		}
	}
	f.alice.Post(list, map[string]any{"body": strings.Repeat("日", 10_000)}).Want(201)
	f.alice.Post("/v1/posts/"+nowhere+"/comments", map[string]any{}).Want(404)
	f.Client().Post(list, map[string]any{"body": "B"}).Want(401)
	f.bob.Get("/v1/posts/" + nowhere + "/comments?sort=worst").Want(404)
	for _, id := range []string{nowhere, noID} {
		if got := f.bob.Get("/v1/posts/" + post + "/comments?parent=" + id).Want(200).Items(); len(got) != 0 {
			t.Errorf("below %s: %v", id, got)
		}
	}
	f.bob.Get("/v1/comments/" + nowhere).Want(404)
}

// F4: edit by the author; delete by the author and moderators, which keeps
// the place.
func TestF4_EditAndDelete(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	post := makePost(f.alice, f.board, nil)
	f.see(f.alice)
	a := say(f.bob, post, "")
	b := say(f.bob, post, a)
	f.see(f.bob)
	comment := "/v1/comments/" + a
	was := f.bob.Get(comment).Header.Get("ETag")
	f.alice.Patch(comment, map[string]any{"body": "Mine"}).Want(403)
	f.admin.Patch(comment, map[string]any{"body": "Mine"}).Want(403)
	f.bob.Patch(comment, map[string]any{"body": ""}).Want(422)
	f.bob.Patch(comment, map[string]any{}).Want(422)
	edited := f.bob.Patch(comment, map[string]any{"body": "Edited secret @" + f.alice.Account.Handle}, harness.Header{Name: "If-Match", Value: was}).Want(200)
	if m := edited.Map(); m["editedAt"] == nil || !strings.HasPrefix(fmt.Sprint(m["body"]), "Edited") || len(m["mentions"].([]any)) != 1 {
		t.Errorf("edited: %v", m)
	}
	f.bob.Patch(comment, map[string]any{"body": "Again"}, harness.Header{Name: "If-Match", Value: was}).Want(412)

	f.alice.Delete(comment).Want(403)
	f.bob.Delete(comment, harness.Header{Name: "If-Match", Value: was}).Want(412)
	for range 2 {
		f.bob.Delete(comment).Want(204)
	}
	f.see(f.bob)
	m := f.alice.Get(comment).Want(200).Map()
	if m["deleted"] != true || m["body"] != "" || m["html"] != "" || len(m["mentions"].([]any)) != 0 || m["replies"] != 1.0 {
		t.Errorf("deleted: %v", m)
	}
	list := f.alice.Get("/v1/posts/" + post + "/comments").Want(200)
	if strings.Contains(list.String(), "secret") || len(list.Items()) != 2 || list.Items()[0]["id"] != a {
		t.Errorf("it lost its place: %s", list)
	}
	if got := f.alice.Get("/v1/posts/" + post).Map()["comments"]; got != 1.0 {
		t.Errorf("post.comments: %v", got)
	}
	f.bob.Patch(comment, map[string]any{"body": "Back"}).Want(409, "comment.deleted")
	f.alice.Put(comment+"/reactions/like", nil).Want(409, "comment.deleted")
	f.alice.Post("/v1/posts/"+post+"/comments", map[string]any{"body": "B", "parentId": a}).Want(409, "comment.deleted")
	f.admin.Delete("/v1/comments/" + b).Want(204)
	f.see(f.admin)
	if got := f.alice.Get(comment).Map()["replies"]; got != 0.0 {
		t.Errorf("replies: %v", got)
	}
	f.alice.Delete("/v1/comments/" + nowhere).Want(404)
	f.Client().Delete(comment).Want(401)
}

// F8: who was blocked says nothing more below a post, but may take back what
// was said.
func TestF8_EditAcrossBlock(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	post := makePost(f.alice, f.board, nil)
	f.see(f.alice)
	comment := "/v1/comments/" + say(f.bob, post, "")
	f.see(f.bob)
	was := f.admin.Get(comment).Want(200).Map()["body"]
	f.alice.Put("/v1/accounts/"+f.bob.Account.ID+"/block", nil).Want(204)
	f.see(f.alice)
	f.bob.Patch(comment, map[string]any{"body": "An insult"}).Want(404)
	if got := f.admin.Get(comment).Want(200).Map()["body"]; got != was {
		t.Errorf("it says %v now", got)
	}
	f.bob.Delete(comment).Want(204)
}

// F4: accept an answer on a question.
func TestF4_Answer(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	question := makePost(f.alice, f.board, map[string]any{"type": "question"})
	article := makePost(f.alice, f.board, nil)
	f.see(f.alice)
	answer, wrong := say(f.bob, question, ""), say(f.bob, article, "")
	f.see(f.bob)
	at := "/v1/posts/" + question + "/answer"
	f.bob.Put(at, map[string]any{"commentId": answer}).Want(403)
	for _, bad := range []any{map[string]any{}, map[string]any{"commentId": "x"}, map[string]any{"commentId": wrong}, map[string]any{"commentId": nowhere}} {
		f.alice.Put(at, bad).Want(422)
	}
	for range 2 {
		if p := f.alice.Put(at, map[string]any{"commentId": answer}).Want(200).Map(); p["answerId"] != answer {
			t.Errorf("answer: %v", p["answerId"])
		}
	}
	f.alice.Put("/v1/posts/"+article+"/answer", map[string]any{"commentId": wrong}).Want(409, "post.not_a_question")
	if p := f.alice.Put(at, map[string]any{"commentId": nil}).Want(200).Map(); p["answerId"] != nil {
		t.Errorf("answer: %v", p["answerId"])
	}
	f.alice.Put(at, map[string]any{"commentId": answer}).Want(200)
	f.alice.Put(at, map[string]any{"commentId": noID}).Want(422)
	f.bob.Delete("/v1/comments/" + answer).Want(204)
	f.see(f.bob)
	if p := f.alice.Get("/v1/posts/" + question).Map(); p["answerId"] != nil {
		t.Errorf("a deleted answer stays: %v", p["answerId"])
	}
	f.alice.Put(at, map[string]any{"commentId": answer}).Want(422)
}

// F5: one of a kind for each person, right under concurrency and after a
// restart that builds the tables anew.
func TestF5_Reactions(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	post := makePost(f.alice, f.board, nil)
	f.see(f.alice)
	comment := say(f.bob, post, "")
	f.see(f.bob)
	for _, subject := range []string{"/v1/posts/" + post, "/v1/comments/" + comment} {
		for range 2 {
			f.bob.Put(subject+"/reactions/like", nil).Want(204)
		}
		f.bob.Put(subject+"/reactions/sad", nil).Want(204)
		f.see(f.bob)
		f.alice.Put(subject+"/reactions/like", nil).Want(204)
		f.see(f.alice)
		m := f.bob.Get(subject).Map()
		if fmt.Sprint(m["reactions"]) != "map[like:2 sad:1]" || fmt.Sprint(dig(m, "viewer", "reactions")) != "[like sad]" {
			t.Errorf("reactions: %v %v", m["reactions"], dig(m, "viewer", "reactions"))
		}
		for range 2 {
			f.bob.Delete(subject + "/reactions/sad").Want(204)
		}
		if m := f.bob.Get(subject).Map(); fmt.Sprint(m["reactions"]) != "map[like:2]" || fmt.Sprint(dig(m, "viewer", "reactions")) != "[like]" {
			t.Errorf("zero counts: %v", m["reactions"])
		}
		if m := f.Client().Get(subject).Map(); fmt.Sprint(dig(m, "viewer", "reactions")) != "[]" {
			t.Errorf("a visitor's: %v", m["viewer"])
		}
		f.bob.Put(subject+"/reactions/envy", nil).Want(422, "reaction.unknown")
		f.bob.Delete(subject+"/reactions/envy").Want(422, "reaction.unknown")
		f.Client().Put(subject+"/reactions/like", nil).Want(401)
	}
	f.bob.Put("/v1/posts/"+nowhere+"/reactions/envy", nil).Want(404)
	f.bob.Put("/v1/comments/"+nowhere+"/reactions/like", nil).Want(404)
	f.bob.Put("/v1/posts/x/reactions/like", nil).Want(404)

	people := []*harness.Client{f.admin, f.alice, f.bob}
	for i := range 5 {
		people = append(people, f.NewPerson(fmt.Sprint("p", i)))
	}
	var all sync.WaitGroup
	for i, p := range people {
		for range 3 { // the same person on three devices
			all.Go(func() {
				c := f.SignIn(p.Account.Handle)
				for j := range 4 {
					if c.Put("/v1/posts/"+post+"/reactions/happy", nil).Status != 204 {
						t.Error("not taken")
					}
					if i%2 == 0 && j < 3 {
						c.Delete("/v1/posts/" + post + "/reactions/happy")
					}
				}
			})
		}
	}
	all.Wait()
	for _, p := range people {
		p.Put("/v1/posts/"+post+"/reactions/happy", nil).Want(204)
		f.bob.Position = p.Position
	}
	counted := func(when string) {
		t.Helper()
		if got := dig(f.bob.Get("/v1/posts/"+post).Map(), "reactions", "happy"); got != float64(len(people)) {
			t.Errorf("%s: %v, want %d", when, got, len(people))
		}
	}
	counted("after a crowd")
	before := fmt.Sprint(f.bob.Get("/v1/posts/"+post).Map(), f.bob.Get("/v1/comments/"+comment).Map())
	f.Stop()
	if err := os.RemoveAll(filepath.Join(f.Data, "tables")); err != nil {
		t.Fatal(err)
	}
	f.Again(false)
	f.Move(f.bob)
	counted("after a rebuild")
	if after := fmt.Sprint(f.bob.Get("/v1/posts/"+post).Map(), f.bob.Get("/v1/comments/"+comment).Map()); after != before {
		t.Errorf("after a rebuild:\n%s\nwas\n%s", after, before)
	}
}

// F5: kinds are a setting.
func TestF5_Kinds(t *testing.T) {
	t.Parallel()
	f := newForum(t, harness.Flags("--reactions=like,party"))
	post := makePost(f.alice, f.board, nil)
	f.alice.Put("/v1/posts/"+post+"/reactions/party", nil).Want(204)
	f.alice.Put("/v1/posts/"+post+"/reactions/love", nil).Want(422, "reaction.unknown")
}
