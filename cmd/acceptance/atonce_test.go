package acceptance

import (
	"sync"
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// atOnce runs all of some calls at the same moment.
func atOnce(calls ...func()) {
	var all sync.WaitGroup
	begin := make(chan struct{})
	for _, call := range calls {
		all.Go(func() {
			<-begin
			call()
		})
	}
	close(begin)
	all.Wait()
}

// F11: two who decide at once and ask for the report as both saw it: one is
// refused, and the post stands as the other one said.
func TestF11_DecidedAtOnce(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	for range 12 {
		post := makePost(c.alice, c.board, nil)
		id := c.report("post", post)
		seen := harness.Header{Name: "If-Match", Value: c.admin.Get(queue + "/" + id).Want(200).Header.Get("ETag")}
		var remove, none *harness.Answer
		atOnce(
			func() { remove = c.bob.Put(queue+"/"+id, body{"action": "remove", "reason": "r"}, seen) },
			func() { none = c.admin.Put(queue+"/"+id, body{"action": "none", "reason": "n"}, seen) },
		)
		if remove.Status+none.Status != 200+412 {
			t.Fatalf("both: %s %s", remove, none)
		}
		winner, state := c.bob, "deleted"
		if none.Status == 200 {
			winner, state = c.admin, "published"
		}
		c.see(winner)
		// What the loser took back is in the log before it was answered; on a
		// cluster it has no position to read it by.
		c.Eventually("the post stands as was decided", func() bool {
			return c.alice.Get("/v1/posts/" + post).Want(200).Map()["state"] == state
		})
	}
}

// F3: two who move a post to the same board at once have both moved it.
func TestF3_MovedAtOnce(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	other := newBoard(c.Server, c.admin)
	c.see(c.admin)
	c.admin.Put("/v1/boards/"+other+"/moderators/"+c.bob.Account.ID, nil).Want(204)
	c.see(c.admin)
	for range 8 {
		post := makePost(c.alice, c.board, nil)
		c.see(c.alice)
		move := func(by *harness.Client) func() {
			return func() { by.Put("/v1/posts/"+post+"/board", body{"boardId": other}).Want(200) }
		}
		atOnce(move(c.bob), move(c.admin))
		c.see(c.bob)
	}
}
