package acceptance

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

const queue = "/v1/moderation/reports"

// court is a forum where bob moderates, alice writes and carol reports.
type court struct {
	*forum
	carol *harness.Client
	post  string // of alice's
}

func newCourt(t *testing.T) *court {
	t.Helper()
	f := newForum(t)
	c := &court{forum: f, carol: f.NewPerson("carol")}
	f.admin.Put("/v1/boards/"+f.board+"/moderators/"+f.bob.Account.ID, nil).Want(204)
	c.see(f.admin)
	c.post = makePost(f.alice, f.board, nil)
	c.see(f.alice)
	return c
}

func (c *court) see(who *harness.Client) {
	c.forum.see(who)
	c.carol.Position = who.Position
}

// about is the body of a report.
func about(kind, id, reason string) body {
	return body{"subject": body{"type": kind, "id": id}, "reason": reason}
}

// report lets carol report something, and everybody see it.
func (c *court) report(kind, id string) string {
	c.see(c.alice)
	made := c.carol.Post("/v1/reports", about(kind, id, "spam")).Want(201).ID()
	c.see(c.carol)
	return made
}

// decide lets somebody decide a report, and everybody see it.
func (c *court) decide(by *harness.Client, id string, decision body) *harness.Answer {
	a := by.Put(queue+"/"+id, decision)
	c.see(by)
	return a
}

// F11: anything can be reported that one can see; one's own report that waits
// comes back.
func TestF11_Report(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	comment := say(c.alice, c.post, "")
	room := group(c.alice, c.carol)
	message := c.alice.Post("/v1/rooms/"+room+"/messages", body{"text": "psst"}).Want(201).ID()
	c.see(c.alice)
	for kind, id := range map[string]string{
		"post": c.post, "comment": comment, "message": message, "account": c.alice.Account.ID, "board": c.board, "hashtag": "日本語",
	} {
		first := c.carol.Post("/v1/reports", about(kind, id, "spam\nand more")).Want(201)
		m := first.Map()
		if dig(m, "subject", "type") != kind || dig(m, "subject", "id") != id || m["reason"] != "spam\nand more" || m["state"] != "open" ||
			m["action"] != nil || dig(m, "reporter", "id") != c.carol.Account.ID || m["createdAt"] == nil || first.Header.Get("ETag") == "" {
			t.Errorf("%s: %s", kind, first)
		}
		if again := c.carol.Post("/v1/reports", about(kind, id, "again")).Want(200); again.ID() != first.ID() || again.Map()["reason"] != "spam\nand more" {
			t.Errorf("%s again: %s", kind, again)
		}
		if mine := c.carol.Get(queue + "/" + first.ID()).Want(200); mine.Map()["reason"] != "spam\nand more" {
			t.Errorf("%s as its reporter sees it: %s", kind, mine)
		}
		if kind != "message" {
			if a := c.bob.Post("/v1/reports", about(kind, id, "me too")).Want(201); a.ID() == first.ID() {
				t.Errorf("%s: two people share a report", kind)
			}
		}
	}
	for _, sign := range []string{"#", "＃"} {
		if a := c.carol.Post("/v1/reports", about("hashtag", sign+"日本語", "again")).Want(200); dig(a.Map(), "subject", "id") != "日本語" {
			t.Errorf("a hashtag with its sign: %s", a)
		}
	}
}

// F11: what cannot be reported, and how.
func TestF11_BadReports(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	room := group(c.alice, c.carol)
	message := c.alice.Post("/v1/rooms/"+room+"/messages", body{"text": "psst"}).Want(201).ID()
	draft := makePost(c.alice, c.board, body{"draft": true})
	deleted, silenced := makePost(c.alice, c.board, nil), say(c.alice, c.post, "")
	gone := c.alice.Post("/v1/rooms/"+room+"/messages", body{"text": "oops"}).Want(201)
	c.alice.Delete("/v1/posts/" + deleted).Want(204)
	c.alice.Delete("/v1/comments/" + silenced).Want(204)
	c.alice.Delete("/v1/rooms/" + room + "/messages/" + number(gone)).Want(204)
	secret := makePost(c.alice, c.board, body{"anonymous": true})
	c.see(c.alice)
	c.Client().Post("/v1/reports", about("post", c.post, "spam")).Want(401, "auth.missing")
	for name, test := range map[string]struct {
		body   body
		status int
		slug   string
	}{
		"no reason":            {about("post", c.post, ""), 422, "request.invalid"},
		"a blank reason":       {about("post", c.post, " \n"), 422, "request.invalid"},
		"a long reason":        {about("post", c.post, strings.Repeat("ü", 2001)), 422, "request.invalid"},
		"NUL":                  {about("post", c.post, "a\x00b"), 422, "text.invalid"},
		"no subject":           {body{"reason": "spam"}, 422, "request.invalid"},
		"an unknown kind":      {about("room", c.post, "spam"), 422, "request.invalid"},
		"no id":                {about("post", "x", "spam"), 422, "request.invalid"},
		"nothing there":        {about("post", uuid.NewString(), "spam"), 404, "not_found"},
		"no such comment":      {about("comment", c.post, "spam"), 404, "not_found"},
		"no such message":      {about("message", c.post, "spam"), 404, "not_found"},
		"no such account":      {about("account", c.post, "spam"), 404, "not_found"},
		"no such board":        {about("board", c.post, "spam"), 404, "not_found"},
		"no hashtag":           {about("hashtag", "a b", "spam"), 404, "not_found"},
		"another's draft":      {about("post", draft, "spam"), 404, "not_found"},
		"a deleted post":       {about("post", deleted, "spam"), 409, "post.deleted"},
		"a deleted comment":    {about("comment", silenced, "spam"), 409, "comment.deleted"},
		"a deleted message":    {about("message", gone.ID(), "spam"), 404, "not_found"},
		"a message, no reason": {about("message", message, ""), 422, "request.invalid"},
		"hidden, and wrong":    {about("post", draft, ""), 404, "not_found"},
	} {
		if a := c.carol.Post("/v1/reports", test.body); a.Status != test.status || a.Error != test.slug {
			t.Errorf("%s: %s", name, a)
		}
	}
	c.bob.Post("/v1/reports", about("message", message, "spam")).Want(404) // he is not in the room
	for kind, id := range map[string]string{"post": c.post, "message": message, "account": c.alice.Account.ID} {
		c.alice.Post("/v1/reports", about(kind, id, "spam")).Want(422, "account.self")
	}
	c.alice.Post("/v1/reports", about("post", secret, "spam")).Want(422, "account.self")

	c.alice.Put("/v1/accounts/"+c.carol.Account.ID+"/block", nil).Want(204)
	c.see(c.alice)
	for kind, id := range map[string]string{"post": c.post, "account": c.alice.Account.ID} {
		c.carol.Post("/v1/reports", about(kind, id, "spam")).Want(404)
	}
	c.carol.Post("/v1/reports", about("post", secret, "spam")).Want(201) // no block tells whose it is
	c.alice.Post("/v1/reports", about("account", c.carol.Account.ID, "a pest")).Want(201)
}

// F11: administrators see all, moderators what stands on their boards, others
// nothing.
func TestF11_Queue(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	elsewhere := newBoard(c.Server, c.admin)
	c.see(c.admin)
	comment, other := say(c.alice, c.post, ""), makePost(c.alice, elsewhere, nil)
	all := []string{
		c.report("hashtag", "go"), c.report("account", c.alice.Account.ID), c.report("board", c.board),
		c.report("post", other), c.report("comment", comment), c.report("post", c.post),
	}
	slices.Reverse(all) // newest first
	bobs := all[:2]
	c.decide(c.bob, bobs[1], body{"action": "none", "reason": "fine"}).Want(200)
	shown := func(who *harness.Client, filter string) []string { return allPages(who, queue+filter) }
	for _, test := range []struct {
		what   string
		who    *harness.Client
		filter string
		want   []string
	}{
		{"the administrator's", c.admin, "", all},
		{"open ones", c.admin, "?state=open", slices.DeleteFunc(slices.Clone(all), func(id string) bool { return id == bobs[1] })},
		{"resolved ones", c.admin, "?state=resolved", bobs[1:]},
		{"appealed ones", c.admin, "?state=appealed", nil},
		{"the board's", c.admin, "?board=" + c.board, append(slices.Clone(bobs), all[3])},
		{"another board's", c.admin, "?board=" + elsewhere, all[2:3]},
		{"the moderator's", c.bob, "", bobs},
		{"the moderator's board's", c.bob, "?board=" + c.board + "&state=open", bobs[:1]},
	} {
		if got := shown(test.who, test.filter); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.what, got, test.want)
		}
	}
	page := c.admin.Get(queue + "?limit=2").Want(200)
	next := c.admin.Get(queue + "?limit=2&cursor=" + page.Next()).Want(200).Items()
	if len(next) != 2 || next[0]["id"] != all[2] || next[0]["boardId"] != elsewhere || dig(next[0], "reporter", "id") != c.carol.Account.ID {
		t.Errorf("the second page: %v", next)
	}
	c.bob.Get(queue+"?limit=2&cursor="+page.Next()).Want(400, "list.cursor")
	c.admin.Get(queue + "?state=closed").Want(422)
	c.admin.Get(queue + "?board=x").Want(422)
	for _, board := range []string{uuid.NewString(), noID} {
		c.admin.Get(queue + "?board=" + board).Want(404)
		c.bob.Get(queue + "?board=" + board).Want(404)
	}
	c.Client().Get(queue).Want(401)
	for _, who := range []*harness.Client{c.alice, c.carol} {
		who.Get(queue).Want(403)
		who.Get(queue + "?board=" + c.board).Want(403)
	}
	c.bob.Get(queue + "?board=" + elsewhere).Want(403)

	// One alone: for who decides, who reported, and whom it is about.
	c.bob.Get(queue + "/" + bobs[0]).Want(200)
	c.bob.Get(queue + "/" + all[2]).Want(404)
	c.Client().Get(queue + "/" + bobs[0]).Want(401)
	c.admin.Get(queue + "/" + uuid.NewString()).Want(404)
	c.admin.Get(queue + "/x").Want(404)
	c.NewPerson("dave").Get(queue + "/" + bobs[0]).Want(404)
}

// F11: a decision does what it says, in the open with its reason, and the next
// one takes it back.
func TestF11_Decide(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	comment := say(c.bob, c.post, "")
	c.see(c.bob)
	reply := say(c.alice, c.post, comment)
	c.see(c.alice)
	c.alice.Put("/v1/posts/"+c.post+"/reactions/like", nil).Want(204)
	onReply, onPost := c.report("comment", reply), c.report("post", c.post)
	for name, test := range map[string]struct {
		who    *harness.Client
		report string
		body   body
		status int
	}{
		"no action":             {c.bob, onPost, body{"reason": "r"}, 422},
		"an unknown action":     {c.bob, onPost, body{"action": "shame", "reason": "r"}, 422},
		"no reason":             {c.bob, onPost, body{"action": "none"}, 422},
		"a blank reason":        {c.bob, onPost, body{"action": "remove", "reason": " "}, 422},
		"a long reason":         {c.bob, onPost, body{"action": "remove", "reason": strings.Repeat("x", 501)}, 422},
		"until, and no suspend": {c.bob, onPost, body{"action": "remove", "reason": "r", "until": "2100-01-01T00:00:00Z"}, 422},
		"the past":              {c.admin, onPost, body{"action": "suspend", "reason": "r", "until": "2020-01-01T00:00:00Z"}, 422},
		"no time":               {c.admin, onPost, body{"action": "suspend", "reason": "r", "until": "soon"}, 422},
		"moderators suspend":    {c.bob, onPost, body{"action": "suspend", "reason": ""}, 403},
		"the author":            {c.alice, onPost, body{"action": "none", "reason": "r"}, 403},
		"the reporter":          {c.carol, onPost, body{"action": "none", "reason": "r"}, 403},
		"nothing there":         {c.admin, uuid.NewString(), body{"action": "none", "reason": "r"}, 404},
		"nothing, for others":   {c.alice, uuid.NewString(), body{"action": "none", "reason": "r"}, 403},
	} {
		if a := test.who.Put(queue+"/"+test.report, test.body); a.Status != test.status {
			t.Errorf("%s: %s", name, a)
		}
	}
	c.Client().Put(queue+"/"+onPost, body{"action": "none", "reason": "r"}).Want(401)
	stale := harness.Header{Name: "If-Match", Value: `"` + uuid.NewString() + `"`}
	c.bob.Put(queue+"/"+onPost, body{"action": "remove", "reason": "r"}, stale).Want(412)
	c.carol.Get("/v1/posts/" + c.post).Want(200)

	a := c.decide(c.bob, onReply, body{"action": "remove", "reason": "rude"}).Want(200)
	if m := a.Map(); m["state"] != "resolved" || m["action"] != "remove" || dig(m, "decision", "reason") != "rude" || dig(m, "decision", "by", "id") != c.bob.Account.ID {
		t.Errorf("resolved: %s", a)
	}
	if m := c.carol.Get("/v1/comments/" + reply).Want(200).Map(); m["deleted"] != true || m["body"] != "" {
		t.Errorf("removed: %v", m)
	}
	c.decide(c.bob, onReply, body{"action": "remove", "reason": "rude"}).Want(200)
	if m := c.carol.Get(queue + "/" + onReply).Want(200).Map(); m["action"] != "remove" || dig(m, "decision", "reason") != nil || dig(m, "decision", "by") != nil {
		t.Errorf("as its reporter sees it: %v", m)
	}
	c.decide(c.bob, onReply, body{"action": "none", "reason": "on second thought"}).Want(200)
	if m := c.carol.Get("/v1/comments/" + reply).Want(200).Map(); m["deleted"] != false || m["body"] == "" || dig(m, "author", "id") != c.alice.Account.ID {
		t.Errorf("put back: %v", m)
	}
	if m := c.carol.Get("/v1/posts/" + c.post).Want(200).Map(); m["comments"] != 2.0 {
		t.Errorf("comments: %v", m["comments"])
	}
	c.decide(c.bob, onPost, body{"action": "remove", "reason": "rude"}).Want(200)
	if m := c.carol.Get("/v1/posts/" + c.post).Want(200).Map(); m["state"] != "deleted" {
		t.Errorf("removed: %v", m)
	}
	c.carol.Post("/v1/reports", about("post", c.post, "still")).Want(409, "post.deleted")
	c.decide(c.bob, onPost, body{"action": "none", "reason": "fine"}).Want(200)
	if m := c.carol.Get("/v1/posts/" + c.post).Want(200).Map(); m["state"] != "published" || m["title"] == "" || m["comments"] != 2.0 || dig(m, "reactions", "like") != 1.0 {
		t.Errorf("put back: %v", m)
	}
	if again := c.report("post", c.post); again == onPost { // the first was heard
		t.Error("a report that was resolved comes back")
	}
	var acts []string
	for _, item := range c.admin.Get("/v1/admin/audit?limit=6").Want(200).Items() {
		acts = append(acts, item["act"].(string))
		if item["act"] == "report.decided" && item["reason"] == nil || dig(item, "actor", "id") != c.bob.Account.ID {
			t.Errorf("an act without reason or actor: %v", item)
		}
	}
	if want := []string{"report.decided", "post.restored", "report.decided", "post.deleted", "report.decided", "comment.restored"}; !slices.Equal(acts, want) {
		t.Errorf("the audit: %v", acts)
	}
}

// F11: what its author deleted no decision gives back, but what was removed,
// also where the author decided; an accepted answer is accepted again.
func TestF11_TakesBackItsOwnAlone(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	question := makePost(c.alice, c.board, body{"type": "question"})
	c.see(c.alice)
	answer := say(c.bob, question, "")
	c.see(c.bob)
	c.alice.Put("/v1/posts/"+question+"/answer", body{"commentId": answer}).Want(200)
	onAnswer, onPost := c.report("comment", answer), c.report("post", c.post)
	c.decide(c.admin, onAnswer, body{"action": "remove", "reason": "wrong"}).Want(200)
	if m := c.alice.Get("/v1/posts/" + question).Want(200).Map(); m["answerId"] != nil {
		t.Errorf("it is removed and accepted: %v", m)
	}
	c.decide(c.admin, onAnswer, body{"action": "none", "reason": "right"}).Want(200)
	if m := c.alice.Get("/v1/posts/" + question).Want(200).Map(); m["answerId"] != answer {
		t.Errorf("it is put back and not accepted: %v", m)
	}
	c.decide(c.bob, onAnswer, body{"action": "remove", "reason": "my own"}).Want(200)
	c.decide(c.bob, onAnswer, body{"action": "none", "reason": "still right"}).Want(200)
	if m := c.alice.Get("/v1/comments/" + answer).Want(200).Map(); m["deleted"] != false {
		t.Errorf("his own did not come back: %v", m)
	}
	c.alice.Delete("/v1/posts/" + c.post).Want(204)
	c.see(c.alice)
	c.decide(c.bob, onPost, body{"action": "remove", "reason": "rude"}).Want(200)
	c.decide(c.bob, onPost, body{"action": "none", "reason": "fine"}).Want(200)
	if m := c.alice.Get("/v1/posts/" + c.post).Want(200).Map(); m["state"] != "deleted" {
		t.Errorf("what she deleted came back: %v", m)
	}
}

// number is that of a message that was sent, as paths have it.
func number(sent *harness.Answer) string { return fmt.Sprint(sent.Map()["number"]) }
