package acceptance

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// search gives the ids that a query finds, in their order.
func search(c *harness.Client, q, more string) []string {
	var ids []string
	for _, hit := range c.Get("/v1/search?q=" + url.QueryEscape(q) + more).Want(200).Items() {
		ids = append(ids, hit["id"].(string))
	}
	return ids
}

// wantFound compares what a query finds, in any order.
func wantFound(t *testing.T, c *harness.Client, q, more string, want ...string) {
	t.Helper()
	got := search(c, q, more)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%q%s finds %v, want %v", q, more, got, want)
	}
}

// F10: posts in CJK and Latin, with highlights that are safe to show.
func TestF10_Posts(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	han := makePost(f.alice, f.board, map[string]any{"title": "一個可以聊天的社群", "body": "我們**每天**都在這裡聊天 #台北"})
	latin := makePost(f.bob, f.board, map[string]any{"title": "Where to chat <now>", "body": "A community & a `<script>` of chatters, said @" + f.alice.Account.Handle})
	anybody := f.Client()
	anybody.Position = f.bob.Position // his is the later post
	for q, want := range map[string][]string{
		"聊天": {han}, "聊": {han}, "社群 聊天": {han}, "天聊": nil, "chat": {latin}, "CHAT community": {latin}, "comunity": {latin}, "chat 聊天": nil, "script chatters": {latin}, "!": nil,
	} {
		wantFound(t, anybody, q, "", want...)
	}
	hit := anybody.Get("/v1/search?q=" + url.QueryEscape("聊天 社群")).Want(200).Items()[0]
	if hit["kind"] != "post" || dig(hit, "post", "title") != "一個可以聊天的社群" || dig(hit, "post", "author", "id") != f.alice.Account.ID {
		t.Errorf("hit: %v", hit)
	}
	if got := fmt.Sprint(hit["highlights"]); got != "map[body:[我們每天都在這裡<mark>聊天</mark> #台北] title:[一個可以<mark>聊天</mark>的<mark>社群</mark>]]" {
		t.Errorf("highlights: %s", got)
	}
	hit = anybody.Get("/v1/search?q=chat+community").Want(200).Items()[0]
	title, body := fmt.Sprint(dig(hit, "highlights", "title")), fmt.Sprint(dig(hit, "highlights", "body"))
	if title != "[Where to <mark>chat</mark> &lt;now&gt;]" || !strings.HasPrefix(body, "[A <mark>community</mark> &amp; a &lt;script&gt;") || !strings.Contains(body, "@"+f.alice.Account.Handle) {
		t.Errorf("highlights: %s %s", title, body)
	}
}

// F10: results follow edits, deletions and drafts at once, with the position
// of the write and without.
func TestF10_Follows(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	draft := f.alice.Post(f.posts(), map[string]any{"title": "Hidden whale", "body": "b", "draft": true}).Want(201).ID()
	id := makePost(f.alice, f.board, map[string]any{"title": "Blue whale", "body": "b"})
	wantFound(t, f.alice, "whale", "", id)
	f.alice.Patch("/v1/posts/"+id, map[string]any{"title": "Red fox"}).Want(200)
	wantFound(t, f.alice, "whale", "")
	wantFound(t, f.alice, "fox", "", id)
	f.alice.Patch("/v1/posts/"+draft, map[string]any{"publish": true}).Want(200)
	wantFound(t, f.alice, "whale", "", draft)
	f.alice.Delete("/v1/posts/" + id).Want(204)
	wantFound(t, f.alice, "fox", "")
}

// F10, F2: the author of an anonymous post cannot be found by anything.
func TestF10_Anonymous(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	signed := makePost(f.alice, f.board, map[string]any{"title": "Signed giraffe", "body": "b"})
	hidden := makePost(f.alice, f.board, map[string]any{"title": "Secret giraffe", "body": "b", "anonymous": true})
	f.see(f.alice)
	for _, c := range []*harness.Client{f.alice, f.bob, f.admin, f.Client()} {
		wantFound(t, c, "giraffe", "", signed, hidden)
		wantFound(t, c, "giraffe", "&author="+f.alice.Account.ID, signed)
		wantFound(t, c, "giraffe", "&author=@"+f.alice.Account.Handle, signed)
		wantFound(t, c, f.alice.Account.Handle, "")
	}
	raw := string(f.bob.Get("/v1/search?q=secret").Want(200).Raw)
	if strings.Contains(raw, f.alice.Account.ID) || strings.Contains(raw, f.alice.Account.Handle) {
		t.Errorf("it names its author: %s", raw)
	}
	// Blocks leave anonymous posts alone, and show none of the signed ones.
	f.bob.Put("/v1/accounts/"+f.alice.Account.ID+"/block", nil).Want(204)
	f.see(f.bob)
	wantFound(t, f.bob, "giraffe", "", hidden)
	wantFound(t, f.alice, "giraffe", "", signed, hidden)
}

// F10, F8: people, by handle, name and what they say; none across a block.
func TestF10_Accounts(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	f.alice.Patch("/v1/me/profile", map[string]any{"displayName": "王小明", "bio": "I like zebras & <b>tea</b>"}).Want(200)
	f.see(f.alice)
	handle := f.alice.Account.Handle
	for _, q := range []string{handle, handle[:4], "小明", "zebras", "王小明 zebras"} {
		if got := search(f.bob, q, "&kind=accounts"); !slices.Contains(got, f.alice.Account.ID) {
			t.Errorf("%q does not find her: %v", q, got)
		}
	}
	hit := f.bob.Get("/v1/search?kind=accounts&q=zebras").Want(200).Items()[0]
	if hit["kind"] != "account" || dig(hit, "account", "handle") != handle || dig(hit, "account", "email") != nil ||
		fmt.Sprint(hit["highlights"]) != "map[bio:[I like <mark>zebras</mark> &amp; &lt;b&gt;tea&lt;/b&gt;]]" {
		t.Errorf("hit: %v", hit)
	}
	f.bob.Put("/v1/accounts/"+f.alice.Account.ID+"/block", nil).Want(204)
	f.see(f.bob)
	wantFound(t, f.bob, "zebras", "&kind=accounts")
	wantFound(t, f.alice, "zebras", "&kind=accounts", f.alice.Account.ID)
	f.bob.Delete("/v1/accounts/" + f.alice.Account.ID + "/block").Want(204)
	f.see(f.bob)
	f.alice.Put("/v1/accounts/"+f.bob.Account.ID+"/block", nil).Want(204)
	f.see(f.alice)
	wantFound(t, f.bob, "zebras", "&kind=accounts")
	anybody := f.Client()
	anybody.Position = f.alice.Position
	wantFound(t, anybody, "zebras", "&kind=accounts", f.alice.Account.ID)
}

// F10: filters by board, author, hashtag and time.
func TestF10_Filters(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	other := newBoard(f.Server, f.admin)
	f.see(f.admin)
	a := f.alice.Post(f.posts(), map[string]any{"title": "otter one", "body": "#Straße"}).Want(201).Map()
	f.bob.Position = f.alice.Position
	b := f.bob.Post(f.posts(), map[string]any{"title": "otter two", "body": "#other"}).Want(201).Map()
	f.alice.Position = f.bob.Position
	c := f.alice.Post("/v1/boards/"+other+"/posts", map[string]any{"title": "otter three", "body": "#strasse"}).Want(201).Map()
	f.see(f.alice)
	one, two, three := a["id"].(string), b["id"].(string), c["id"].(string)
	at := func(p map[string]any) string { return url.QueryEscape(p["publishedAt"].(string)) }
	for more, want := range map[string][]string{
		"":                                    {one, two, three},
		"&board=" + f.board:                   {one, two},
		"&board=" + nowhere:                   nil,
		"&author=" + f.bob.Account.ID:         {two},
		"&author=@" + f.alice.Account.Handle:  {one, three},
		"&author=@nobody_there":               nil,
		"&author=" + nowhere:                  nil,
		"&tag=STRASSE":                        {one, three},
		"&tag=strasse&board=" + f.board:       {one},
		"&since=" + at(c):                     {three},
		"&until=" + at(a):                     nil,
		"&since=" + at(b) + "&until=" + at(c): {two},
	} {
		if a["publishedAt"] == b["publishedAt"] || b["publishedAt"] == c["publishedAt"] {
			if strings.Contains(more, "since") || strings.Contains(more, "until") {
				continue // written within a millisecond
			}
		}
		wantFound(t, f.bob, "otter", more, want...)
	}
	if got := search(f.bob, "otter", "&sort=newest"); !slices.Equal(got, []string{three, two, one}) {
		t.Errorf("newest first: %v", got)
	}
}

// F10: pages meet end to end, though some hits are for others alone.
func TestF10_Pages(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	var want []string
	for n := range 12 {
		if by := []*harness.Client{f.alice, f.admin}[n%2]; by == f.alice {
			makePost(by, f.board, map[string]any{"title": "badger", "body": fmt.Sprint(n)})
		} else {
			want = append(want, makePost(by, f.board, map[string]any{"title": "badger", "body": fmt.Sprint(n)}))
		}
		f.see(f.alice)
		f.see(f.admin)
	}
	f.alice.Put("/v1/accounts/"+f.bob.Account.ID+"/block", nil).Want(204)
	f.see(f.alice)
	slices.Reverse(want)
	for _, limit := range []int{1, 4, 100} {
		if got := allPages(f.bob, fmt.Sprintf("/v1/search?q=badger&sort=newest&limit=%d", limit)); !slices.Equal(got, want) {
			t.Errorf("limit %d: %v, want %v", limit, got, want)
		}
		got := allPages(f.bob, fmt.Sprintf("/v1/search?q=badger&limit=%d", limit))
		slices.Sort(got)
		sorted := slices.Sorted(slices.Values(want))
		if !slices.Equal(got, sorted) {
			t.Errorf("limit %d, best first: %v, want %v", limit, got, sorted)
		}
	}
	next := f.bob.Get("/v1/search?q=badger&limit=1").Want(200).Next()
	f.bob.Get("/v1/search?q=badger&limit=1&cursor=" + next).Want(200)
	f.bob.Get("/v1/search?q=otter&limit=1&cursor="+next).Want(400, "list.cursor")
	f.admin.Get("/v1/search?q=badger&limit=1&cursor="+next).Want(400, "list.cursor")
}

// F10: what cannot be looked for is said.
func TestF10_BadQueries(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	for query, field := range map[string]string{
		"": "q", "?q=": "q", "?q=+": "q", "?q=%E3%80%80": "q", "?q=" + strings.Repeat("a", 201): "q",
		"?q=a&kind=x": "kind", "?q=a&kind=post": "kind", "?kind=messages": "q",
		"?q=a&board=x": "board", "?q=a&author=x": "author", "?q=a&tag=a+b": "tag", "?q=a&since=x": "since", "?q=a&sort=x": "sort", "?q=a&limit=0": "limit",
		"?q=a&kind=accounts&board=" + nowhere: "board", "?q=a&kind=accounts&tag=x": "tag", "?q=a&kind=accounts&author=@somebody": "author",
		"?q=a&kind=boards&board=" + nowhere: "board", "?q=a&kind=boards&author=" + nowhere: "author", "?q=a&kind=boards&tag=x": "tag",
		"?q=a&kind=messages&board=" + nowhere: "board", "?q=a&kind=messages&tag=x": "tag",
		"?q=a&kind=hashtags&author=" + nowhere: "author", "?q=a&kind=hashtags&since=2026-01-01T00:00:00Z": "since", "?q=a&kind=hashtags&until=2026-01-01T00:00:00Z": "until",
	} {
		a := f.bob.Get("/v1/search" + query).Want(422)
		if len(a.Details) != 1 || a.Details[0].Field != field {
			t.Errorf("%s: %v, want %s", query, a.Details, field)
		}
	}
	f.bob.Get("/v1/search?q=a%00b").Want(422, "text.invalid")
	f.bob.Get("/v1/search?q=%ff").Want(422, "text.invalid")
	var many []string
	for n := range 30 {
		many = append(many, fmt.Sprint("w", n))
	}
	f.bob.Get("/v1/search?q=" + strings.Join(many, "+")).Want(422)
}

// Q7, O1: the index outlives a restart, and is built by itself where it is
// not there.
func TestF10_Restart(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	id := makePost(f.alice, f.board, map[string]any{"title": "lasting walrus", "body": "b"})
	wantFound(t, f.alice, "walrus", "", id)
	f.Stop()
	f.Again(false)
	wantFound(t, f.Move(f.alice), "walrus", "", id)
	f.Stop()
	if err := os.RemoveAll(filepath.Join(f.Data, "search")); err != nil {
		t.Fatal(err)
	}
	f.Again(false)
	wantFound(t, f.Move(f.alice), "walrus", "", id)
}
