package acceptance

import (
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// F3, F11: who deletes a post before a moderator does cannot bring it back
// afterwards; what is not held against them any more is theirs again.
func TestF11_DeletedByBoth(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	post, report := "/v1/posts/"+c.post, c.report("post", c.post)
	state := func(want string) {
		t.Helper()
		if got := c.alice.Get(post).Want(200).Map()["state"]; got != want {
			t.Errorf("it is %v, want %s", got, want)
		}
	}
	c.alice.Delete(post).Want(204)
	c.see(c.alice)
	c.decide(c.bob, report, body{"action": "remove", "reason": "rude"}).Want(200)
	state("deleted")
	c.alice.Post(post+"/restore", nil).Want(403)
	c.alice.Delete(post).Want(204) // hers again? no
	c.alice.Post(post+"/restore", nil).Want(403)
	acts := c.admin.Get("/v1/admin/audit?subject=" + c.post).Want(200).Items()
	if len(acts) != 1 || acts[0]["act"] != "post.deleted" || dig(acts[0], "actor", "id") != c.bob.Account.ID {
		t.Errorf("acts: %v", acts)
	}
	c.decide(c.bob, report, body{"action": "none", "reason": "it was fine"}).Want(200)
	state("deleted") // that was her own wish
	tag := harness.Header{Name: "If-Match", Value: c.alice.Get(post).Want(200).Header.Get("ETag")}
	c.alice.Post(post+"/restore", nil, tag).Want(200)
	c.see(c.alice)
	state("published")

	// Without a report it is the same.
	c.alice.Delete(post).Want(204)
	c.see(c.alice)
	c.bob.Delete(post).Want(204)
	c.see(c.bob)
	c.alice.Post(post+"/restore", nil).Want(403)
	tag.Value = c.bob.Get(post).Want(200).Header.Get("ETag")
	c.bob.Post(post+"/restore", nil, tag).Want(200)
	c.see(c.bob)
	state("published")
}

// F11: deciding once more does again what somebody has undone by hand.
func TestF11_DecidedOnceMore(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	post, report := "/v1/posts/"+c.post, c.report("post", c.post)
	remove := body{"action": "remove", "reason": "rude"}
	c.decide(c.bob, report, remove).Want(200)
	c.admin.Post(post+"/restore", nil).Want(200)
	c.see(c.admin)
	for range 2 { // the second time there is nothing to do
		c.decide(c.bob, report, remove).Want(200)
		if got := c.alice.Get(post).Want(200).Map()["state"]; got != "deleted" {
			t.Errorf("it is %v", got)
		}
	}
	var decided int
	for _, act := range c.admin.Get("/v1/admin/audit?subject=" + report).Want(200).Items() {
		if act["act"] == "report.decided" {
			decided++
		}
	}
	if decided != 2 {
		t.Errorf("%d decisions", decided)
	}

	about := c.report("account", c.alice.Account.ID)
	suspend := body{"action": "suspend", "reason": "again and again"}
	standing := "/v1/accounts/" + c.alice.Account.ID + "/suspension"
	c.decide(c.admin, about, suspend).Want(200)
	c.admin.Delete(standing).Want(204)
	c.see(c.admin)
	c.alice.Post(c.posts(), body{"title": "T", "body": "B"}).Want(201)
	c.decide(c.admin, about, suspend).Want(200)
	c.alice.Post(c.posts(), body{"title": "T", "body": "B"}).Want(403, "account.suspended")
}
