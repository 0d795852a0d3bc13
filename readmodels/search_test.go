package readmodels

import (
	"html"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// F10: a query's words, each once, with the typos that are forgiven in each.
func TestWords(t *testing.T) {
	t.Parallel()
	for q, want := range map[string][]Word{
		"": nil, " \t　": nil, "!? -- 🦆": nil,
		"Go go GO":              {{"go", 0}},
		"word, Community!":      {{"word", 1}, {"community", 2}},
		"golang入門":              {{"golang", 1}, {"入門", 0}},
		"台北 咖啡":                 {{"台北", 0}, {"咖啡", 0}},
		"ｆｕｌｌ ﾃﾞｰﾀ":             {{"full", 1}, {"データ", 0}},
		"#tag @name e-mail":     {{"tag", 0}, {"name", 1}, {"e-mail", 0}},
		"abc123 2026":           {{"abc123", 0}, {"2026", 0}},
		"서울2024":                {{"서울", 0}, {"2024", 0}},
		"がんばる":                  {{"がんばる", 0}},
		"don’t don't":           {{"don't", 0}},
		"❤️ love❤️ ❤️hearts":    {{"love", 1}, {"hearts", 1}},
		"_ __ \u0301 \u0301a_":  {{"a_", 0}},
		strings.Repeat("a", 30): {{strings.Repeat("a", 30), 0}},
	} {
		if d := cmp.Diff(want, Words(q)); d != "" {
			t.Errorf("%q: %s", q, d)
		}
	}
	if n := len(Words(strings.Repeat("a b c d e f g h i j k l m n o p q r s t u v w x y z ", 9))); n != MaxWords+1 {
		t.Errorf("%d words", n)
	}
}

// F10: the words are marked as they stand in the text, all else is escaped.
func TestHighlight(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, query string
		want        []string
	}{
		{"Red <b>Apples</b> & pears", "apples", []string{"Red &lt;b&gt;<mark>Apples</mark>&lt;/b&gt; &amp; pears"}},
		{"Red apples", "app", nil},
		{"applesauce and apples", "apples", []string{"applesauce and <mark>apples</mark>"}},
		{"A comunity", "community", []string{"A <mark>comunity</mark>"}},
		{"可以聊天的聊天室", "聊天", []string{"可以<mark>聊天</mark>的<mark>聊天</mark>室"}},
		{"黒猫と猫", "猫", []string{"黒<mark>猫</mark>と<mark>猫</mark>"}},
		{"半角ﾃﾞｰﾀﾍﾞｰｽ", "データ", []string{"半角<mark>ﾃﾞｰﾀ</mark>ﾍﾞｰｽ"}},
		{"Ｆｕｌｌ width", "full", []string{"<mark>Ｆｕｌｌ</mark> width"}},
		{"Hauptstraße", "HAUPTSTRASSE", []string{"<mark>Hauptstraße</mark>"}},
		{"Cafe\u0301 au lait", "café", []string{"<mark>Cafe\u0301</mark> au lait"}},
		{"an e-mail, no e mail", "e-mail", []string{"an <mark>e-mail</mark>, no e mail"}},
		{"Go語言", "go語言", []string{"<mark>Go語言</mark>"}},
		{"She didn’t", "didn't", []string{"She <mark>didn’t</mark>"}},
		{"❤️Apples❤️", "apples", []string{"❤️<mark>Apples</mark>❤️"}},
		{"nothing", "else", nil},
		{"", "x", nil},
		{"<mark>", "mark", []string{"&lt;<mark>mark</mark>&gt;"}},
	} {
		if d := cmp.Diff(c.want, Highlight(c.text, Words(c.query))); d != "" {
			t.Errorf("%q in %q: %s", c.query, c.text, d)
		}
	}
	long := strings.Repeat("filler ", 100) + "needle " + strings.Repeat("filler ", 100) + "needle " + strings.Repeat("filler ", 100)
	parts := Highlight(long, Words("needle"))
	if len(parts) != 2 {
		t.Fatalf("%d parts: %q", len(parts), parts)
	}
	for _, p := range parts {
		if !strings.HasPrefix(p, "…") || !strings.HasSuffix(p, "…") || strings.Count(p, "<mark>needle</mark>") != 1 || len(p) > 250 {
			t.Errorf("part: %q", p)
		}
	}
	for _, c := range []struct {
		name, query, name2, title string // of the highlights
	}{
		{"alice_1", "ali", "<mark>ali</mark>ce_1", "<mark>ali</mark>ce_1"},
		{"alice", "alise", "", "<mark>alice</mark>"},
		{"Alice Liddell", "LID ali", "<mark>Ali</mark>ce <mark>Lid</mark>dell", "<mark>Ali</mark>ce <mark>Lid</mark>dell"},
		{"王小明 <b>", "王小", "<mark>王小</mark>明 &lt;b&gt;", "<mark>王小</mark>明 &lt;b&gt;"},
		{"王小明", "小明", "", "王<mark>小明</mark>"},
		{"Go語言", "go語言", "<mark>Go語言</mark>", "<mark>Go語言</mark>"},
		{"malice", "ali", "", ""},
	} {
		if got := strings.Join(HighlightName(c.name, Words(c.query)), "|"); got != c.name2 {
			t.Errorf("name %s, %s: %q", c.name, c.query, got)
		}
		if got := strings.Join(HighlightTitle(c.name, Words(c.query)), "|"); got != c.title {
			t.Errorf("title %s, %s: %q", c.name, c.query, got)
		}
	}
}

// F10, S14: whatever is marked, nothing but <mark> is markup, and the text is
// still there.
func TestHighlightIsSafe(t *testing.T) {
	t.Parallel()
	tags := regexp.MustCompile(`</?mark>`)
	rapid.Check(t, func(t *rapid.T) {
		runes := []rune("ab<>&\"' 猫黒ﾃﾞ\u0301ßＡ\n👩‍👩é_-\xff")
		s := rapid.StringOf(rapid.SampledFrom(runes)).Draw(t, "text")
		q := rapid.StringOf(rapid.SampledFrom(runes)).Draw(t, "query")
		for _, part := range Highlight(s, Words(q)) {
			bare := tags.ReplaceAllString(part, "")
			if strings.ContainsAny(bare, "<>\"'") {
				t.Fatalf("%q", part)
			}
			if text := strings.Trim(html.UnescapeString(bare), "…"); !strings.Contains(s, text) {
				t.Fatalf("%q is not in %q", text, s)
			}
			if strings.Count(part, "<mark>") != strings.Count(part, "</mark>") || !strings.Contains(part, "<mark>") {
				t.Fatalf("%q", part)
			}
		}
	})
}

// F10: the text of a rendered post has its words and none of its markup.
func TestPlain(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"<p>one <strong>t</strong>wo</p>\n<ul><li>a</li><li>b</li></ul>":                              "one two\n\n\n\na\n\nb",
		`<p><a href="https://x.example/?a=1&amp;b=2" rel="nofollow">link</a> &lt;b&gt; &amp;amp;</p>`: "link <b> &amp;",
		"plain": "plain", "": "",
	} {
		if got := plain(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
