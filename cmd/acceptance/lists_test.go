package acceptance

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// wholeLists are the operations that answer all their items at once: what they
// list is bounded by what it is.
var wholeLists = []string{"listIdentities", "listParked", "listProjections", "suggest"}

// listing is a list of the API as somebody reads it: three items or more.
type listing struct {
	operation string
	path      string
	reader    *harness.Client
	other     *harness.Client // may read the list too; its cursors are its own
	backward  bool            // its pages go back, while each of them rises
}

// with adds to the query of the list.
func (l listing) with(query string) string {
	if strings.Contains(l.path, "?") {
		return l.path + "&" + query
	}
	return l.path + "?" + query
}

// listedIn are the operations of an OpenAPI document that take a cursor, with
// the schema of their limit, and those that answer items without taking one.
func listedIn(t *testing.T, document []byte) (paged map[string]limitSchema, whole []string) {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(document, &doc); err != nil {
		t.Fatal(err)
	}
	paged = map[string]limitSchema{}
	for _, path := range doc["paths"].(map[string]any) {
		operation, _ := dig(path.(map[string]any), "get").(map[string]any)
		id := fmt.Sprint(operation["operationId"])
		parameters, _ := operation["parameters"].([]any)
		var limit limitSchema
		takes := false
		for _, p := range parameters {
			p := p.(map[string]any)
			takes = takes || p["name"] == "cursor"
			if p["name"] == "limit" {
				limit = limitSchema{dig(p, "schema", "minimum"), dig(p, "schema", "maximum"), dig(p, "schema", "default")}
			}
		}
		if takes {
			paged[id] = limit
			continue
		}
		ref, _ := dig(operation, "responses", "200", "content", "application/json", "schema", "properties", "data", "$ref").(string)
		if dig(doc, "components", "schemas", ref[strings.LastIndex(ref, "/")+1:], "properties", "items") != nil {
			whole = append(whole, id)
		}
	}
	return paged, whole
}

// limitSchema is what the document says of a limit; its numbers are float64.
type limitSchema struct{ Minimum, Maximum, Default any }

// fill gives every list of the API three items.
func fill(t *testing.T) (*forum, []listing) {
	t.Helper()
	f := newForum(t)
	carol := f.NewPerson("carol")
	crowd := []*harness.Client{f.NewPerson("crowd"), f.NewPerson("crowd"), f.NewPerson("crowd")}
	last := f.admin // whose position is the newest
	as := func(c *harness.Client) *harness.Client {
		c.Position, last = last.Position, c
		return c
	}
	as(carol).Patch("/v1/me/settings", body{"privacy": body{"approveFollowers": true}}).Want(200)
	for i, one := range crowd {
		for c, path := range map[*harness.Client]string{f.alice: "/follow", f.bob: "/mute", f.admin: "/block"} {
			as(c).Put("/v1/accounts/"+one.Account.ID+path, nil).Want(204)
		}
		as(one).Put("/v1/accounts/"+f.alice.Account.ID+"/follow", nil).Want(204)
		as(one).Put("/v1/accounts/"+carol.Account.ID+"/follow", nil).Want(204)
		as(f.admin).Post("/v1/boards", body{"name": harness.NewHandle("Crowd")}).Want(201)
		as(f.admin).Put("/v1/boards/"+f.board+"/moderators/"+[]*harness.Client{f.bob, f.alice, carol}[i].Account.ID, nil).Want(204)
		as(f.admin).Post("/v1/admin/api-keys", body{"name": "key", "scopes": []string{"events:read"}}).Want(201)
		as(f.alice).SignIn(f.alice.Account.Handle, harness.Password).Want(201)
		addPasskey(as(f.alice), newDevice(t, f.Server, f.alice.Account.ID), fmt.Sprint("key ", i))
	}
	var post, comment, room string
	for i := range 3 {
		post = makePost(as(f.alice), f.board, body{"title": "A crowd", "body": fmt.Sprintf("#one #crowd%d", i)})
		makePost(as(f.alice), f.board, body{"draft": true})
		comment = say(as(f.bob), post, "")
		as(f.bob).Put("/v1/posts/"+post+"/bookmark", body{"folder": fmt.Sprint("folder ", i)}).Want(204)
		as(f.bob).Post("/v1/reports", about("post", post, "spam")).Want(201)
	}
	for i := range 3 {
		say(as(f.bob), post, comment)
		as(f.alice).Patch("/v1/posts/"+post, body{"title": fmt.Sprint("A crowd again ", i)}).Want(200)
		room = group(as(f.alice), f.bob, carol)
	}
	say(as(f.bob), post, "")
	say(as(f.bob), post, "")
	for range 3 {
		as(f.alice).Post("/v1/rooms/"+room+"/messages", body{"text": "crowd"}).Want(201)
	}
	f.see(last)
	seeing(last, append(crowd, carol)...)

	alice, comments, messages := "/v1/accounts/"+f.alice.Account.ID, "/v1/posts/"+post+"/comments", "/v1/rooms/"+room+"/messages"
	return f, []listing{
		{"listFollowers", alice + "/followers", f.alice, f.bob, false},
		{"listFollowing", alice + "/following", f.alice, f.bob, false},
		{"listAccountPosts", alice + "/posts", f.alice, f.bob, false},
		{"listOwnPosts", "/v1/me/posts", f.alice, f.bob, false},
		{"listOwnPosts", "/v1/me/posts?state=draft", f.alice, f.bob, false},
		{"listOwnPosts", "/v1/me/posts?state=published", f.alice, f.bob, false},
		{"listSessions", "/v1/sessions", f.alice, f.bob, false},
		{"listHistory", "/v1/me/history", f.alice, f.bob, false},
		{"listPasskeys", "/v1/me/passkeys", f.alice, f.bob, false},
		{"listFollowRequests", "/v1/me/follow-requests", carol, f.bob, false},
		{"listBlocks", "/v1/me/blocks", f.admin, f.bob, false},
		{"listMutes", "/v1/me/mutes", f.bob, f.alice, false},
		{"listBookmarks", "/v1/me/bookmarks", f.bob, f.alice, false},
		{"listBookmarkFolders", "/v1/me/bookmark-folders", f.bob, f.alice, false},
		{"listBoards", "/v1/boards", f.alice, f.Client(), false},
		{"listBoardPosts", f.posts(), f.alice, f.Client(), false},
		{"listBoardPosts", f.posts() + "?sort=hot", f.alice, f.Client(), false},
		{"getFeed", "/v1/feed", f.alice, f.bob, false},
		{"getFeed", "/v1/feed?public=true", f.alice, f.Client(), false},
		{"listTrending", "/v1/hashtags", f.alice, f.Client(), false},
		{"listTrending", "/v1/hashtags?window=7d", f.alice, f.bob, false},
		{"listHashtagPosts", "/v1/hashtags/one/posts", f.alice, f.bob, false},
		{"listComments", comments, f.alice, f.bob, false},
		{"listComments", comments + "?sort=newest", f.alice, f.bob, false},
		{"listComments", comments + "?sort=best", f.alice, f.bob, false},
		{"listComments", comments + "?parent=" + comment, f.alice, f.bob, false},
		{"listRevisions", "/v1/posts/" + post + "/revisions", f.alice, f.bob, false},
		{"listReports", queue, f.bob, f.admin, false},
		{"listReports", queue + "?state=open", f.bob, f.admin, false},
		{"listNotifications", "/v1/notifications", f.alice, f.bob, false},
		{"listRooms", "/v1/rooms", f.alice, f.bob, false},
		{"listRoomMembers", "/v1/rooms/" + room + "/members", f.alice, f.bob, false},
		{"listMessages", messages, f.alice, f.bob, true},
		{"listMessages", messages + "?after=1", f.alice, f.bob, false},
		{"search", "/v1/search?q=crowd", f.alice, f.bob, false},
		{"search", "/v1/search?q=crowd&sort=newest", f.alice, f.Client(), false},
		{"search", "/v1/search?q=crowd&kind=accounts", f.alice, f.bob, false},
		{"search", "/v1/search?q=crowd&kind=boards", f.alice, f.bob, false},
		{"search", "/v1/search?q=crowd&kind=hashtags", f.alice, f.bob, false},
		{"search", "/v1/search?q=crowd&kind=messages", f.alice, f.bob, false},
		{"listAPIKeys", "/v1/admin/api-keys", f.admin, nil, false},
		{"listAudit", "/v1/admin/audit", f.admin, nil, false},
	}
}

// F12: every list of the API, none forgotten, has opaque cursors, bounds of
// its limit and a Link to its next page, which leads through all of it without
// gap or double; a cursor serves the list, filters and reader it was made for.
func TestF12_Lists(t *testing.T) {
	t.Parallel()
	f, lists := fill(t)
	paged, whole := listedIn(t, f.Client().Get("/openapi.json").Raw)
	for operation, limit := range paged {
		if limit != (limitSchema{1.0, 100.0, 20.0}) {
			t.Errorf("%s: limit is described as %+v", operation, limit)
		}
		if !slices.ContainsFunc(lists, func(l listing) bool { return l.operation == operation }) {
			t.Errorf("%s is a list that nobody reads here", operation)
		}
	}
	slices.Sort(whole)
	if !slices.Equal(whole, wholeLists) {
		t.Errorf("%v answer items and take no cursor, want %v", whole, wholeLists)
	}
	cursors := make([]string, len(lists))
	for i, l := range lists {
		if _, ok := paged[l.operation]; !ok {
			t.Errorf("%s is no list of the document", l.operation)
		}
		cursors[i] = checkPages(t, l)
	}
	for i, l := range lists {
		l.reader.Get(l.with("cursor=" + url.QueryEscape(cursors[i]))).Want(200)
		for _, j := range []int{i + 1, i + 2, i + len(lists)/2} {
			l.reader.Get(l.with("cursor="+url.QueryEscape(cursors[j%len(lists)]))).Want(400, "list.cursor")
		}
		if l.other != nil {
			l.other.Get(l.path).Want(200)
			l.other.Get(l.with("cursor="+url.QueryEscape(cursors[i]))).Want(400, "list.cursor")
		} else { // for administrators; others learn nothing of their cursors
			f.bob.Get(l.with("cursor="+url.QueryEscape(cursors[i]))).Want(403, "auth.forbidden")
		}
	}
}

// checkPages reads a list as it should not be read, then page by page, and
// gives a cursor of it.
func checkPages(t *testing.T, l listing) (cursor string) {
	t.Helper()
	for query, status := range map[string]int{
		"limit=0": 422, "limit=101": 422, "limit=-1": 422, "limit=abc": 422, "limit=1.5": 422, "limit=": 422, "limit=1&limit=2": 422, "limit=100": 200,
		"cursor=nonsense": 400, "cursor=AAAA": 400, "cursor=%00": 422, "offset=5": 200,
	} {
		a := l.reader.Get(l.with(query))
		if a.Status != status || status == 400 && a.Error != "list.cursor" {
			t.Errorf("%s %s: %s", l.path, query, a)
		}
		if query == "limit=101" && (len(a.Details) != 1 || a.Details[0].Field != "limit" || !strings.Contains(a.Details[0].Problem, "100")) {
			t.Errorf("%s %s: does not name the bound: %v", l.path, query, a.Details)
		}
	}
	first := l.reader.Get(l.with("limit=1")).Want(200)
	if len(first.Items()) != 1 || first.Next() == "" {
		t.Fatalf("%s has one page: %s", l.path, first)
	}
	link := first.Header.Get("Link")
	if !strings.HasPrefix(link, "<"+strings.SplitN(l.path, "?", 2)[0]+"?") || !strings.HasSuffix(link, `>; rel="next"`) || !strings.Contains(link, "limit=1") {
		t.Errorf("%s: Link %q", l.path, link)
	}
	at := l.reader.Get(l.with("limit=100")).Want(200)
	if at.Next() != "" || at.Header.Get("Link") != "" {
		t.Errorf("%s goes on after its end", l.path)
	}
	want := places(at.Items())
	if len(want) < 3 {
		t.Errorf("%s has %d items", l.path, len(want))
	}
	for _, limit := range []string{"limit=1", "limit=2"} {
		got := allPages(l.reader, l.with(limit))
		if l.backward {
			slices.Sort(got)
			slices.Sort(want)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s by %s: %v, at once %v", l.path, limit, got, want)
		}
	}
	return first.Next()
}

// places are what tells the items of a list apart.
func places(items []map[string]any) []string {
	all := []string{}
	for _, item := range items {
		place := fmt.Sprint(item["kind"], item["at"], item["n"], item["folder"]) // of a history, of revisions, of folders
		for _, name := range []string{"id", "tag", "number"} {
			if item[name] != nil {
				place = fmt.Sprint(item[name])
			}
		}
		for _, name := range []string{"post", "account"} { // of bookmarks and members
			if inner, ok := item[name].(map[string]any); ok {
				place = fmt.Sprint(inner["id"])
			}
		}
		all = append(all, place)
	}
	return all
}

// F12: the bounds of a page are settings, and the API says what they are.
func TestF12_ListSettings(t *testing.T) {
	t.Parallel()
	f := newForum(t, harness.Flags("--list-limit=2", "--list-max=3"))
	for range 3 {
		newBoard(f.Server, f.admin)
	}
	f.see(f.admin)
	paged, _ := listedIn(t, f.Client().Get("/openapi.json").Raw)
	if len(paged) < 20 {
		t.Errorf("%d lists", len(paged))
	}
	for operation, limit := range paged {
		if limit != (limitSchema{1.0, 3.0, 2.0}) {
			t.Errorf("%s: limit is described as %+v", operation, limit)
		}
	}
	for query, want := range map[string]int{"": 2, "?limit=1": 1, "?limit=3": 3} {
		if n := len(f.alice.Get("/v1/boards" + query).Want(200).Items()); n != want {
			t.Errorf("%q: %d boards, want %d", query, n, want)
		}
	}
	for _, limit := range []string{"0", "4", "100"} {
		a := f.alice.Get("/v1/boards?limit="+limit).Want(422, "request.invalid")
		if bound := map[bool]string{true: "1", false: "3"}[limit == "0"]; len(a.Details) != 1 || !strings.HasSuffix(a.Details[0].Problem, " "+bound) {
			t.Errorf("limit %s: %v", limit, a.Details)
		}
	}
	if got := allPages(f.alice, "/v1/boards"); len(got) != 4 {
		t.Errorf("%d boards by pages of the default size", len(got))
	}
}
