package acceptance

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// suspended waits until every node treats somebody so.
func (c *court) suspended(who *harness.Client, is bool) {
	c.Eventually("every node to know", func() bool {
		for range 4 { // behind one address stand several
			if (who.Patch("/v1/me/profile", body{"bio": uuid.NewString()}).Status == 403) != is {
				return false
			}
		}
		return true
	})
}

// suspendedUntil is suspended that looks at the end too.
func (c *court) suspendedUntil(who *harness.Client, until string) {
	c.Eventually("every node to know of "+until, func() bool {
		for range 4 {
			a := who.Patch("/v1/me/profile", body{"bio": uuid.NewString()})
			if a.Error != "account.suspended" || a.Details[0].Problem != until {
				return false
			}
		}
		return true
	})
}

// F11, A12: suspending by a report is an administrator's, has an end, and is
// lifted by the next decision.
func TestF11_Suspend(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	onPost, onAccount := c.report("post", c.post), c.report("account", c.alice.Account.ID)
	onBoard, onTag := c.report("board", c.board), c.report("hashtag", "go")
	c.bob.Put(queue+"/"+onAccount, body{"action": "none", "reason": "r"}).Want(403)
	c.bob.Put(queue+"/"+onPost, body{"action": "suspend", "reason": "r"}).Want(403)
	for _, id := range []string{onBoard, onTag} {
		for _, action := range []string{"remove", "suspend"} {
			c.admin.Put(queue+"/"+id, body{"action": action, "reason": "r"}).Want(422)
		}
		c.decide(c.admin, id, body{"action": "none", "reason": "r"}).Want(200)
	}
	c.admin.Put(queue+"/"+onAccount, body{"action": "remove", "reason": "r"}).Want(422)

	a := c.decide(c.admin, onPost, body{"action": "suspend", "reason": "spam", "until": "2100-01-31T12:00:00Z"}).Want(200)
	if m := a.Map(); m["action"] != "suspend" || dig(m, "decision", "until") != "2100-01-31T12:00:00.000Z" {
		t.Errorf("suspended: %s", a)
	}
	c.suspended(c.alice, true)
	c.carol.Get("/v1/posts/" + c.post).Want(200) // its author is suspended, not the post
	c.decide(c.admin, onPost, body{"action": "remove", "reason": "rather that"}).Want(200)
	c.suspended(c.alice, false)
	if m := c.carol.Get("/v1/posts/" + c.post).Want(200).Map(); m["state"] != "deleted" {
		t.Errorf("not removed: %v", m)
	}
	c.decide(c.admin, onAccount, body{"action": "suspend", "reason": "spam", "until": nil}).Want(200)
	c.suspended(c.alice, true)
	c.decide(c.admin, onAccount, body{"action": "none", "reason": "a mistake"}).Want(200)
	c.suspended(c.alice, false)

	c.suspendTwice(t, onPost, onAccount)

	own := c.carol.Post("/v1/reports", about("account", c.admin.Account.ID, "too strict")).Want(201).ID()
	c.see(c.carol)
	c.admin.Put(queue+"/"+own, body{"action": "suspend", "reason": "r"}).Want(422, "account.self")
}

// suspendTwice suspends alice for two reports, for longer and for shorter: each
// is taken back alone, in either order, and an administrator's own suspension
// takes the place of all.
func (c *court) suspendTwice(t *testing.T, onPost, onAccount string) {
	t.Helper()
	longer, shorter, between := "2100-01-31T12:00:00Z", "2080-01-31T12:00:00Z", "2090-01-31T12:00:00Z"
	suspend := func(id, until string) {
		c.decide(c.admin, id, body{"action": "suspend", "reason": until, "until": until}).Want(200)
	}
	takeBack := func(id string) {
		c.decide(c.admin, id, body{"action": "none", "reason": "a mistake"}).Want(200)
	}
	audited := func() []map[string]any {
		return c.admin.Get("/v1/admin/audit?limit=3&subject=" + c.alice.Account.ID).Want(200).Items()
	}
	suspend(onPost, longer)
	suspend(onAccount, shorter)
	c.suspendedUntil(c.alice, longer)
	acts := audited()
	if acts[1]["detail"] != "beside others, until "+longer || acts[0]["detail"] != "beside others, until "+shorter {
		t.Errorf("acts: %v", acts)
	}
	suspended := acts[1]["id"]
	takeBack(onPost)
	c.suspendedUntil(c.alice, shorter)
	if act := audited()[0]; act["act"] != "account.suspension_lifted" || act["detail"] != suspended || act["reason"] != "a mistake" {
		t.Errorf("%v, not of %v", act, suspended)
	}
	takeBack(onAccount)
	c.suspended(c.alice, false)

	suspend(onPost, longer)
	suspend(onAccount, shorter)
	takeBack(onAccount)
	c.suspendedUntil(c.alice, longer)
	suspend(onPost, between) // the same report, for shorter
	c.suspendedUntil(c.alice, between)
	takeBack(onPost)
	c.suspended(c.alice, false)

	standing := "/v1/accounts/" + c.alice.Account.ID + "/suspension"
	suspend(onPost, longer)
	c.admin.Put(standing, body{"reason": "by hand", "until": between}).Want(204)
	c.see(c.admin)
	c.suspendedUntil(c.alice, between)
	suspend(onAccount, shorter)
	takeBack(onPost) // which was replaced
	c.suspendedUntil(c.alice, between)
	c.admin.Delete(standing).Want(204)
	c.see(c.admin)
	c.suspended(c.alice, false)
	if act := audited()[0]; act["act"] != "account.suspension_lifted" || act["detail"] != nil {
		t.Errorf("all were lifted, and the audit says %v", act)
	}
	takeBack(onAccount) // which was lifted
}

// F11, N1: whom a decision is about is told, without a name, also while
// suspended, and may appeal once; the appeal is decided as the report was.
func TestF11_Appeal(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	id := c.report("post", c.post)
	appeal := queue + "/" + id + "/appeal"
	c.alice.Post(appeal, body{"reason": "no"}).Want(409, "report.nothing_to_appeal")
	tells(t, "nothing yet", c.alice, 0)
	c.decide(c.admin, id, body{"action": "suspend", "reason": "spam"}).Want(200)
	c.suspended(c.alice, true)
	tells(t, "the author", c.alice, 1, "moderation nobody 1 report false")
	tells(t, "the reporter", c.carol, 0)
	notice := c.alice.Get("/v1/notifications").Want(200)
	if subject := notice.Items()[0]["subject"]; dig(notice.Items()[0], "subject", "id") != id {
		t.Errorf("it leads to %v", subject)
	}
	mine := c.alice.Get(queue + "/" + id).Want(200)
	if m := mine.Map(); m["reporter"] != nil || m["reason"] != nil || m["action"] != "suspend" || dig(m, "decision", "reason") != "spam" || dig(m, "decision", "by") != nil {
		t.Errorf("as she sees it: %s", mine)
	}
	for _, name := range []string{c.carol.Account.ID, c.carol.Account.Handle, c.admin.Account.ID} {
		if strings.Contains(string(mine.Raw)+string(notice.Raw), name) {
			t.Errorf("it tells %q: %s %s", name, mine, notice)
		}
	}
	for _, reason := range []string{"", " ", strings.Repeat("x", 2001)} {
		c.alice.Post(appeal, body{"reason": reason}).Want(422)
	}
	c.Client().Post(appeal, body{"reason": "no"}).Want(401)
	for _, other := range []*harness.Client{c.carol, c.bob, c.admin} {
		other.Post(appeal, body{"reason": "no"}).Want(403)
	}
	stranger := c.NewPerson("dave")
	stranger.Position = c.alice.Position
	stranger.Post(appeal, body{"reason": "no"}).Want(404)
	c.alice.Post(queue+"/"+uuid.NewString()+"/appeal", body{"reason": "no"}).Want(404)

	a := c.alice.Post(appeal, body{"reason": "It was art."}).Want(200)
	if m := a.Map(); m["state"] != "appealed" || dig(m, "appeal", "reason") != "It was art." || m["reporter"] != nil {
		t.Errorf("appealed: %s", a)
	}
	c.see(c.alice)
	c.alice.Post(appeal, body{"reason": "again"}).Want(409, "report.appealed")
	if got := allPages(c.bob, queue+"?state=appealed"); len(got) != 1 || got[0] != id {
		t.Errorf("appeals in the queue: %v", got)
	}
	if m := c.carol.Get(queue + "/" + id).Want(200).Map(); m["appeal"] != nil || m["state"] != "appealed" {
		t.Errorf("as its reporter sees it: %v", m)
	}
	if again := c.carol.Post("/v1/reports", about("post", c.post, "again")).Want(200); again.ID() != id {
		t.Errorf("it waits again, and another one is made: %s", again)
	}
	c.decide(c.bob, id, body{"action": "none", "reason": "It is."}).Want(200)
	c.suspended(c.alice, false)
	c.see(c.alice)
	tells(t, "the end of it", c.alice, 2, "moderation nobody 1 report false")
	c.decide(c.bob, id, body{"action": "remove", "reason": "It is not."}).Want(200)
	c.alice.Post(appeal, body{"reason": "again"}).Want(409, "report.appealed")
	c.decide(c.bob, c.report("comment", say(c.alice, makePost(c.alice, c.board, nil), "")), body{"action": "none", "reason": "fine"}).Want(200)
	tells(t, "where nothing was done", c.alice, 3, "moderation nobody 1 report false")
}

// F11: a reported message brings a copy of itself, and is removed and put back
// by who never was in the room.
func TestF11_Messages(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	room := group(c.alice, c.carol)
	picture := c.alice.Upload("message", harness.Picture(100, 50, 1)).Want(201).ID()
	messages := "/v1/rooms/" + room + "/messages"
	sent := c.alice.Post(messages, body{"text": "Hi", "images": []string{picture}}).Want(201)
	at := messages + "/" + number(sent)
	c.alice.Patch(at, body{"text": "Dear @" + c.carol.Account.Handle}).Want(200)
	id := c.report("message", sent.ID())
	c.alice.Patch(at, body{"text": "I said nothing"}).Want(200)
	c.see(c.alice)
	a := c.admin.Get(queue + "/" + id).Want(200)
	copied, _ := a.Map()["message"].(map[string]any)
	if copied["text"] != "Dear @"+c.carol.Account.Handle || dig(copied, "sender", "id") != c.alice.Account.ID || copied["createdAt"] == nil || copied["editedAt"] == nil {
		t.Errorf("the copy: %s", a)
	}
	if images, _ := copied["images"].([]any); len(images) != 1 || dig(images[0].(map[string]any), "id") != picture {
		t.Errorf("its pictures: %v", copied["images"])
	}
	c.admin.Get(messages).Want(404)
	c.bob.Get(queue + "/" + id).Want(404) // it stands on no board
	c.bob.Put(queue+"/"+id, body{"action": "remove", "reason": "r"}).Want(403)

	unread := func() any { return c.carol.Get("/v1/rooms/" + room).Want(200).Map()["unread"] }
	before := unread()
	live := c.carol.Dial()
	live.Subscribe("room:"+room, nil)
	c.decide(c.admin, id, body{"action": "remove", "reason": "rude"}).Want(200)
	find := func(who *harness.Client) map[string]any {
		for _, m := range who.Get(messages).Want(200).Items() {
			if m["id"] == sent.ID() {
				return m
			}
		}
		t.Fatal("it has lost its place")
		return nil
	}
	if m := find(c.carol); m["deleted"] != true || m["text"] != "" || len(m["images"].([]any)) != 0 {
		t.Errorf("removed: %v", m)
	}
	if got := unread(); got == before {
		t.Errorf("%v unread, as before", got)
	}
	if images, _ := dig(c.admin.Get(queue+"/"+id).Want(200).Map(), "message", "images").([]any); len(images) != 1 {
		t.Error("its picture went with it")
	} else {
		link, _ := images[0].(map[string]any)["url"].(string)
		c.Client().Get(strings.TrimPrefix(link, c.Base)).Want(200)
	}
	c.decide(c.admin, id, body{"action": "none", "reason": "fine"}).Want(200)
	if m := find(c.carol); m["deleted"] != false || m["text"] != "I said nothing" || len(m["images"].([]any)) != 1 {
		t.Errorf("put back: %v", m)
	}
	if got := unread(); got != before {
		t.Errorf("%v unread, before it was %v", got, before)
	}
	if f := live.Next(); f.Type != "chat.message_deleted.v1" {
		t.Errorf("removed: %s", f.Raw)
	}
	if f := live.Next(); f.Type != "chat.message_edited.v1" || f.Map()["text"] != "I said nothing" || strings.Contains(f.Raw, c.admin.Account.ID) {
		t.Errorf("put back: %s", f.Raw)
	}
	c.alice.Delete(at).Want(204)
	c.see(c.alice)
	c.decide(c.admin, id, body{"action": "remove", "reason": "rude"}).Want(200)
	c.decide(c.admin, id, body{"action": "none", "reason": "fine"}).Want(200)
	if m := find(c.carol); m["deleted"] != true {
		t.Errorf("what she deleted came back: %v", m)
	}
}

// F11, Q4: programs with the scope read and decide as their maker; they report
// nothing and appeal nothing.
func TestF11_APIKeys(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	id := c.report("post", c.post)
	key, _ := makeKey(c.Server, c.admin, "moderation")
	key.Position = c.carol.Position
	letIn(t, key.Get(queue))
	a := key.Put(queue+"/"+id, body{"action": "none", "reason": "checked"}).Want(200)
	if dig(a.Map(), "decision", "by", "id") != c.admin.Account.ID {
		t.Errorf("decided: %s", a)
	}
	key.Post("/v1/reports", about("post", c.post, "spam")).Want(403, "auth.scope")
	key.Post(queue+"/"+id+"/appeal", body{"reason": "no"}).Want(403, "auth.scope")
	other, _ := makeKey(c.Server, c.admin, "admin")
	other.Get(queue).Want(403, "auth.scope")
	other.Put(queue+"/"+id, body{"action": "none", "reason": "r"}).Want(403, "auth.scope")
}
