package acceptance

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
	"github.com/parleyhq/parley/domain/event"
)

// in is a time from now, as it is sent.
func in(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339Nano) }

// schedule makes a post that is to be published.
func schedule(c *harness.Client, board string, after time.Duration, fields map[string]any) *harness.Answer {
	all := map[string]any{"title": "A title", "body": "A body", "publishAt": in(after)}
	for k, v := range fields {
		all[k] = v
	}
	due := time.Now().Add(after)
	a := c.Post("/v1/boards/"+board+"/posts", all)
	if fields["publishAt"] == nil && a.Status == 422 && time.Now().After(due) { // a busy machine was too late
		return schedule(c, board, 3*after, fields)
	}
	return a.Want(201)
}

// published are one's published posts, by id, over all pages.
func published(c *harness.Client) []string {
	return allPages(c, "/v1/me/posts?limit=100&state=published")
}

// publishedOnce says for each post whether its stream holds one publication,
// once the server has stopped.
func publishedOnce(t *testing.T, s *harness.Server, posts []string) {
	t.Helper()
	log := stoppedLog(t, s)
	for _, id := range posts {
		times := 0
		for rec, err := range log.Stream(t.Context(), "post-"+id, 0, event.Forward) {
			if err != nil {
				t.Fatal(err)
			}
			if rec.Type == "post.published.v1" {
				times++
			}
		}
		if times != 1 {
			t.Errorf("post %s was published %d times", id, times)
		}
	}
}

// F2: a scheduled post is there for its author alone; it can be moved, made a
// draft, and published at once.
func TestF2_Scheduled(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	made := schedule(f.alice, f.board, time.Hour, map[string]any{"body": "#later @" + f.bob.Account.Handle})
	post := "/v1/posts/" + made.ID()
	if p := made.Map(); p["state"] != "scheduled" || p["publishedAt"] != nil || p["publishAt"] == nil || p["publishError"] != nil {
		t.Errorf("scheduled: %v", p)
	}
	f.see(f.alice)
	lists := func(c *harness.Client, states string) {
		t.Helper()
		for _, state := range []string{"draft", "scheduled", "published", "deleted"} {
			got, want := allPages(c, "/v1/me/posts?state="+state), "[]"
			if state == states {
				want = "[" + made.ID() + "]"
			}
			if fmt.Sprint(got) != want {
				t.Errorf("%s: %v, want %v", state, got, want)
			}
		}
	}
	hidden := func() {
		t.Helper()
		for _, c := range []*harness.Client{f.bob, f.admin, f.Client()} {
			c.Get(post).Want(404)
			if got := allPages(c, f.posts()); len(got) != 0 {
				t.Errorf("the board shows %v", got)
			}
		}
		f.admin.Patch(post, map[string]any{"publish": true}).Want(404)
		f.bob.Put(post+"/bookmark", nil).Want(404)
		if h := f.bob.Get("/v1/hashtags/later").Map(); h["posts"] != 0.0 {
			t.Errorf("its hashtag counts: %v", h)
		}
	}
	hidden()
	lists(f.alice, "scheduled")
	lists(f.bob, "none")

	at := in(2 * time.Hour)[:19] + ".5+00:00"
	if p := f.alice.Patch(post, map[string]any{"publishAt": at}).Want(200).Map(); p["publishAt"] != at[:19]+".500Z" || p["state"] != "scheduled" {
		t.Errorf("moved: %v", p)
	}
	if p := f.alice.Patch(post, map[string]any{"title": "Other"}).Want(200).Map(); p["publishAt"] != at[:19]+".500Z" || p["title"] != "Other" {
		t.Errorf("an edit moves it: %v", p)
	}
	f.alice.Patch(post, map[string]any{"body": " "}).Want(422)
	if p := f.alice.Patch(post, map[string]any{"publishAt": nil}).Want(200).Map(); p["publishAt"] != nil || p["state"] != "draft" {
		t.Errorf("without a date: %v", p)
	}
	f.see(f.alice)
	lists(f.alice, "draft")
	f.alice.Patch(post, map[string]any{"body": ""}).Want(200) // a draft may be empty
	f.alice.Patch(post, map[string]any{"publishAt": in(time.Hour)}).Want(422)
	f.alice.Patch(post, map[string]any{"publishAt": in(time.Hour), "body": "#later @" + f.bob.Account.Handle}).Want(200)
	f.see(f.alice)
	lists(f.alice, "scheduled")
	hidden()
	before := time.Now().Add(-time.Second)
	p := f.alice.Patch(post, map[string]any{"publish": true}).Want(200).Map()
	when, err := time.Parse(time.RFC3339, fmt.Sprint(p["publishedAt"]))
	if err != nil || when.Before(before) || when.After(time.Now().Add(time.Second)) || p["publishAt"] != nil || p["state"] != "published" || fmt.Sprint(p["hashtags"]) != "[later]" {
		t.Errorf("published: %v", p)
	}
	f.see(f.alice)
	f.bob.Get(post).Want(200)
	lists(f.alice, "published")
	f.alice.Patch(post, map[string]any{"publishAt": in(time.Hour)}).Want(409, "post.published")

	made = schedule(f.alice, f.board, time.Hour, nil)
	f.alice.Delete("/v1/posts/" + made.ID()).Want(204)
	if p := f.alice.Get("/v1/posts/" + made.ID()).Want(200).Map(); p["state"] != "deleted" || p["publishAt"] != nil {
		t.Errorf("deleted: %v", p)
	}
	f.see(f.alice)
	f.bob.Get("/v1/posts/" + made.ID()).Want(404)
}

// F2: what no post can be scheduled with.
func TestF2_BadSchedules(t *testing.T) {
	t.Parallel()
	f := newForum(t, harness.Flags("--schedule-max=48h"))
	draft := makePost(f.alice, f.board, map[string]any{"draft": true, "body": ""})
	for name, bad := range map[string]map[string]any{
		"the past":        {"publishAt": in(-time.Minute)},
		"long ago":        {"publishAt": "0000-01-01T00:00:00Z"},
		"too far":         {"publishAt": in(49 * time.Hour)},
		"far away":        {"publishAt": "9999-12-31T23:59:59Z"},
		"no time":         {"publishAt": "tomorrow"},
		"a number":        {"publishAt": 1_900_000_000},
		"a day":           {"publishAt": "2999-01-01"},
		"a draft":         {"publishAt": in(time.Hour), "draft": true},
		"without a body":  {"publishAt": in(time.Hour), "body": ""},
		"without a title": {"publishAt": in(time.Hour), "title": " "},
	} {
		fields := map[string]any{"title": "T", "body": "B"}
		for k, v := range bad {
			fields[k] = v
		}
		if a := f.alice.Post(f.posts(), fields); a.Status != 422 || len(a.Details) != 1 {
			t.Errorf("%s: %s", name, a)
		}
		delete(bad, "draft")
		if a := f.alice.Patch("/v1/posts/"+draft, bad); a.Status != 422 {
			t.Errorf("%s, of a draft: %s", name, a)
		}
	}
	f.alice.Patch("/v1/posts/"+draft, map[string]any{"publishAt": in(time.Hour), "publish": true, "body": "B"}).Want(422)
	f.alice.Patch("/v1/posts/"+draft, map[string]any{"publishAt": in(47 * time.Hour), "body": "B"}).Want(200)
	f.see(f.alice)
	f.bob.Patch("/v1/posts/"+draft, map[string]any{"publishAt": 1}).Want(404) // before the body is looked at
	f.admin.Patch("/v1/boards/"+f.board, map[string]any{"archived": true}).Want(200)
	f.see(f.admin)
	f.alice.Post(f.posts(), map[string]any{"title": "T", "body": "B", "publishAt": in(time.Hour)}).Want(409, "board.archived")
	f.alice.Patch("/v1/posts/"+draft, map[string]any{"publishAt": in(time.Hour)}).Want(409, "board.archived")
	f.alice.Patch("/v1/posts/"+draft, map[string]any{"publishAt": nil}).Want(200)
}

// F2, F9, N3: when its time has come, a post is where new posts are, as of that
// time; an anonymous one without its author.
func TestF2_Due(t *testing.T) {
	t.Parallel()
	f := newForum(t, harness.Flags("--due-every=20ms"))
	f.bob.Put("/v1/boards/"+f.board+"/follow", nil).Want(204)
	f.see(f.bob)
	live := f.bob.Dial()
	live.Subscribe("board:"+f.board, nil)
	fields := map[string]any{"body": "#due @" + f.bob.Account.Handle, "anonymous": true}
	secret := schedule(f.alice, f.board, time.Second, fields)
	fields["anonymous"] = false
	signed := schedule(f.alice, f.board, 300*time.Millisecond, fields)
	last := makePost(f.alice, f.board, nil) // begun last, and published first
	told := map[string]bool{}
	for len(told) < 3 {
		frame := live.Next()
		id, ok := frame.Map()["id"].(string)
		if ok {
			told[id] = true
		}
		if id == secret.ID() && (frame.Map()["author"] != nil || strings.Contains(frame.Raw, f.alice.Account.ID)) {
			t.Errorf("a frame tells its author: %s", frame.Raw)
		}
	}
	want := []string{secret.ID(), signed.ID(), last}
	since := map[string]string{} // when each was published: on a slow machine, in another order
	f.Eventually("all of them", func() bool {
		for _, p := range f.bob.Get(f.posts()).Want(200).Items() {
			since[fmt.Sprint(p["id"])] = fmt.Sprint(p["publishedAt"])
		}
		return len(since) == len(want)
	})
	slices.SortFunc(want, func(a, b string) int { return strings.Compare(since[b], since[a]) })
	for _, list := range []string{f.posts(), "/v1/feed", "/v1/feed?public=true"} {
		var got []string
		f.Eventually(list, func() bool { got = allPages(f.bob, list); return len(got) == 3 })
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", list, got, want)
		}
	}
	f.Eventually("its hashtag", func() bool { return f.bob.Get("/v1/hashtags/due").Map()["posts"] == 2.0 })
	f.Eventually("a search", func() bool { return len(f.bob.Get("/v1/search?q=due").Want(200).Items()) == 2 })
	for _, made := range []*harness.Answer{secret, signed} {
		p := f.bob.Get("/v1/posts/" + made.ID()).Want(200).Map()
		if fmt.Sprint(p["publishedAt"]) < fmt.Sprint(made.Map()["publishAt"]) || p["publishAt"] != nil || p["state"] != "published" || len(p["mentions"].([]any)) != 1 {
			t.Errorf("published: %v, scheduled for %v", p, made.Map()["publishAt"])
		}
	}
	if p := f.bob.Get("/v1/posts/" + secret.ID()).Map(); p["author"] != nil {
		t.Errorf("its author: %v", p["author"])
	}
	if got := published(f.alice); len(got) != 3 {
		t.Errorf("hers: %v", got)
	}
}

// F2: what its author could not publish when it was due is a draft again, and
// they see why.
func TestF2_DueRefused(t *testing.T) {
	t.Parallel()
	f := newForum(t, harness.Flags("--due-every=20ms"))
	var carol, dora *harness.Client
	var other, suspended, archived string
	for soon, inTime := time.Second, false; !inTime; soon *= 3 { // on a busy machine what comes between takes longer
		carol, dora, other = f.NewPerson("carol"), f.NewPerson("dora"), newBoard(f.Server, f.admin)
		seeing(f.admin, carol, dora)
		due := time.Now().Add(soon)
		suspended = schedule(carol, f.board, soon, nil).ID()
		archived = schedule(dora, other, soon, map[string]any{"anonymous": true}).ID()
		f.admin.Put("/v1/accounts/"+carol.Account.ID+"/suspension", map[string]any{"reason": "spam"}).Want(204)
		f.admin.Patch("/v1/boards/"+other, map[string]any{"archived": true}).Want(200)
		inTime = time.Now().Before(due)
	}
	for id, by := range map[string]*harness.Client{suspended: carol, archived: dora} {
		var p map[string]any
		f.Eventually("a draft", func() bool { p = by.Get("/v1/posts/" + id).Want(200).Map(); return p["state"] == "draft" })
		if reason := map[string]string{suspended: "account.suspended", archived: "board.archived"}[id]; p["publishError"] != reason || p["publishAt"] != nil {
			t.Errorf("it says %v, want %v", p, reason)
		}
		f.bob.Get("/v1/posts/" + id).Want(404)
		if got := allPages(by, "/v1/me/posts?state=draft"); fmt.Sprint(got) != "["+id+"]" {
			t.Errorf("drafts: %v", got)
		}
	}
	f.admin.Patch("/v1/boards/"+other, map[string]any{"archived": false}).Want(200)
	seeing(f.admin, dora)
	if p := dora.Patch("/v1/posts/"+archived, map[string]any{"publish": true}).Want(200).Map(); p["state"] != "published" || p["publishError"] != nil || p["author"] != nil {
		t.Errorf("published after all: %v", p)
	}
}

// F2 on the real process: killed with signal 9 before and while posts become
// due, it publishes each of them once.
func TestF2_DueWhileKilled(t *testing.T) {
	t.Parallel()
	s := harness.StartProcess(t, harness.Embedded(), harness.Flags("--due-every=5ms"))
	alice, admin := s.NewPerson("alice"), s.Admin()
	board := newBoard(s, admin)
	seeing(admin, alice)
	var all []string
	for round := range rounds(t) {
		for i := range 10 {
			all = append(all, schedule(alice, board, 400*time.Millisecond+time.Duration(i)*20*time.Millisecond, nil).ID())
		}
		before := len(all) - 10
		s.Eventually("some of them", func() bool { return len(published(alice)) >= before+round%4*3 }) // the first time none: nothing is due yet
		s.Kill()
		s.Again(true)
		s.Move(alice)
		s.Eventually("all of them", func() bool { return len(published(alice)) == len(all) })
	}
	for _, p := range alice.Get("/v1/me/posts?limit=100&state=published").Want(200).Items() {
		if p["publishError"] != nil || p["publishedAt"] == nil {
			t.Errorf("published: %v", p)
		}
	}
	s.Stop()
	publishedOnce(t, s, all)
}
