package acceptance

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// F3: what moderators alone may do, and to what.
func TestF3_ForModerators(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	made := f.alice.Post(f.posts(), body{"title": "T", "body": "B"}).Want(201)
	post := "/v1/posts/" + made.ID()
	old := harness.Header{Name: "If-Match", Value: made.Header.Get("ETag")}
	f.see(f.alice)
	f.admin.Put("/v1/boards/"+f.board+"/moderators/"+f.bob.Account.ID, nil).Want(204)
	f.see(f.admin)
	to := body{"boardId": f.board}
	for _, act := range []string{"lock", "pin", "board"} {
		f.Client().Put(post+"/"+act, to).Want(401)
		f.alice.Put(post+"/"+act, to).Want(403) // the author is no moderator
		f.alice.Put(post+"/"+act, body{}).Want(403)
		for _, none := range []string{nowhere, "x"} {
			f.bob.Put("/v1/posts/"+none+"/"+act, to).Want(404)
		}
	}
	for _, act := range []string{"lock", "pin"} {
		for range 2 {
			f.bob.Put(post+"/"+act, nil).Want(204)
		}
		f.bob.Delete(post+"/"+act, old).Want(412)
		f.see(f.bob)
		p := f.alice.Get(post).Want(200)
		if key := act + "ed"; p.Map()[strings.Replace(key, "pined", "pinned", 1)] != true {
			t.Errorf("%s: %s", act, p)
		}
		f.alice.Delete(post + "/" + act).Want(403)
		f.bob.Delete(post+"/"+act, harness.Header{Name: "If-Match", Value: p.Header.Get("ETag")}).Want(204)
		f.bob.Delete(post + "/" + act).Want(204)
		f.see(f.bob)
		if p := f.alice.Get(post).Want(200).Map(); p["locked"] != false || p["pinned"] != false {
			t.Errorf("%s taken back: %v", act, p)
		}
	}
	draft := "/v1/posts/" + makePost(f.bob, f.board, body{"draft": true})
	f.see(f.bob)
	f.admin.Put(draft+"/lock", nil).Want(404)
	f.bob.Put(draft+"/lock", nil).Want(409, "post.not_published")
	f.bob.Put(draft+"/pin", nil).Want(409, "post.not_published")
	f.alice.Delete(post).Want(204)
	f.see(f.alice)
	f.bob.Put(post+"/lock", nil).Want(409, "post.deleted")
	f.bob.Put(post+"/pin", nil).Want(409, "post.deleted")
	f.bob.Put(post+"/board", to).Want(409, "post.deleted")
}

// F3: under a locked post nothing is said any more, by nobody; what was said
// may be taken back, and reactions go on.
func TestF3_Lock(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	id := makePost(f.alice, f.board, body{"type": "question"})
	post := "/v1/posts/" + id
	f.see(f.alice)
	said, other := say(f.bob, id, ""), say(f.bob, id, "")
	f.see(f.bob)
	f.admin.Put(post+"/lock", nil).Want(204)
	f.see(f.admin)
	for _, c := range []*harness.Client{f.alice, f.bob, f.admin} {
		c.Post(post+"/comments", body{"body": "B"}).Want(409, "post.locked")
		c.Post(post+"/comments", body{"body": "B", "parentId": said}).Want(409, "post.locked")
		c.Post(post+"/comments", body{"body": ""}).Want(422)
	}
	f.bob.Patch("/v1/comments/"+said, body{"body": "Changed"}).Want(409, "post.locked")
	f.bob.Patch("/v1/comments/"+said, body{"body": ""}).Want(422)
	f.alice.Patch("/v1/comments/"+said, body{"body": "Changed"}).Want(403)
	f.bob.Put(post+"/reactions/like", nil).Want(204)
	f.bob.Put("/v1/comments/"+said+"/reactions/like", nil).Want(204)
	f.alice.Put(post+"/answer", body{"commentId": said}).Want(200)
	f.alice.Patch(post, body{"title": "Changed"}).Want(200)
	f.bob.Delete("/v1/comments/" + other).Want(204)
	f.admin.Delete(post + "/lock").Want(204)
	f.see(f.admin)
	f.bob.Patch("/v1/comments/"+said, body{"body": "Changed"}).Want(200)
	say(f.alice, id, said)
}

// F3, F12: pinned posts lead their board across pages, and whatever is pinned,
// unpinned or published meanwhile, no page shows a post twice or passes one over.
func TestF3_Pins(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	var ids []string
	for range 7 {
		ids = append(ids, makePost(f.alice, f.board, nil))
	}
	f.see(f.alice)
	pin := func(n int) { f.admin.Put("/v1/posts/"+ids[n]+"/pin", nil).Want(204) }
	inOrder := func(order ...int) string {
		list := make([]string, len(order))
		for i, n := range order {
			list[i] = ids[n]
		}
		return fmt.Sprint(list)
	}
	pin(1)
	pin(4)
	pin(0)
	f.see(f.admin)
	for _, limit := range []string{"1", "2", "3", "4", "7", "100"} {
		if got, want := fmt.Sprint(allPages(f.bob, f.posts()+"?limit="+limit)), inOrder(4, 1, 0, 6, 5, 3, 2); got != want {
			t.Errorf("pages of %s: %s, want %s", limit, got, want)
		}
	}
	// Elsewhere they stand by time.
	if got := fmt.Sprint(allPages(f.bob, "/v1/feed?public=true")); got != inOrder(6, 5, 4, 3, 2, 1, 0) {
		t.Errorf("feed: %s", got)
	}
	var got []string
	page := f.bob.Get(f.posts() + "?limit=2").Want(200) // 4, 1
	for _, between := range []func(){
		func() { f.admin.Delete("/v1/posts/" + ids[4] + "/pin").Want(204); pin(2) }, // 0, 6
		func() { f.admin.Delete("/v1/posts/" + ids[0] + "/pin").Want(204); pin(5) }, // 5, 3
		func() { pin(6); makePost(f.admin, f.board, nil) },                          // 2
		nil,
	} {
		for _, item := range page.Items() {
			got = append(got, item["id"].(string))
		}
		if between != nil {
			between()
			f.see(f.admin)
			page = f.bob.Get(f.posts() + "?limit=2&cursor=" + page.Next()).Want(200)
		}
	}
	if want := inOrder(4, 1, 0, 6, 5, 3, 2); fmt.Sprint(got) != want || page.Next() != "" {
		t.Errorf("while pins change: %v, want %s", got, want)
	}
	f.admin.Delete("/v1/posts/" + ids[5]).Want(204)
	f.see(f.admin)
	if got := allPages(f.bob, f.posts()+"?limit=2"); fmt.Sprint(got[:3]) != inOrder(6, 2, 1) || slices.Contains(got, ids[5]) {
		t.Errorf("afterwards: %v", got)
	}
	f.admin.Post("/v1/posts/"+ids[5]+"/restore", nil).Want(200)
	f.see(f.admin)
	if got := allPages(f.bob, f.posts()); fmt.Sprint(got[:4]) != inOrder(6, 5, 2, 1) {
		t.Errorf("restored: %v", got)
	}
}

// F3: a move carries counts, hashtags and the feeds of who follows the boards,
// for those who moderate both.
func TestF3_Move(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	target, closed := newBoard(f.Server, f.admin), newBoard(f.Server, f.admin)
	f.admin.Put("/v1/boards/"+f.board+"/moderators/"+f.bob.Account.ID, nil).Want(204)
	f.admin.Put("/v1/boards/"+f.board+"/follow", nil).Want(204)
	f.see(f.admin)
	follower := f.NewPerson("follower")
	follower.Put("/v1/boards/"+target+"/follow", nil).Want(204)
	id := makePost(f.alice, f.board, body{"title": "Zugvogel", "body": "#moved"})
	post := "/v1/posts/" + id
	f.see(f.alice)
	f.admin.Put(post+"/pin", nil).Want(204)
	f.see(f.admin)
	on := func(board, other string) {
		t.Helper()
		f.see(f.admin)
		follower.Position = f.admin.Position
		for b, want := range map[string]string{board: "[" + id + "]", other: "[]"} {
			if got := fmt.Sprint(allPages(f.bob, "/v1/boards/"+b+"/posts")); got != want {
				t.Errorf("posts: %s, want %s", got, want)
			}
			if got := fmt.Sprint(search(f.bob, "zugvogel", "&board="+b)); got != want {
				t.Errorf("found: %s, want %s", got, want)
			}
			m := f.bob.Get("/v1/boards/" + b).Want(200).Map()
			if here := want != "[]"; here != (m["posts"] == 1.) || here != (fmt.Sprint(m["hashtags"]) == "[moved]") {
				t.Errorf("board: %v", m)
			}
		}
		for c, followed := range map[*harness.Client]string{f.admin: f.board, follower: target} {
			if got := slices.Contains(allPages(c, "/v1/feed"), id); got != (followed == board) {
				t.Errorf("in the feed of %s: %v", c.Account.Handle, got)
			}
		}
	}
	on(f.board, target)

	f.bob.Put(post+"/board", body{"boardId": target}).Want(403) // he moderates one of them
	for name, bad := range map[string]any{
		"nothing": body{}, "null": body{"boardId": nil}, "no id": body{"boardId": "x"}, "no board": body{"boardId": nowhere}, "a number": body{"boardId": 1},
	} {
		if a := f.admin.Put(post+"/board", bad); a.Status != 422 || len(a.Details) != 1 || a.Details[0].Field != "boardId" {
			t.Errorf("%s: %s", name, a)
		}
	}
	f.admin.Put(post+"/board", `{"boardId":`).Want(400)
	f.admin.Patch("/v1/boards/"+closed, body{"archived": true}).Want(200)
	f.admin.Put(post+"/board", body{"boardId": closed}).Want(409, "board.archived")
	f.admin.Put(post+"/board", body{"boardId": target}, harness.Header{Name: "If-Match", Value: `"` + nowhere + `"`}).Want(412)
	moved := f.admin.Put(post+"/board", body{"boardId": target}).Want(200)
	if p := moved.Map(); p["boardId"] != target || p["pinned"] != false || p["state"] != "published" {
		t.Errorf("moved: %v", p)
	}
	on(target, f.board)
	again := f.admin.Put(post+"/board", body{"boardId": target}).Want(200)
	if again.Header.Get("ETag") != moved.Header.Get("ETag") {
		t.Errorf("a move to where it is: %s", again)
	}
	f.bob.Put(post+"/lock", nil).Want(403) // it has left his board

	f.admin.Put("/v1/boards/"+target+"/moderators/"+f.bob.Account.ID, nil).Want(204)
	f.see(f.admin)
	f.bob.Put(post+"/board", body{"boardId": f.board}).Want(200)
	f.admin.Position = f.bob.Position
	on(f.board, target)
	f.admin.Patch("/v1/boards/"+f.board, body{"archived": true}).Want(200)
	f.admin.Put(post+"/board", body{"boardId": target}).Want(200) // out of an archived board
	on(target, f.board)
}

// F3, A12: what moderators did is among the acts, and what people do to their
// own posts is not.
func TestF3_Audit(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	target := newBoard(f.Server, f.admin)
	id := makePost(f.alice, f.board, body{"type": "question"})
	post := "/v1/posts/" + id
	f.alice.Patch(post, body{"title": "Two"}).Want(200)
	f.alice.Patch(post, body{"title": "Three"}).Want(200)
	f.alice.Delete(post + "/revisions/1").Want(204)
	answer := say(f.alice, id, "")
	f.alice.Put(post+"/answer", body{"commentId": answer}).Want(200)
	f.alice.Delete(post).Want(204)
	f.alice.Post(post+"/restore", nil).Want(200)
	f.see(f.alice)
	f.admin.Put(post+"/lock", nil).Want(204)
	f.admin.Delete(post + "/lock").Want(204)
	f.admin.Put(post+"/pin", nil).Want(204)
	f.admin.Put(post+"/board", body{"boardId": target}).Want(200)
	f.admin.Delete(post + "/revisions/2").Want(204)
	f.admin.Delete(post).Want(204)
	f.admin.Post(post+"/restore", nil).Want(200)
	f.admin.Patch(post, body{"title": "Said for her"}).Want(200)
	f.admin.Put(post+"/answer", body{"commentId": nil}).Want(200)
	f.admin.Put(post+"/answer", body{"commentId": answer}).Want(200)
	var got []string
	for _, act := range f.admin.Get("/v1/admin/audit?subject=" + id).Want(200).Items() {
		if dig(act, "actor", "id") != f.admin.Account.ID || dig(act, "subject", "type") != "post" {
			t.Errorf("act: %v", act)
		}
		got = append(got, fmt.Sprint(act["act"], " ", act["detail"]))
	}
	slices.Reverse(got)
	want := []string{
		"post.locked locked", "post.locked unlocked", "post.pinned pinned", "post.moved from " + f.board + " to " + target,
		"post.redacted revision 2", "post.deleted <nil>", "post.restored <nil>",
		"post.edited <nil>", "post.answer_accepted none", "post.answer_accepted " + answer,
	}
	if !slices.Equal(got, want) {
		t.Errorf("acts: %q\nwant  %q", got, want)
	}
	f.admin.Patch("/v1/boards/"+target, body{"description": "Here", "name": "Renamed " + target[:8]}).Want(200)
	acts := f.admin.Get("/v1/admin/audit?subject=" + target).Want(200).Items()
	if len(acts) != 1 || acts[0]["act"] != "board.changed" || acts[0]["detail"] != "name, description" {
		t.Errorf("acts on the board: %v", acts)
	}
	for _, filter := range []string{"actor=" + noID, "subject=" + noID} {
		if acts := f.admin.Get("/v1/admin/audit?" + filter).Want(200).Items(); len(acts) != 0 {
			t.Errorf("acts with %s: %v", filter, acts)
		}
	}
}

// F3, N3: lists hear of what leaves them, comes back, moves and leads them.
func TestF3_Frames(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	target := newBoard(f.Server, f.admin)
	f.bob.Position = f.admin.Position
	f.bob.Put("/v1/boards/"+f.board+"/follow", nil).Want(204)
	cleo := f.NewPerson("cleo") // reads what has a hashtag
	cleo.Put("/v1/hashtags/fresh/follow", nil).Want(204)
	f.alice.Position = cleo.Position
	id := makePost(f.alice, f.board, nil)
	post := "/v1/posts/" + id
	f.see(f.alice)
	b, c := f.bob.Dial(), cleo.Dial()
	c.Subscribe("feed", body{"position": f.alice.Position})
	topics := map[string]string{"post:" + id: "post", "board:" + f.board: "old", "board:" + target: "new", "feed": "feed"}
	for topic := range topics {
		b.Subscribe(topic, body{"position": f.alice.Position})
	}
	f.alice.Patch(post, body{"title": "Two", "body": "#fresh"}).Want(200)
	cleo.Position = f.alice.Position
	if got := allPages(cleo, "/v1/feed"); len(got) != 1 || got[0] != id {
		t.Errorf("the feed after the edit: %v", got)
	}
	f.alice.Delete(post + "/revisions/1").Want(204)
	f.alice.Delete(post).Want(204)
	f.alice.Post(post+"/restore", nil).Want(200)
	f.see(f.alice)
	f.admin.Put(post+"/lock", nil).Want(204)
	f.admin.Put(post+"/pin", nil).Want(204)
	f.admin.Put(post+"/board", body{"boardId": target}).Want(200)
	got := map[string][]string{}
	for range 1 + 1 + 3 + 3 + 2 + 2 + 4 {
		frame := b.Next()
		name := topics[frame.Topic]
		got[name] = append(got[name], frame.Type)
		data := frame.Map()
		if data["id"] != id || frame.Position == "" {
			t.Errorf("frame: %s", frame.Raw)
		}
		for typ, want := range map[string]body{
			"post.redacted.v1": {"revision": 1.}, "post.deleted.v1": {"state": "deleted"}, "post.restored.v1": {"state": "published"},
			"post.locked.v1": {"locked": true}, "post.pinned.v1": {"pinned": true}, "post.moved.v1": {"boardId": target, "from": f.board},
		} {
			for key, value := range want {
				if frame.Type == typ && data[key] != value {
					t.Errorf("%s is not %v: %s", key, value, frame.Raw)
				}
			}
		}
	}
	both := "post.deleted.v1 post.restored.v1 "
	for name, want := range map[string]string{
		"post": "post.edited.v1 post.redacted.v1 " + both + "post.locked.v1 post.pinned.v1 post.moved.v1",
		"old":  both + "post.locked.v1 post.pinned.v1 post.moved.v1", "new": "post.moved.v1", "feed": both + "post.moved.v1",
	} {
		if strings.Join(got[name], " ") != want {
			t.Errorf("%s heard %v, want %s", name, got[name], want)
		}
	}
	f.alice.Position = f.admin.Position
	for _, edit := range []body{{"title": "Three"}, {"title": "Four", "body": "Stale."}, {"title": "Five"}, {"title": "Six", "body": "More #Fresh"}} {
		f.alice.Patch(post, edit).Want(200)
	}
	var heard []string
	for range 6 {
		frame := c.Next()
		heard = append(heard, strings.TrimPrefix(fmt.Sprint(frame.Type, " ", frame.Map()["title"]), "post."))
	}
	if want := "[edited.v1 Two deleted.v1 <nil> restored.v1 <nil> moved.v1 <nil> edited.v1 Four edited.v1 Six]"; fmt.Sprint(heard) != want {
		t.Errorf("the feed of a hashtag heard %v, want %s", heard, want)
	}
}

// F3, Q9, invariant 9: nothing that an anonymous author does to the post tells
// who it is, nor that a moderator wrote it.
func TestF3_Anonymous(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	for name, author := range map[string]*harness.Client{"a member": f.alice, "a moderator": f.admin} {
		id := makePost(author, f.board, body{"anonymous": true})
		post := "/v1/posts/" + id
		f.see(author)
		b := f.bob.Dial()
		b.Subscribe("post:"+id, body{"position": author.Position})
		author.Patch(post, body{"title": "Two"}).Want(200)
		author.Patch(post, body{"title": "Three"}).Want(200)
		author.Delete(post + "/revisions/1").Want(204)
		author.Delete(post).Want(204)
		author.Post(post+"/restore", nil).Want(200)
		f.see(author)
		for range 5 {
			if frame := b.Next(); strings.Contains(frame.Raw, author.Account.ID) || strings.Contains(frame.Raw, author.Account.Handle) {
				t.Errorf("%s: %s", name, frame.Raw)
			}
		}
		a := f.bob.Get(post + "/revisions").Want(200)
		for _, v := range a.Items() {
			if v["editor"] != nil {
				t.Errorf("%s: %v", name, v)
			}
		}
		if strings.Contains(a.String(), author.Account.ID) {
			t.Errorf("%s: %s", name, a)
		}
		if acts := f.admin.Get("/v1/admin/audit?subject=" + id).Want(200).Items(); len(acts) != 0 {
			t.Errorf("%s: acts %v", name, acts)
		}
	}
	// An own post is moderated as any other one: in one's own name.
	id := makePost(f.admin, f.board, body{"anonymous": true})
	f.admin.Put("/v1/posts/"+id+"/pin", nil).Want(204)
	acts := f.admin.Get("/v1/admin/audit?subject=" + id).Want(200).Items()
	if len(acts) != 1 || dig(acts[0], "actor", "id") != f.admin.Account.ID {
		t.Errorf("acts: %v", acts)
	}
	// So are others' comments under it; one's own there are the pseudonym's.
	f.see(f.admin)
	rude, own := say(f.bob, id, ""), say(f.admin, id, "")
	f.see(f.bob)
	for comment, want := range map[string]int{rude: 1, own: 0} {
		f.admin.Delete("/v1/comments/" + comment).Want(204)
		acts := f.admin.Get("/v1/admin/audit?subject=" + comment).Want(200).Items()
		if len(acts) != want || want == 1 && dig(acts[0], "actor", "id") != f.admin.Account.ID {
			t.Errorf("acts on a comment: %v", acts)
		}
	}
}
