package acceptance

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// newBoard makes a board as the first administrator.
func newBoard(s *harness.Server, admin *harness.Client) string {
	return admin.Post("/v1/boards", map[string]any{"name": harness.NewHandle("board")}).Want(201).ID()
}

// makePost publishes a post.
func makePost(c *harness.Client, board string, fields map[string]any) string {
	body := map[string]any{"title": "A title", "body": "A body"}
	for k, v := range fields {
		body[k] = v
	}
	return c.Post("/v1/boards/"+board+"/posts", body).Want(201).ID()
}

// dig walks into an answer: dig(m, "viewer", "mine").
func dig(m map[string]any, keys ...string) any {
	var at any = m
	for _, k := range keys {
		in, _ := at.(map[string]any)
		at = in[k]
	}
	return at
}

const nowhere = "01890a5d-ac96-774b-bcce-b302099a8057"

// noID is nothing's id either, and must not pass for none given.
const noID = "00000000-0000-0000-0000-000000000000"

// F1: boards are made by administrators, changed by moderators, and have one
// owner of each name.
func TestF1_Boards(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	admin, member, helper := s.Admin(), s.NewPerson("member"), s.NewPerson("helper")

	member.Post("/v1/boards", map[string]any{"name": "Mine"}).Want(403, "auth.forbidden")
	s.Client().Post("/v1/boards", map[string]any{"name": "Mine"}).Want(401, "auth.missing")
	made := admin.Post("/v1/boards", map[string]any{"name": " Go Lang ", "rules": "Be\nkind.", "description": "About Go."}).Want(201)
	board := "/v1/boards/" + made.ID()
	b := made.Map()
	for key, want := range map[string]any{
		"name": "Go Lang", "rules": "Be\nkind.", "description": "About Go.", "icon": nil, "banner": nil,
		"archived": false, "followers": 0.0, "posts": 0.0,
	} {
		if b[key] != want {
			t.Errorf("%s is %v, want %v", key, b[key], want)
		}
	}
	if tags, ok := b["hashtags"].([]any); !ok || len(tags) != 0 {
		t.Errorf("hashtags: %v", b["hashtags"])
	}
	if dig(b, "viewer", "moderator") != true || dig(b, "viewer", "following") != false {
		t.Errorf("viewer: %v", b["viewer"])
	}

	for name, status := range map[string]int{
		"": 422, "  ": 422, "a\nb": 422, "a\x00b": 422, strings.Repeat("a", 33): 422, "日本語日本語日本語日本": 422,
		"go  lang": 409, "ＧＯ lang": 409, "Go\u200b Lang\ufe0f": 409, "\u2060Go\u00ad Lang\U000e0061": 409, "\u200b\u2060": 422,
		"Go Lang" + strings.Repeat("\u200b", 9): 422, // 34 bytes of which 7 can be seen
	} {
		admin.Post("/v1/boards", map[string]any{"name": name}).Want(status)
	}
	admin.Post("/v1/boards", map[string]any{"name": "a\nb"}).Want(422, "text.invalid")
	admin.Post("/v1/boards", map[string]any{"name": "GO LANG"}).Want(409, "board.name_taken")
	for _, id := range []string{nowhere, noID} {
		admin.Post("/v1/boards", map[string]any{"name": "X", "icon": id}).Want(422, "image.unknown")
		admin.Patch(board, map[string]any{"banner": id}).Want(422, "image.unknown")
		member.Get("/v1/boards/" + id).Want(404)
	}
	admin.Post("/v1/boards", map[string]any{"name": "X", "rules": strings.Repeat("x", 10_001)}).Want(422, "request.invalid")
	admin.Post("/v1/boards", `{"name":`).Want(400)
	member.Post("/v1/boards", `{"name":`).Want(403) // before the body is read

	// Moderators.
	moderator := board + "/moderators/" + helper.Account.ID
	helper.Patch(board, map[string]any{"rules": "Mine"}).Want(403)
	member.Put(moderator, nil).Want(403)
	admin.Put(board+"/moderators/"+nowhere, nil).Want(404)
	admin.Put("/v1/boards/"+nowhere+"/moderators/"+helper.Account.ID, nil).Want(404)
	for range 2 {
		admin.Put(moderator, nil).Want(204)
	}
	helper.Position = admin.Position
	if dig(helper.Get(board).Want(200).Map(), "viewer", "moderator") != true {
		t.Error("the helper does not moderate")
	}
	changed := helper.Patch(board, map[string]any{"rules": nil, "description": "New", "banner": nil}).Want(200)
	if m := changed.Map(); m["rules"] != nil || m["description"] != "New" || m["name"] != "Go Lang" {
		t.Errorf("changed: %v", m)
	}
	helper.Patch(board, map[string]any{"name": nil}).Want(422)
	helper.Patch(board, map[string]any{"archived": "yes"}).Want(422)
	for range 2 {
		admin.Delete(moderator).Want(204)
	}
	helper.Position = admin.Position
	helper.Patch(board, map[string]any{"rules": "Mine"}).Want(403)

	// If-Match.
	old := changed.Header.Get("ETag")
	again := admin.Patch(board, map[string]any{"rules": "More"}, harness.Header{Name: "If-Match", Value: admin.Get(board).Header.Get("ETag")}).Want(200)
	if again.Header.Get("ETag") == old {
		t.Error("the entity tag stays")
	}
	admin.Patch(board, map[string]any{"rules": "Less"}, harness.Header{Name: "If-Match", Value: old}).Want(412)
	admin.Patch(board, map[string]any{"name": "Other"}, harness.Header{Name: "If-Match", Value: old}).Want(412)
	admin.Patch(board, map[string]any{"rules": "Less"}, harness.Header{Name: "If-Match", Value: "nonsense"}).Want(400)
	admin.Put(moderator, nil, harness.Header{Name: "If-Match", Value: old}).Want(412)
	admin.Put(moderator, nil, harness.Header{Name: "If-Match", Value: again.Header.Get("ETag")}).Want(204)
	admin.Delete(moderator, harness.Header{Name: "If-Match", Value: again.Header.Get("ETag")}).Want(412) // the moderator changed it

	// A name is free again after a renaming, and only then.
	for _, name := range []string{"Go\u200b Lang", "go lang"} {
		if got := admin.Patch(board, map[string]any{"name": name}).Want(200).Map()["name"]; got != name {
			t.Errorf("shown as %q, want %q", got, name)
		}
	}
	admin.Patch(board, map[string]any{"name": "Rust"}).Want(200)
	second := admin.Post("/v1/boards", map[string]any{"name": "Go Lang"}).Want(201).ID()
	admin.Patch(board, map[string]any{"name": "Go Lang"}).Want(409, "board.name_taken")
	admin.Patch("/v1/boards/"+second, map[string]any{"name": "RUST"}).Want(409, "board.name_taken")

	anyone := s.Client()
	anyone.Get(board).Want(200)
	anyone.Get("/v1/boards/" + nowhere).Want(404)
	anyone.Get("/v1/boards/none").Want(404)
	anyone.Get(board, harness.Header{Name: "Authorization", Value: "Bearer nonsense"}).Want(401)
}

// F1: members may make boards where the setting says so, and moderate them.
func TestF1_BoardsByMembers(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Flags("--board-creation=members"))
	member := s.NewPerson("member")
	board := "/v1/boards/" + member.Post("/v1/boards", map[string]any{"name": "Mine"}).Want(201).ID()
	member.Patch(board, map[string]any{"rules": "My rules"}).Want(200)
	s.NewPerson("other").Patch(board, map[string]any{"rules": "Theirs"}).Want(403)
}

// F1, invariant 3: one board gets a name, however many want it at once.
func TestF1_NamesAreUniqueAtOnce(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	admin := s.Admin()
	var boards []string
	for i := range 4 {
		boards = append(boards, admin.Post("/v1/boards", map[string]any{"name": fmt.Sprint("Board ", i)}).Want(201).ID())
	}
	clients := make([]*harness.Client, 8)
	for i := range clients {
		clients[i] = s.SignIn("first_admin")
	}
	for round := range 5 {
		name := fmt.Sprint("Wanted ", round)
		statuses := make([]int, len(clients))
		var all sync.WaitGroup
		for i, c := range clients {
			all.Go(func() {
				if i%2 == 0 {
					statuses[i] = c.Post("/v1/boards", map[string]any{"name": name}).Status
				} else {
					statuses[i] = c.Patch("/v1/boards/"+boards[i/2], map[string]any{"name": strings.ToUpper(name)}).Status
				}
			})
		}
		all.Wait()
		won := 0
		for _, status := range statuses {
			switch status {
			case 200, 201:
				won++
			case 409:
			default:
				t.Errorf("status %d", status)
			}
		}
		if won != 1 {
			t.Errorf("round %d: %d boards got the name: %v", round, won, statuses)
		}
	}
}

// F1: an archived board takes no posts or comments.
func TestF1_Archived(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	admin, member := s.Admin(), s.NewPerson("member")
	board := newBoard(s, admin)
	member.Position = admin.Position
	post := makePost(member, board, nil)
	draft := makePost(member, board, map[string]any{"draft": true})
	gone, removed := makePost(member, board, nil), makePost(member, board, nil)
	dropped := makePost(member, board, map[string]any{"draft": true})
	scheduled := schedule(member, board, time.Hour, nil).ID()
	for _, id := range []string{gone, dropped} {
		member.Delete("/v1/posts/" + id).Want(204)
	}
	admin.Position = member.Position
	report := admin.Post("/v1/reports", map[string]any{"subject": map[string]any{"type": "post", "id": removed}, "reason": "A mistake"}).Want(201).ID()
	admin.Put("/v1/moderation/reports/"+report, map[string]any{"action": "remove", "reason": "In haste"}).Want(200)
	if dig(admin.Patch("/v1/boards/"+board, map[string]any{"archived": true}).Want(200).Map(), "archived") != true {
		t.Error("not archived")
	}
	member.Position = admin.Position
	member.Post("/v1/boards/"+board+"/posts", map[string]any{"title": "T", "body": "B"}).Want(409, "board.archived")
	member.Post("/v1/boards/"+board+"/posts", map[string]any{"title": "", "body": "B"}).Want(422) // before 409
	member.Post("/v1/posts/"+post+"/comments", map[string]any{"body": "B"}).Want(409, "board.archived")
	member.Patch("/v1/posts/"+draft, map[string]any{"publish": true}).Want(409, "board.archived")
	member.Patch("/v1/posts/"+scheduled, map[string]any{"title": "Later"}).Want(409, "board.archived")
	if p := member.Patch("/v1/posts/"+scheduled, map[string]any{"publishAt": nil, "title": "Kept"}).Want(200).Map(); p["state"] != "draft" || p["title"] != "Kept" {
		t.Errorf("a scheduled post is kept as %v", p)
	}
	// What was published stays away, and whoever wrote a draft has it back. A
	// decision that is taken back leaves nothing behind.
	for _, c := range []*harness.Client{member, admin} {
		c.Post("/v1/posts/"+gone+"/restore", nil).Want(409, "board.archived")
	}
	member.Post("/v1/posts/"+gone+"/restore", nil, harness.Header{Name: "If-Match", Value: `"` + nowhere + `"`}).Want(412)
	if p := member.Post("/v1/posts/"+dropped+"/restore", nil).Want(200).Map(); p["state"] != "draft" {
		t.Errorf("a draft came back as %v", p)
	}
	admin.Put("/v1/moderation/reports/"+report, map[string]any{"action": "none", "reason": "Nothing wrong with it"}).Want(200)
	member.Position = admin.Position
	if got := allPages(member, "/v1/boards/"+board+"/posts"); fmt.Sprint(got) != fmt.Sprint([]string{removed, post}) {
		t.Errorf("on the archived board: %v", got)
	}
	member.Put("/v1/posts/"+post+"/reactions/like", nil).Want(204)
	member.Patch("/v1/posts/"+post, map[string]any{"title": "Still mine"}).Want(200)
	admin.Patch("/v1/boards/"+board, map[string]any{"archived": false}).Want(200)
	member.Position = admin.Position
	member.Post("/v1/posts/"+post+"/comments", map[string]any{"body": "B"}).Want(201)
	member.Post("/v1/posts/"+gone+"/restore", nil).Want(200)
}

// F1: follow a board; its popular hashtags.
func TestF1_FollowAndHashtags(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	admin, member := s.Admin(), s.NewPerson("member")
	id := newBoard(s, admin)
	board := "/v1/boards/" + id
	member.Position = admin.Position
	for range 2 {
		member.Put(board+"/follow", nil).Want(204)
	}
	if b := member.Get(board).Map(); b["followers"] != 1.0 || dig(b, "viewer", "following") != true {
		t.Errorf("followed: %v", b)
	}
	if b := s.Client().Get(board).Map(); dig(b, "viewer", "following") != false {
		t.Errorf("an anonymous reader follows: %v", b)
	}
	for range 2 {
		member.Delete(board + "/follow").Want(204)
	}
	if b := member.Get(board).Map(); b["followers"] != 0.0 || dig(b, "viewer", "following") != false {
		t.Errorf("unfollowed: %v", b)
	}
	member.Put("/v1/boards/"+nowhere+"/follow", nil).Want(404)
	s.Client().Put(board+"/follow", nil).Want(401)

	var posts []string
	for i := range 12 {
		var tags strings.Builder
		for j := i; j < 12; j++ {
			fmt.Fprintf(&tags, "#t%02d ", j)
		}
		posts = append(posts, "/v1/posts/"+makePost(member, id, map[string]any{"body": tags.String()}))
	}
	shows := func(what, hashtags string, n float64) {
		t.Helper()
		if b := member.Get(board).Map(); fmt.Sprint(b["hashtags"]) != hashtags || b["posts"] != n {
			t.Errorf("%s: %v of %v posts, want %s of %v", what, b["hashtags"], b["posts"], hashtags, n)
		}
	}
	shows("written", "[t11 t10 t09 t08 t07 t06 t05 t04 t03 t02]", 12)
	for _, post := range posts[:10] {
		member.Delete(post).Want(204)
	}
	shows("deleted", "[t11 t10]", 2)
	member.Patch(posts[11], map[string]any{"body": "#other"}).Want(200)
	shows("edited", "[other t10 t11]", 2)
	member.Delete(posts[11] + "/revisions/1").Want(204) // whose hashtags count no more
	member.Post(posts[0]+"/restore", nil).Want(200)
	shows("restored", "[t10 t11 other t00 t01 t02 t03 t04 t05 t06]", 3)
}

// F1, F12: the list of boards, page by page.
func TestF1_ListBoards(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	admin := s.Admin()
	var want []string
	for range 5 {
		want = append(want, newBoard(s, admin))
	}
	if got := allPages(admin, "/v1/boards?limit=2"); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("boards: %v, want %v", got, want)
	}
}

// allPages reads a list to its end by following its Link headers, which must
// agree with next, and gives the places of all items.
func allPages(c *harness.Client, first string) []string {
	var ids []string
	for at := first; at != ""; {
		a := c.Get(at).Want(200)
		ids = append(ids, places(a.Items())...)
		link := a.Header.Get("Link")
		if (link != "") != (a.Next() != "") {
			panic(fmt.Sprintf("%s: next %q and Link %q", at, a.Next(), link))
		}
		at = ""
		if from, to := strings.Index(link, "<"), strings.Index(link, ">"); from >= 0 && to > from {
			at = link[from+1 : to]
		}
	}
	return ids
}

// F2, F12: a board by what is talked about: 12 hours more each time that
// reactions and comments double; pinned ones lead it all the same.
func TestF2_HotPosts(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	var ids []string
	for range 4 {
		ids = append(ids, makePost(f.alice, f.board, nil))
	}
	f.see(f.alice)
	want := func(sort string, order ...int) {
		t.Helper()
		path, got := "/v1/boards/"+f.board+"/posts?limit=1"+sort, []int{}
		for next := path; next != "" && len(got) <= len(ids); {
			a := f.bob.Get(next).Want(200)
			for _, item := range a.Items() {
				got = append(got, slices.Index(ids, item["id"].(string)))
			}
			cursor := a.Next()
			if next = ""; cursor != "" {
				next = path + "&cursor=" + url.QueryEscape(cursor)
			}
		}
		if !slices.Equal(got, order) {
			t.Errorf("%s: %v, want %v", sort, got, order)
		}
	}
	want("&sort=hot", 3, 2, 1, 0)
	f.alice.Put("/v1/posts/"+ids[0]+"/reactions/like", nil).Want(204)
	f.see(f.alice)
	say(f.bob, ids[1], "")
	f.bob.Put("/v1/posts/"+ids[1]+"/reactions/sad", nil).Want(204)
	want("&sort=hot", 1, 0, 3, 2)
	want("&sort=newest", 3, 2, 1, 0)
	want("", 3, 2, 1, 0)
	f.bob.Put("/v1/posts/"+ids[2]+"/reactions/sad", nil).Want(204)
	f.bob.Delete("/v1/posts/" + ids[1] + "/reactions/sad").Want(204)
	want("&sort=hot", 2, 1, 0, 3)
	f.admin.Put("/v1/posts/"+ids[3]+"/pin", nil).Want(204)
	f.bob.Position = f.admin.Position
	want("&sort=hot", 3, 2, 1, 0)

	hot := f.bob.Get("/v1/boards/" + f.board + "/posts?limit=1&sort=hot").Want(200).Next()
	f.bob.Get("/v1/boards/"+f.board+"/posts?limit=1&cursor="+url.QueryEscape(hot)).Want(400, "list.cursor")
	f.bob.Get("/v1/boards/"+f.board+"/posts?sort=warm").Want(422, "request.invalid")
}
