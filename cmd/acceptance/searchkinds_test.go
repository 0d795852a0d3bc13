package acceptance

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

// F10, F1: boards, by how the words of their names begin and by what is said
// of them; found again under another name at once.
func TestF10_Boards(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	kitchen := f.admin.Post("/v1/boards", body{"name": "Kitchen 廚房", "description": "Recipes & <i>knives</i>"}).Want(201).ID()
	garden := f.admin.Post("/v1/boards", body{"name": "Gardening", "rules": "no pesticides"}).Want(201).ID()
	anybody := f.Client()
	anybody.Position = f.admin.Position
	for q, want := range map[string][]string{
		"kitchen": {kitchen}, "KIT": {kitchen}, "kichen": {kitchen}, "廚房": {kitchen}, "kitchen 廚房": {kitchen}, "recipes": {kitchen}, "recip": nil, "garden": {garden},
		"kitchen garden": nil, "pesticides": nil,
	} {
		wantFound(t, anybody, q, "&kind=boards", want...)
	}
	hit := anybody.Get("/v1/search?kind=boards&q=kit+knives").Want(200).Items()[0]
	if hit["kind"] != "board" || hit["id"] != kitchen || dig(hit, "board", "name") != "Kitchen 廚房" || dig(hit, "board", "viewer", "moderator") != false || hit["post"] != nil {
		t.Errorf("hit: %v", hit)
	}
	if got := fmt.Sprint(hit["highlights"]); got != "map[description:[Recipes &amp; &lt;i&gt;<mark>knives</mark>&lt;/i&gt;] name:[<mark>Kit</mark>chen 廚房]]" {
		t.Errorf("highlights: %s", got)
	}
	f.admin.Patch("/v1/boards/"+garden, body{"name": "Balcony", "archived": true}).Want(200)
	wantFound(t, f.admin, "garden", "&kind=boards")
	wantFound(t, f.admin, "balcony", "&kind=boards", garden)
	f.admin.Patch("/v1/boards/"+kitchen, body{"description": "balcony too"}).Want(200)
	if got := search(f.admin, "balcony", "&kind=boards&sort=newest"); !slices.Equal(got, []string{garden, kitchen}) {
		t.Errorf("newest first: %v", got)
	}
	since := url.QueryEscape(f.admin.Get("/v1/boards/" + garden).Want(200).Map()["createdAt"].(string))
	wantFound(t, f.admin, "balcony", "&kind=boards&since="+since, garden)
	wantFound(t, f.admin, "balcony", "&kind=boards&until="+since, kitchen)
	if got := allPages(f.admin, "/v1/search?kind=boards&q=balcony&limit=1&sort=newest"); !slices.Equal(got, []string{garden, kitchen}) {
		t.Errorf("pages: %v", got)
	}
}

// F10, F7: hashtags, whole or by a beginning or a word; only those that
// somebody's published post has.
func TestF10_Hashtags(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	first := makePost(f.alice, f.board, body{"body": "#Quokka #quokkas #台北咖啡"})
	f.bob.Position = f.alice.Position
	makePost(f.bob, f.board, body{"body": "#QUOKKA"})
	f.bob.Post(f.posts(), body{"title": "t", "body": "#quokkadraft", "draft": true}).Want(201)
	f.see(f.bob)
	f.alice.Put("/v1/hashtags/quokka/follow", nil).Want(204)
	anybody := f.Client()
	anybody.Position = f.alice.Position
	for q, want := range map[string][]string{
		"quokka": {"quokka", "quokkas"}, "#quok": {"quokka", "quokkas"}, "quokkas": {"quokka", "quokkas"}, "咖啡": {"台北咖啡"}, "＃台北": {"台北咖啡"}, "koala": nil,
	} {
		wantFound(t, anybody, q, "&kind=hashtags", want...)
	}
	hit := f.alice.Get("/v1/search?kind=hashtags&q=quokka").Want(200).Items()[0]
	if hit["kind"] != "hashtag" || hit["id"] != "quokka" || dig(hit, "hashtag", "tag") != "quokka" || dig(hit, "hashtag", "posts") != 2.0 ||
		dig(hit, "hashtag", "viewer", "following") != true || fmt.Sprint(hit["highlights"]) != "map[tag:[<mark>quokka</mark>]]" {
		t.Errorf("hit: %v", hit)
	}
	f.alice.Patch("/v1/posts/"+first, body{"body": "#quokkaland"}).Want(200)
	wantFound(t, f.alice, "quok", "&kind=hashtags", "quokka", "quokkaland")
	wantFound(t, f.alice, "咖啡", "&kind=hashtags")
	if got := search(f.alice, "quok", "&kind=hashtags&sort=newest"); !slices.Equal(got, []string{"quokka", "quokkaland"}) {
		t.Errorf("used last first: %v", got)
	}
	f.alice.Delete("/v1/posts/" + first).Want(204)
	wantFound(t, f.alice, "quok", "&kind=hashtags", "quokka")
}

// F10, C5: messages of one's own rooms, while one is in them; edited and
// deleted ones at once; nothing for strangers.
func TestF10_Messages(t *testing.T) {
	t.Parallel()
	s := harness.Start(t)
	alice, bob, carol := s.NewPerson("alice"), s.NewPerson("bob"), s.NewPerson("carol")
	seeing(carol, alice, bob)
	say := func(c *harness.Client, room, text string) (id, path string) {
		t.Helper()
		m := c.Post("/v1/rooms/"+room+"/messages", body{"text": text}).Want(201).Map()
		seeing(c, alice, bob, carol)
		return m["id"].(string), fmt.Sprintf("/v1/rooms/%s/messages/%v", room, m["number"])
	}
	both, all := group(alice, bob), group(alice, bob, carol)
	seeing(alice, bob, carol)
	one, onePath := say(alice, both, "a platypus, said <b>so</b> @"+bob.Account.Handle)
	two, twoPath := say(bob, all, "鴨嘴獸 platypus")
	s.NewPerson("dave")
	for _, sort := range []string{"", "&sort=newest"} {
		wantFound(t, alice, "platypus", "&kind=messages"+sort, one, two)
		wantFound(t, carol, "platypus", "&kind=messages"+sort, two)
	}
	wantFound(t, bob, "platypus", "&kind=messages&author="+alice.Account.ID, one)
	wantFound(t, bob, "platypus", "&kind=messages&author=@"+bob.Account.Handle, two)
	wantFound(t, bob, "platipus", "&kind=messages", one, two)
	wantFound(t, bob, "鴨嘴獸", "&kind=messages", two)
	wantFound(t, bob, "platypus", "")
	wantFound(t, s.NewPerson("eve"), "platypus", "&kind=messages")
	s.Client().Get("/v1/search?kind=messages&q=platypus").Want(401, "auth.missing")

	hit := bob.Get("/v1/search?kind=messages&q=platypus+said").Want(200).Items()[0]
	if hit["kind"] != "message" || hit["id"] != one || dig(hit, "message", "roomId") != both || dig(hit, "message", "number") != 2.0 ||
		dig(hit, "message", "sender", "id") != alice.Account.ID || dig(hit, "message", "sender", "handle") != alice.Account.Handle {
		t.Errorf("hit: %v", hit)
	}
	if got, want := fmt.Sprint(hit["highlights"]), "map[text:[a <mark>platypus</mark>, <mark>said</mark> &lt;b&gt;so&lt;/b&gt; @"+bob.Account.Handle+"]]"; got != want {
		t.Errorf("highlights: %s, want %s", got, want)
	}
	if got := allPages(alice, "/v1/search?kind=messages&q=platypus&sort=newest&limit=1"); !slices.Equal(got, []string{two, one}) {
		t.Errorf("pages: %v", got)
	}
	sent := url.QueryEscape(bob.Get("/v1/rooms/" + all + "/messages").Want(200).Items()[0]["createdAt"].(string))
	wantFound(t, bob, "鴨嘴獸", "&kind=messages&since="+sent, two)
	wantFound(t, bob, "鴨嘴獸", "&kind=messages&until="+sent)

	bob.Patch(twoPath, body{"text": "an echidna"}).Want(200)
	seeing(bob, alice, carol)
	wantFound(t, carol, "platypus", "&kind=messages")
	wantFound(t, carol, "echidna", "&kind=messages", two)
	carol.Delete("/v1/rooms/" + all + "/members/" + carol.Account.ID).Want(204)
	seeing(carol, alice, bob)
	wantFound(t, carol, "echidna", "&kind=messages")
	wantFound(t, bob, "echidna", "&kind=messages", two)
	alice.Delete(onePath).Want(204)
	wantFound(t, alice, "platypus", "&kind=messages")
}

// suggested are the texts that are suggested, with their kinds' signs.
func suggested(c *harness.Client, q string) []string {
	var answer struct {
		Items []struct {
			Kind, Text string
			Account    map[string]any
			Hashtag    map[string]any
		}
	}
	c.Get("/v1/search/suggest?q=" + url.QueryEscape(q)).Want(200).Into(&answer)
	var list []string
	for _, x := range answer.Items {
		switch {
		case x.Kind == "account" && x.Account["handle"] == x.Text && x.Hashtag == nil:
			list = append(list, "@"+x.Text)
		case x.Kind == "hashtag" && x.Hashtag["tag"] == x.Text && x.Account == nil:
			list = append(list, "#"+x.Text)
		default:
			list = append(list, fmt.Sprintf("?%v", x))
		}
	}
	return list
}

// F10, F8: what goes on from a beginning, in any script; a sign asks for one
// kind; nobody across a block.
func TestF10_Suggest(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	handle := "zq" + f.alice.Account.Handle[5:]
	f.alice.Put("/v1/me/handle", body{"handle": handle}).Want(200)
	for _, name := range [][2]string{{"Numbat", "numb"}, {"❤️Quokka❤️", "quok"}, {"王小明 Wombat", "womb"}} { // there at once, for who has the position
		f.alice.Patch("/v1/me/profile", body{"displayName": name[0]}).Want(200)
		if got := suggested(f.alice, name[1]); !slices.Equal(got, []string{"@" + handle}) {
			t.Errorf("%s: %v", name[0], got)
		}
	}
	makePost(f.alice, f.board, body{"body": "#zqfirst #日本酒 #日本語"})
	makePost(f.alice, f.board, body{"body": "#zqsecond #日本語 @" + handle})
	f.alice.Post(f.posts(), body{"title": "t", "body": "#zqdraft", "draft": true}).Want(201)
	f.see(f.alice)
	anybody := f.Client()
	anybody.Position = f.alice.Position
	for q, want := range map[string][]string{
		"zq": {"@" + handle, "#zqfirst", "#zqsecond"}, "ZQ": {"@" + handle, "#zqfirst", "#zqsecond"}, "ｚｑ": {"@" + handle, "#zqfirst", "#zqsecond"},
		"@zq": {"@" + handle}, "＠zq": {"@" + handle}, "#zq": {"#zqfirst", "#zqsecond"}, "＃ZQ": {"#zqfirst", "#zqsecond"}, "zqs": {"#zqsecond"}, " #zqs ": {"#zqsecond"},
		handle: {"@" + handle}, "日": {"#日本語", "#日本酒"}, "日本酒": {"#日本酒"}, "#日本": {"#日本語", "#日本酒"}, "本": nil, "zqd": nil,
		"王": {"@" + handle}, "@王小": {"@" + handle}, "womb": {"@" + handle}, "王小明 wom": {"@" + handle}, "小明": {"@" + handle}, "#王": nil,
		"@": nil, "#": nil, "@#zq": nil, "zq zq": nil, "%": nil, "_": nil, "zq%": nil, "never_there": nil, "!": nil, "'": nil,
	} {
		if got := suggested(anybody, q); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", q, got, want)
		}
	}
	f.bob.Put("/v1/accounts/"+f.alice.Account.ID+"/block", nil).Want(204)
	f.see(f.bob)
	for _, q := range []string{"@zq", "womb", "王"} {
		if got := suggested(f.bob, q); got != nil {
			t.Errorf("%q across a block: %v", q, got)
		}
		if got := suggested(f.alice, q); len(got) != 1 {
			t.Errorf("%q to herself: %v", q, got)
		}
	}
	f.bob.Delete("/v1/accounts/" + f.alice.Account.ID + "/block").Want(204)
	f.see(f.bob)
	f.alice.Put("/v1/accounts/"+f.bob.Account.ID+"/block", nil).Want(204)
	f.see(f.alice)
	if got := suggested(f.bob, "@zq"); got != nil {
		t.Errorf("across the other block: %v", got)
	}
	for _, q := range []string{"", "?q=", "?q=+", "?q=" + strings.Repeat("a", 101)} {
		if a := f.bob.Get("/v1/search/suggest" + q).Want(422); len(a.Details) != 1 || a.Details[0].Field != "q" {
			t.Errorf("%s: %v", q, a.Details)
		}
	}
	f.bob.Get("/v1/search/suggest?q=a%00").Want(422, "text.invalid")
	f.bob.Do("GET", "/v1/search/suggest?q=a", nil, harness.Header{Name: "Authorization", Value: "Bearer nonsense"}).Want(401)
}

// F10: ten suggestions at most, some of each kind; the very tag first, then
// the most used ones.
func TestF10_SuggestMany(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	tags := ""
	for n := range 15 {
		tags += fmt.Sprintf(" #bob_tag%02d", n)
	}
	makePost(f.alice, f.board, body{"body": tags})
	makePost(f.alice, f.board, body{"body": "#bob_tag14 #bob"})
	f.see(f.alice)
	got := suggested(f.alice, "bob")
	if len(got) != 10 || got[0] != "@"+f.bob.Account.Handle || got[1] != "#bob" || got[2] != "#bob_tag14" || got[3] != "#bob_tag00" {
		t.Errorf("suggested: %v", got)
	}
	if got := suggested(f.alice, "#bob"); len(got) != 10 || got[0] != "#bob" {
		t.Errorf("tags: %v", got)
	}
}
