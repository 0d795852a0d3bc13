package searchtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parleyhq/parley/readmodels"
)

// F10: all words must match, in whatever text, in any order and case; what is
// no word does not count, and no word matches nothing.
func words(t *testing.T, p Place) {
	i := begin(t, p)
	i.put(post(1, "Red apples", "They grow on trees."), post(2, "Green pears", "They grow on TREES, too; the tree is old."), post(3, "e-mail to user_name", "See example.com, version 3.14"))
	for text, want := range map[string][]int{
		"apples": {1}, "trees": {1, 2}, "TREES": {1, 2}, "they trees": {1, 2}, "trees apples": {1}, "apples pears": nil,
		"grow on": {1, 2}, "grow,on": {1, 2}, "on,grow": nil, "old": {2}, "absent": nil, "trees absent": nil, "absent trees": nil,
		"": nil, "!!! --": nil, "trees !!!": {1, 2}, "#apples": {1}, "e-mail": {3}, "user_name": {3}, "example.com": {3}, "3.14": {3}, "ｔｒｅｅｓ": {1, 2},
	} {
		i.want(text, want...)
	}
}

// F10: Chinese, Japanese, Korean and Latin, alone and beside each other; a
// single character too.
func scripts(t *testing.T, p Place) {
	i := begin(t, p)
	i.put(
		post(1, "一個可以聊天的社群", "我們每天都在這裡聊天。"),
		post(2, "東京の美味しいラーメン屋", "駅前の店でラーメンを食べた。黒猫がいた"),
		post(3, "한국어 게시판", "서울에서 만나요. Go언어로 만든 서버"),
		post(4, "golang入門", "用 Go 寫一個伺服器：Ｇｏ語言很簡單。"),
		post(5, "Straße und Café", "Ich wohne in der Hauptstraße."),
		post(6, "ﾃﾞｰﾀﾍﾞｰｽ", "半角カナ"),
	)
	for text, want := range map[string][]int{
		"聊天": {1}, "社群": {1}, "天聊": nil, "可以聊天": {1}, "聊天 社群": {1}, "社群聊天": nil, "聊": {1}, "天": {1}, "群": {1}, "一個": {1, 4},
		"ラーメン": {2}, "らーめん": nil, "猫": {2}, "黒猫": {2}, "美味しい ラーメン": {2}, "ーメ": {2}, "京": {2},
		"한국": {3}, "국어": {3}, "서울": {3}, "언어": {3}, "go언어": {3}, "만나": {3},
		"入門": {4}, "golang": {4}, "golang入門": {4}, "入門golang": {4}, "go 語言": {4}, "go語言": {4}, "go": {3, 4},
		"STRASSE": {5}, "straße": {5}, "データ": {6}, "データベース": {6}, "ﾍﾞｰｽ": {6},
	} {
		i.want(text, want...)
	}
}

// F10: a typo in a long word is forgiven, in a short one or a number not, and
// the right spelling comes first.
func typos(t *testing.T, p Place) {
	i := begin(t, p)
	i.put(post(1, "A community", ""), post(2, "The comunity", ""), post(3, "cat 2026", ""), post(4, "beautiful gardens", ""))
	for text, want := range map[string][]int{
		"community": {1, 2}, "comunity": {1, 2}, "communitty": {1, 2}, "xommunity": nil, "cut": nil, "2027": nil, "beautyful": {4}, "garden": {4},
	} {
		i.want(text, want...)
	}
	if got := i.ask(readmodels.SearchQuery{Words: readmodels.Words("community")}); len(got) == 0 || got[0] != 1 {
		t.Errorf("the right spelling is not first: %v", got)
	}
}

// F10: kind, board, author, tag and time each choose, and all together.
func filters(t *testing.T, p Place) {
	i := begin(t, p)
	var docs []readmodels.Document
	for n := range 8 {
		d := post(n, "same words", "")
		d.Board, d.Author = id(100+n%2), id(200+n/2%2)
		if n/4%2 == 1 {
			d.Tags = []string{"日本", "other"}
		}
		docs = append(docs, d)
	}
	docs = append(docs, readmodels.Document{Thing: readmodels.Thing{Kind: readmodels.SearchAccounts, ID: id(50)}, Names: []string{"same"}, Title: "same words", At: start})
	anonymous := post(8, "same words", "")
	i.put(append(docs, anonymous)...)
	at := func(n int) time.Time { return start.Add(time.Duration(n) * time.Minute) }
	for name, c := range map[string]struct {
		q    readmodels.SearchQuery
		want []int
	}{
		"none":       {readmodels.SearchQuery{}, []int{0, 1, 2, 3, 4, 5, 6, 7, 8}},
		"kind":       {readmodels.SearchQuery{Kind: readmodels.SearchAccounts}, []int{50}},
		"board":      {readmodels.SearchQuery{Board: id(101)}, []int{1, 3, 5, 7}},
		"author":     {readmodels.SearchQuery{Author: id(200)}, []int{0, 1, 4, 5}},
		"tag":        {readmodels.SearchQuery{Tag: "日本"}, []int{4, 5, 6, 7}},
		"no tag":     {readmodels.SearchQuery{Tag: "日"}, nil},
		"since":      {readmodels.SearchQuery{Since: at(6)}, []int{6, 7, 8}},
		"until":      {readmodels.SearchQuery{Until: at(2)}, []int{0, 1}},
		"between":    {readmodels.SearchQuery{Since: at(2), Until: at(3)}, []int{2}},
		"nothing":    {readmodels.SearchQuery{Since: at(3), Until: at(3)}, nil},
		"everything": {readmodels.SearchQuery{Board: id(101), Author: id(201), Tag: "other", Since: at(1), Until: at(8)}, []int{7}},
	} {
		c.q.Words = readmodels.Words("words")
		got := i.ask(c.q)
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		c.q.Newest = true
		got = i.ask(c.q)
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s, newest first: %v, want %v", name, got, c.want)
		}
		c.q.Words = readmodels.Words("absent")
		if got := i.ask(c.q); len(got) > 0 {
			t.Errorf("%s without the word: %v", name, got)
		}
	}
}

// F10: people are found by the beginning of their handle, their name and what
// they say of themselves.
func accounts(t *testing.T, p Place) {
	i := begin(t, p)
	for n, a := range []struct{ handle, name, bio string }{
		{"alice_1", "Alice Liddell", "I fell down a hole."}, {"bob", "王小明", "likes Alice"}, {"malice", "Mal", ""},
	} {
		i.put(readmodels.Document{
			Thing: readmodels.Thing{Kind: readmodels.SearchAccounts, ID: id(n)}, Names: append(strings.Fields(readmodels.Searchable(a.name)), a.handle), Title: readmodels.Searchable(a.name), Body: readmodels.Searchable(a.bio), At: start,
		})
	}
	for text, want := range map[string][]int{
		"alice": {0, 1}, "ali": {0}, "alice_1": {0}, "bo": {1}, "小明": {1}, "明": {1}, "hole": {0}, "lice": nil, "ali hole": {0}, "m": {2}, "lid": {0}, "小": {1}, "王小": {1}, "ali lid": {0}, "liddel": {0},
	} {
		if got := i.ask(readmodels.SearchQuery{Kind: readmodels.SearchAccounts, Words: readmodels.Words(text)}); !sameSet(got, want) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
	if got := i.ask(readmodels.SearchQuery{Kind: readmodels.SearchAccounts, Words: readmodels.Words("alice")}); got[0] != 0 {
		t.Errorf("by handle and name is not first: %v", got)
	}
}

// F10: one kind is found at a time: boards by how the words of their names
// begin and by what is said of them, hashtags by any part that is a word.
func kinds(t *testing.T, p Place) {
	i := begin(t, p)
	thing := func(kind readmodels.Kind, n int, tag, title, body string) readmodels.Document {
		title = readmodels.Searchable(title)
		d := readmodels.Document{Thing: readmodels.Thing{Kind: kind, Tag: tag}, Names: strings.Fields(title), Title: title, Body: readmodels.Searchable(body), At: start.Add(time.Duration(n) * time.Minute)}
		if tag == "" {
			d.ID = id(n)
		}
		return d
	}
	boards := func(n int, name, text string) readmodels.Document {
		return thing(readmodels.SearchBoards, n, "", name, text)
	}
	tags := func(n int, name string) readmodels.Document {
		return thing(readmodels.SearchHashtags, n, name, name, "")
	}
	i.put(
		boards(1, "Cooking at home", "recipes, knives and pans"), boards(2, "台北美食", "coffee and food"), boards(3, "Go語言", "golang"),
		tags(4, "go"), tags(5, "golang"), tags(6, "go語言"), tags(7, "台北咖啡"), tags(8, "open_source"), post(9, "go cooking 台北", ""),
	)
	for _, c := range []struct {
		kind readmodels.Kind
		text string
		want string
	}{
		{readmodels.SearchBoards, "cook", "1"},
		{readmodels.SearchBoards, "hom", "1"},
		{readmodels.SearchBoards, "coking", "1"},
		{readmodels.SearchBoards, "台北", "2"},
		{readmodels.SearchBoards, "food", "2"},
		{readmodels.SearchBoards, "foo", ""},
		{readmodels.SearchBoards, "go語言", "3"},
		{readmodels.SearchHashtags, "go", "go golang go語言"},
		{readmodels.SearchHashtags, "gola", "golang"},
		{readmodels.SearchHashtags, "咖啡", "台北咖啡"},
		{readmodels.SearchHashtags, "語言", "go語言"},
		{readmodels.SearchHashtags, "go語言", "go語言"},
		{readmodels.SearchHashtags, "open_source", "open_source"},
		{readmodels.SearchHashtags, "open", "open_source"},
		{readmodels.SearchHashtags, "cooking", ""},
	} {
		for _, newest := range []bool{false, true} {
			hits, err := i.Search(t.Context(), family, readmodels.SearchQuery{Kind: c.kind, Words: readmodels.Words(c.text), Newest: newest, Limit: 50})
			must(t, err)
			names := []string{}
			for n, h := range hits {
				if name := h.Thing().Tag; name != "" {
					names = append(names, name)
				} else {
					names = append(names, fmt.Sprint(numbers(hits)[n]))
				}
			}
			if slices.Sort(names); strings.Join(names, " ") != c.want {
				t.Errorf("%s of %q: %v, want %s", c.kind, c.text, names, c.want)
			}
		}
	}
	hits, err := i.Search(t.Context(), family, readmodels.SearchQuery{Kind: readmodels.SearchHashtags, Words: readmodels.Words("go"), Limit: 1})
	if err != nil || len(hits) != 1 || hits[0].Thing().Tag != "go" {
		t.Errorf("the very hashtag is not first: %v, %v", hits, err)
	}
	hits, err = i.Search(t.Context(), family, readmodels.SearchQuery{Kind: readmodels.SearchHashtags, Words: readmodels.Words("go"), Newest: true, Limit: 1})
	if err != nil || len(hits) != 1 || hits[0].Thing().Tag != "go語言" {
		t.Errorf("the last used one is not first: %v, %v", hits, err)
	}
}

// C5, F10: messages are found in the rooms of the query alone, and there from
// their numbers on; no room finds nothing.
func rooms(t *testing.T, p Place) {
	i := begin(t, p)
	var docs []readmodels.Document
	for n := 1; n <= 9; n++ { // three in each of three rooms
		docs = append(docs, readmodels.Document{
			Thing:  readmodels.Thing{Kind: readmodels.SearchMessages, ID: id(300 + n%3), Number: uint64(n)},
			Author: id(200 + n/5), At: start.Add(time.Duration(n) * time.Minute), Body: "said so",
		})
	}
	i.put(append(docs, post(50, "said so", ""))...)
	whole := func(room int) readmodels.RoomSeen { return readmodels.RoomSeen{Room: id(room)} }
	many := []readmodels.RoomSeen{whole(301), {Room: id(302), From: 5}}
	for n := len(many); n < readmodels.MaxRooms; n++ {
		r := readmodels.RoomSeen{Room: id(10_000 + n)}
		if n <= readmodels.MaxPartRooms {
			r.From = 2
		}
		many = append(many, r)
	}
	for name, c := range map[string]struct {
		q    readmodels.SearchQuery
		want []int
	}{
		"no room":    {readmodels.SearchQuery{}, nil},
		"one":        {readmodels.SearchQuery{Rooms: []readmodels.RoomSeen{whole(301)}}, []int{1, 4, 7}},
		"two":        {readmodels.SearchQuery{Rooms: []readmodels.RoomSeen{whole(301), whole(302)}}, []int{1, 2, 4, 5, 7, 8}},
		"from":       {readmodels.SearchQuery{Rooms: []readmodels.RoomSeen{{Room: id(301), From: 4}}}, []int{4, 7}},
		"from later": {readmodels.SearchQuery{Rooms: []readmodels.RoomSeen{{Room: id(301), From: 8}}}, nil},
		"both":       {readmodels.SearchQuery{Rooms: []readmodels.RoomSeen{{Room: id(301), From: 5}, whole(300)}}, []int{3, 6, 7, 9}},
		"a stranger": {readmodels.SearchQuery{Rooms: []readmodels.RoomSeen{whole(999)}}, nil},
		"sender":     {readmodels.SearchQuery{Rooms: []readmodels.RoomSeen{whole(301)}, Author: id(201)}, []int{7}},
		"since":      {readmodels.SearchQuery{Rooms: []readmodels.RoomSeen{whole(301)}, Since: start.Add(4 * time.Minute)}, []int{4, 7}},
		"many":       {readmodels.SearchQuery{Rooms: many}, []int{1, 4, 5, 7, 8}},
	} {
		c.q.Kind, c.q.Words = readmodels.SearchMessages, readmodels.Words("said")
		for _, c.q.Newest = range []bool{false, true} {
			got := i.ask(c.q)
			if c.q.Newest && !slices.IsSortedFunc(got, func(a, b int) int { return b - a }) {
				t.Errorf("%s: %v are not the newest first", name, got)
			}
			if !sameSet(got, c.want) {
				t.Errorf("%s: %v, want %v", name, got, c.want)
			}
		}
	}
	gone := docs[0]
	i.change(readmodels.Change{Document: gone, Gone: true})
	if got := i.ask(readmodels.SearchQuery{Kind: readmodels.SearchMessages, Words: readmodels.Words("said"), Rooms: []readmodels.RoomSeen{whole(301)}}); !sameSet(got, []int{4, 7}) {
		t.Errorf("after a deletion: %v", got)
	}
}

func sameSet(a, b []int) bool {
	a = slices.Clone(a)
	slices.Sort(a)
	return slices.Equal(a, b)
}

// F10: best first, titles before bodies; or newest first.
func orders(t *testing.T, p Place) {
	i := begin(t, p)
	i.put(
		post(1, "apple", "a long text about other things, many of them, that goes on and on"),
		post(2, "fruit", "one apple among many other words in a long text that goes on and on"),
		post(3, "apple apple", "apple"),
	)
	q := readmodels.SearchQuery{Words: readmodels.Words("apple")}
	if got := i.ask(q); !slices.Equal(got, []int{3, 1, 2}) {
		t.Errorf("best first: %v", got)
	}
	q.Newest = true
	if got := i.ask(q); !slices.Equal(got, []int{3, 2, 1}) {
		t.Errorf("newest first: %v", got)
	}
}

// F10: a change replaces, a deletion removes, and both can come twice.
func changes(t *testing.T, p Place) {
	i := begin(t, p)
	i.put(post(1, "old words", ""), post(2, "others", ""))
	i.put(post(1, "new text", ""))
	i.want("old")
	i.want("new", 1)
	gone := readmodels.Change{Document: readmodels.Document{Thing: readmodels.Thing{Kind: readmodels.SearchPosts, ID: id(1)}}, Gone: true}
	for range 2 {
		i.change(gone)
		i.want("new")
	}
	i.want("others", 2)
	i.put(post(1, "new again", ""))
	i.want("again", 1)
	i.position--
	i.put(post(1, "as of the same position", "")) // after a crash
	i.want("position", 1)
	must(t, i.Apply(t.Context(), nil, i.position))
	gone.ID = id(77)
	i.change(gone) // never there
}

// S14: what is no language to us is no trouble to an engine.
func oddTexts(t *testing.T, p Place) {
	i := begin(t, p)
	long := make([]byte, 40_000)
	for n := range long {
		long[n] = 'a'
	}
	odd := []string{"", "\u0000", "\ufffd", "<mark>", `"quoted" AND (NOT x) title:y *`, string(long), "🦆 duck", "مرحبا بالعالم", "हिन्दी", "\u202eright"}
	for n, text := range odd {
		i.put(post(n, text, text))
	}
	i.want("duck", 6)
	i.want("مرحبا", 7)
	i.want("हिन्दी", 8)
	i.want("quoted", 4)
	i.want("title:y", 4)
	for _, text := range append(odd, "*", "du*", "/du.*/", "title:duck", "(((", `\`, "duck~2", "^3") {
		i.find(text) // no error
	}
	i.want("du*")
}
