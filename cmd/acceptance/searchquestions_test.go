package acceptance

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// F10: a question is words, in whatever spelling; nothing in it is a language
// of the engine's.
func TestF10_QuestionsAreTakenLiterally(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	id := makePost(f.alice, f.board, body{
		"title": "Cafe\u0301 at the harbour, 東京のカフェ <script>alert(1)</script>", "body": "Ｆｕｌｌ width, ﾃﾞｰﾀﾍﾞｰｽ, user_name e-mail v1.2.3 C++ 🦆 ducklings 커피 Привет #Straße don't 100%",
	})
	other := makePost(f.alice, f.board, body{"title": "Something else", "body": "and OR not title kind post"})
	f.see(f.alice)
	for q, want := range map[string][]string{
		"café": {id}, "CAFÉ": {id}, "cafe\u0301": {id}, "harbor": {id}, "harbour": {id}, "HARBOUR 東京": {id}, "東京 harbour": {id}, "東京のカフェ": {id}, "ｶﾌｪ": {id}, "カフェat": {id},
		"full": {id}, "ｆｕｌｌ　ｗｉｄｔｈ": {id}, "データベース": {id}, "ﾃﾞｰﾀ": {id}, "データベ": {id}, "user_name": {id}, "user name": nil, "e-mail": {id}, "v1.2.3": {id}, "C++": {id}, "🦆": nil, "🦆 ducklings": {id}, "ducklings🦆": {id}, "❤️ ducklings": {id}, "ducklings❤️": {id}, "❤️ducklings": {id}, "_ ducklings": {id}, "❤️": nil,
		"커피": {id}, "привет": {id}, "#strasse": {id}, "STRASSE": {id}, "don't": {id}, "don’t": {id}, "100%": {id}, "<script>": {id}, "alert(1)": {id}, "duckling": {id}, "dukclings": {id}, "dxxxlings": nil,
		`"full width"`: {id}, `'full'`: {id}, "full AND width": nil, "full OR else": nil, "else OR": {other}, "NOT else": {other}, "-full": {id}, "+full -width": {id}, "full*": {id}, "ful*": nil, "f*": nil, "*": nil, "?": nil, "title:cafe": nil, "kind:post": nil,
		"kind post": {other}, "/ful./": nil, "[a TO z]": nil, "_exists_:title": nil, "full~2": nil, "full^9": nil, `full\`: {id}, `\"`: nil, "{}": nil, "()": nil, "((full": {id}, "||": nil, "&&": nil, "!full": {id}, "; DROP TABLE post": nil, "%": nil, "_": nil, "''": nil, "\u200b": nil, "\u202e": nil,
		strings.Repeat("a", 200): nil, strings.Repeat("猫", 200): nil, strings.Repeat("🦆", 200): nil, strings.Repeat("e\u0301", 100): nil, strings.Repeat("full ", 40): {id},
	} {
		for _, sort := range []string{"", "&sort=newest"} {
			wantFound(t, f.bob, q, sort, want...)
		}
		for _, kind := range []string{"accounts", "boards", "hashtags", "messages"} {
			f.bob.Get("/v1/search?kind=" + kind + "&q=" + url.QueryEscape(q)).Want(200)
		}
		f.bob.Get("/v1/search/suggest?q=" + url.QueryEscape(string([]rune(q)[:min(len([]rune(q)), 100)]))).Want(200)
	}
	marked := f.bob.Get("/v1/search?q=script+café").Want(200).Items()[0]["highlights"]
	if got, want := fmt.Sprint(marked), "map[title:[<mark>Cafe\u0301</mark> at the harbour, 東京のカフェ &lt;<mark>script</mark>&gt;alert(1)&lt;/<mark>script</mark>&gt;]]"; got != want {
		t.Errorf("highlights: %s, want %s", got, want)
	}
	if got := fmt.Sprint(f.bob.Get("/v1/search?q=don%E2%80%99t").Want(200).Items()[0]["highlights"]); !strings.Contains(got, "<mark>don&#39;t</mark>") {
		t.Errorf("highlights: %s", got)
	}
	for _, q := range []string{"", "+", "%20%09", "%E3%80%80", strings.Repeat("a", 201)} {
		f.bob.Get("/v1/search?q=" + q).Want(422)
	}
	for _, more := range []string{"&board=x", "&author=@", "&author=alice", "&since=yesterday", "&until=1", "&tag=a%20b", "&kind=post", "&sort=oldest", "&limit=0", "&limit=101"} {
		f.bob.Get("/v1/search?q=full" + more).Want(422)
	}
	for _, id := range []string{nowhere, noID} {
		wantFound(t, f.bob, "full", "&board="+id)
		wantFound(t, f.bob, "full", "&author="+id)
	}
}

// F10: what is found follows what becomes of posts and people, at once.
func TestF10_FollowsWhatBecomes(t *testing.T) {
	t.Parallel()
	f := newForum(t)
	second := newBoard(f.Server, f.admin)
	f.see(f.admin)
	id := makePost(f.alice, f.board, body{"title": "Ibis", "body": "A bird #ibis"})
	f.see(f.alice)
	f.admin.Put("/v1/posts/"+id+"/board", body{"boardId": second}).Want(200)
	f.see(f.admin)
	wantFound(t, f.bob, "ibis", "&board="+second, id)
	wantFound(t, f.bob, "ibis", "&board="+f.board)
	f.alice.Delete("/v1/posts/" + id).Want(204)
	f.see(f.alice)
	wantFound(t, f.bob, "ibis", "")
	wantFound(t, f.bob, "ibis", "&kind=hashtags")
	wantFound(t, f.alice, "ibis", "")
	f.alice.Post("/v1/posts/"+id+"/restore", nil).Want(200)
	f.see(f.alice)
	wantFound(t, f.bob, "ibis", "", id)
	wantFound(t, f.bob, "ibis", "&tag=ibis&board="+second, id)
	wantFound(t, f.bob, "ibis", "&kind=hashtags", "ibis")

	// Another handle: the old one names nobody.
	was := f.alice.Account.Handle
	f.alice.Put("/v1/me/handle", body{"handle": "ibis_" + was[len(was)-6:]}).Want(200)
	f.see(f.alice)
	wantFound(t, f.bob, "ibis", "&author=@"+was)
	wantFound(t, f.bob, "ibis", "&author=@ibis_"+was[len(was)-6:], id)
	wantFound(t, f.bob, "ibis", "&kind=accounts", f.alice.Account.ID)
	if got := search(f.bob, was, "&kind=accounts"); slices.Contains(got, f.alice.Account.ID) {
		t.Errorf("found by the old handle: %v", got)
	}

	// A profile that is for followers is not searched.
	f.alice.Patch("/v1/me/profile", body{"displayName": "Ada Ibis", "bio": "collects cassowaries"}).Want(200)
	f.see(f.alice)
	wantFound(t, f.bob, "cassowaries", "&kind=accounts", f.alice.Account.ID)
	f.alice.Patch("/v1/me/settings", body{"privacy": body{"profile": "followers"}}).Want(200)
	f.see(f.alice)
	wantFound(t, f.bob, "cassowaries", "&kind=accounts")
	wantFound(t, f.bob, "ada ibis", "&kind=accounts", f.alice.Account.ID)
	wantFound(t, f.bob, "ibis", "", id)
	f.alice.Patch("/v1/me/settings", body{"privacy": body{"profile": "public"}}).Want(200)
	f.see(f.alice)
	wantFound(t, f.bob, "cassowaries", "&kind=accounts", f.alice.Account.ID)

	// A suspension ends writing, not being read.
	f.admin.Put("/v1/accounts/"+f.alice.Account.ID+"/suspension", body{"reason": "spam"}).Want(204)
	f.see(f.admin)
	wantFound(t, f.bob, "ibis", "", id)
	wantFound(t, f.bob, "cassowaries", "&kind=accounts", f.alice.Account.ID)
}
