package acceptance

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
	"github.com/parleyhq/parley/domain/event"
)

// F2, Q9: moderators of the board and administrators may be told who wrote an
// anonymous post, for a reason that is kept; nobody else is told by it.
func TestQ9_Unmask(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	secret, draft := makePost(c.alice, c.board, body{"anonymous": true}), makePost(c.alice, c.board, body{"anonymous": true, "draft": true})
	c.see(c.alice)
	comment := say(c.alice, secret, "")
	c.see(c.alice)
	unmask := "/v1/posts/" + secret + "/unmask"
	why := body{"reason": "threats"}

	c.Client().Post(unmask, why).Want(401)
	for _, other := range []*harness.Client{c.alice, c.carol} {
		other.Post(unmask, why).Want(403)
	}
	for _, reason := range []any{"", " \n", strings.Repeat("x", 501), nil} {
		c.bob.Post(unmask, body{"reason": reason}).Want(422)
	}
	c.bob.Post(unmask, body{}).Want(422)
	c.bob.Post("/v1/posts/"+draft+"/unmask", why).Want(404)
	c.bob.Post("/v1/posts/"+uuid.NewString()+"/unmask", why).Want(404)
	c.bob.Post("/v1/posts/x/unmask", why).Want(404)
	c.bob.Post("/v1/posts/"+c.post+"/unmask", why).Want(409, "post.not_anonymous")

	answers := func(who *harness.Client) (all []string) {
		for _, at := range []string{"/v1/posts/" + secret, "/v1/comments/" + comment, "/v1/posts/" + secret + "/comments", c.posts(), "/v1/feed?public=true"} {
			a := who.Get(at).Want(200)
			all = append(all, a.Header.Get("ETag")+string(a.Data))
		}
		return all
	}
	everybody := []*harness.Client{c.alice, c.bob, c.carol, c.admin, c.Client()}
	var before [][]string
	for _, who := range everybody {
		before = append(before, answers(who))
	}
	for _, who := range []*harness.Client{c.bob, c.admin} {
		a := who.Post(unmask, why).Want(200)
		if dig(a.Map(), "author", "id") != c.alice.Account.ID || dig(a.Map(), "author", "handle") != c.alice.Account.Handle {
			t.Errorf("unmasked: %s", a)
		}
		c.see(who)
	}
	for i, who := range everybody {
		for j, answer := range answers(who) {
			if answer != before[i][j] {
				t.Errorf("client %d, answer %d:\n%s\nbefore it was\n%s", i, j, answer, before[i][j])
			}
		}
	}
	audit := c.admin.Get("/v1/admin/audit?subject=" + secret).Want(200)
	acts := audit.Items()
	if len(acts) != 2 || acts[1]["act"] != "post.unmasked" || acts[1]["reason"] != "threats" || dig(acts[1], "actor", "id") != c.bob.Account.ID {
		t.Errorf("the audit: %v", acts)
	}
	if strings.Contains(string(audit.Raw), c.alice.Account.ID) {
		t.Errorf("the audit tells: %s", audit)
	}
	tells(t, "she is not told", c.alice, 0)
	key, _ := makeKey(c.Server, c.admin, "moderation")
	key.Position = c.admin.Position
	key.Post(unmask, why).Want(200)
}

// F11, Q9: reports tell nobody who wrote an anonymous post or its author's
// comments; who is to be suspended must be unmasked first.
func TestF11_Anonymous(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	secret := makePost(c.alice, c.board, body{"anonymous": true})
	c.see(c.alice)
	comment := say(c.alice, secret, "")
	c.see(c.alice)
	onPost, onComment := c.report("post", secret), c.report("comment", comment)
	suspend := body{"action": "suspend", "reason": "threats"}
	for _, id := range []string{onPost, onComment} {
		c.admin.Put(queue+"/"+id, suspend).Want(409, "report.masked")
		c.decide(c.bob, id, body{"action": "remove", "reason": "threats"}).Want(200)
		tells(t, "the author", c.alice, map[string]float64{onPost: 1, onComment: 2}[id], // each report is a subject of its own
			map[string][]string{
				onPost:    {"moderation nobody 1 report false"},
				onComment: {"moderation nobody 1 report false", "moderation nobody 1 report false"},
			}[id]...)
		a := c.alice.Post(queue+"/"+id+"/appeal", body{"reason": "It was art."}).Want(200)
		if a.Map()["reporter"] != nil {
			t.Errorf("as she sees it: %s", a)
		}
		c.see(c.alice)
	}
	c.bob.Post("/v1/posts/"+secret+"/unmask", body{"reason": "threats"}).Want(200)
	c.see(c.bob)
	c.decide(c.admin, onPost, suspend).Want(200)
	c.suspended(c.alice, true)
	for _, who := range []*harness.Client{c.admin, c.bob, c.carol} {
		for _, id := range []string{onPost, onComment} {
			if a := who.Get(queue + "/" + id).Want(200); strings.Contains(string(a.Raw), c.alice.Account.ID) || strings.Contains(string(a.Raw), c.alice.Account.Handle) {
				t.Errorf("it tells: %s", a)
			}
		}
	}
	c.decide(c.admin, onPost, body{"action": "none", "reason": "a mistake"}).Want(200)
	c.suspended(c.alice, false)
	if m := c.carol.Get("/v1/posts/" + secret).Want(200).Map(); m["state"] != "published" || m["author"] != nil {
		t.Errorf("put back: %v", m)
	}
}

// F11, Q9, invariant 9: nothing open in the log links who wrote an anonymous
// post to what was done to them for it.
func TestF11_AnonymousInTheLog(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	secret := makePost(c.alice, c.board, body{"anonymous": true})
	id := c.report("post", secret)
	trace := harness.Header{Name: "traceparent", Value: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
	c.admin.Post("/v1/posts/"+secret+"/unmask", body{"reason": "threats"}, trace).Want(200)
	c.admin.Put(queue+"/"+id, body{"action": "suspend", "reason": "threats"}, trace).Want(200)
	c.see(c.admin)
	c.alice.Post(queue+"/"+id+"/appeal", body{"reason": "no"}, trace).Want(200)
	c.see(c.alice)
	c.admin.Put(queue+"/"+id, body{"action": "remove", "reason": "rather that"}, trace).Want(200)
	c.see(c.admin)
	tells(t, "the author", c.alice, 2, "moderation nobody 1 report false")
	c.Stop()
	log := stoppedLog(t, c.Server)
	alice, met := c.alice.Account.ID, map[string]int{}
	beside, apart := map[string]string{}, map[string]string{} // correlations of what is about the report, and about alice
	for rec, err := range log.All(t.Context(), 0, event.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		open := rec.Stream + string(rec.Metadata) + string(rec.Data)
		about := strings.Contains(open, secret) || strings.Contains(open, id)
		hers := strings.Contains(open, alice)
		if about && hers {
			t.Errorf("%s of %s names her: %s %s", rec.Type, rec.Stream, rec.Metadata, rec.Data)
		}
		if meta := rec.Meta(); about || hers {
			for _, v := range []string{meta.Correlation, meta.Causation, meta.Trace, meta.Request} {
				switch {
				case v == "":
				case about:
					beside[v] = rec.Type
				default:
					apart[v] = rec.Type
				}
			}
			met[rec.Type]++
		}
		if field := map[string]string{"post.unmasked.v1": "hiddenAuthor", "account.suspended.v1": "report"}[rec.Type]; field != "" {
			var d map[string]json.RawMessage
			var hidden event.Sealed
			if err := json.Unmarshal(rec.Data, &d); err != nil || json.Unmarshal(d[field], &hidden) != nil || hidden.KeyID == "" {
				t.Errorf("%s stands open: %s", field, rec.Data)
			}
		}
	}
	for _, typ := range []string{
		"post.unmasked.v1", "report.made.v1", "report.decided.v1", "report.appealed.v1", "account.suspended.v1", "account.suspension_lifted.v1", "inbox.notified.v1",
	} {
		if met[typ] == 0 {
			t.Errorf("no %s: the test sees nothing", typ)
		}
	}
	for v, where := range beside {
		if other, both := apart[v]; both {
			t.Errorf("%q stands in %s and in %s", v, where, other)
		}
	}
}
