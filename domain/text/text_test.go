package text_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/text"
)

func names(tokens []text.Token, kind text.Kind) []string {
	var all []string
	for _, t := range tokens {
		if t.Kind == kind {
			all = append(all, t.Name)
		}
	}
	return all
}

// F7: hashtags of any script, folded.
func TestHashtags(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", text.MaxHashtag)
	for in, want := range map[string][]string{
		"plain":                         nil,
		"#go":                           {"go"},
		"#Go and #GO":                   {"go", "go"},
		"#日本語 も":                        {"日本語"},
		"(#tag), #other.":               {"tag", "other"},
		"＃ｆｕｌｌ＿ｗｉｄｔｈ":                   {"full_width"},
		"#Straße":                       {"strasse"},
		"#हिन्दी":                       {"हिन्दी"},
		"#año2026":                      {"año2026"},
		"#2026":                         {"2026"},
		"a#b":                           nil,
		"日本語#タグ":                        nil,
		"##double":                      nil,
		`\#escaped`:                     nil,
		"&#123;":                        nil,
		"#":                             nil,
		"# space":                       nil,
		"#️⃣ keycap":                    nil,
		`#snake\_case`:                  {"snake_case"},
		"#one#two":                      {"one"},
		"#a-b":                          {"a"},
		"#" + long:                      {long},
		"#" + long + "a":                nil,
		"#\uFDFA":                       nil, // folds to words with spaces
		"#ok\x00":                       {"ok"},
		"broken #\xff #fine":            {"fine"},
		"#ΣΊΣΥΦΟΣ and #σίσυφος":         {"σίσυφοσ", "σίσυφοσ"},
		"line\n#second\r\n#third\t":     {"second", "third"},
		"#caf\u00e9 #cafe\u0301":        {"caf\u00e9", "caf\u00e9"}, // however it is composed
		"#\u212bngstr\u00f6m":           {"\u00e5ngstr\u00f6m"},     // compatibility characters
		"#İstanbul":                     {"i\u0307stanbul"},
		"#ﬁn":                           {"fin"},
		"#q\u0323\u0307 #q\u0307\u0323": {"q\u0323\u0307", "q\u0323\u0307"}, // marks in any order
		"#\u0301a":                      nil,                                // a mark with nothing below it
		"#👨\u200d👩\u200d👧":              nil,
		"❤️#love 👩\u200d⚕️#care":        {"love", "care"}, // the marks are the emoji's
		"cafe\u0301#tag":                nil,
		"#Ꮳꮃꭹ #ꮳꮃꭹ #ᏸ":                  {"ᏣᎳᎩ", "ᏣᎳᎩ", "Ᏸ"},
		"#日本語👍🏽":                        {"日本語"},
		"#می\u200cخواهم":                {"می"}, // letters, marks, digits and "_" alone
		"#\u202etag #\u200btag":         nil,
		"#a\u200bb":                     {"a"},
		"#日本\ufe0f語 #葛\U000e0100飾 #a\u034fb": {"日本語", "葛飾", "ab"}, // variants of a character
		"#\u3164 #\uffa0x":                            {"x"}, // fillers are letters that show nothing
		"#" + strings.Repeat("e\u0301", 100):          {strings.Repeat("\u00e9", 100)},
		"#a" + strings.Repeat("\u0301", 101):          nil,
		"#" + strings.Repeat("\u0301", 10_000):        nil,
		"#" + strings.Repeat("a\u0301", 4000) + " #b": {"b"},
	} {
		if d := cmp.Diff(want, names(text.Tokens(in), text.Hashtag)); d != "" {
			t.Errorf("%q: %s", in, d)
		}
	}
}

// F7: a folded tag leads to its own page.
func TestFoldOnce(t *testing.T) {
	t.Parallel()
	for r := range rune(0x20000) {
		folded := text.Fold("a" + string(r))
		if again := text.Fold(folded); again != folded {
			t.Errorf("%U folds to %q, and that to %q", r, folded, again)
		}
		name := text.FoldName("a" + string(r))
		if again := text.FoldName(name); again != name {
			t.Errorf("%U in a name folds to %q, and that to %q", r, name, again)
		}
		tag, ok := text.FoldHashtag("a" + string(r))
		if again, still := text.FoldHashtag(tag); ok && (again != tag || !still) {
			t.Errorf("%U in a tag folds to %q, and that to %q", r, tag, again)
		}
	}
}

// F7: mentions, and what only looks like one.
func TestMentions(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][]string{
		"@bob":                                  {"bob"},
		"Hi @Bob!":                              {"bob"},
		"@bobさん":                                {"bob"},
		"こんにちは@bob":                             {"bob"},
		"＠ｂｏｂ":                                  {"bob"},
		"@bob, @alice_2.":                       {"bob", "alice_2"},
		`@snake\_case`:                          {"snake_case"},
		"bob@example.org":                       nil,
		"@bob@example.org":                      nil,
		"@renée":                                nil,
		"@ab":                                   nil,
		"@" + strings.Repeat("a", 31):           nil,
		`\@bob`:                                 nil,
		"@0190f3c4-0000-7000-8000-000000000001": nil, // as quoted texts hold ids
		"/@bob":                                 nil,
		"@":                                     nil,
		"@@bob":                                 nil,
	} {
		if d := cmp.Diff(want, names(text.Tokens(in), text.Mention)); d != "" {
			t.Errorf("%q: %s", in, d)
		}
	}
}

// F7: a title's links are left out.
func TestTitleTokens(t *testing.T) {
	t.Parallel()
	got := text.TitleTokens("#a https://x.example/#b @bob www.x.example/@alice #c")
	if d := cmp.Diff([]string{"a", "c"}, names(got, text.Hashtag)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"bob"}, names(got, text.Mention)); d != "" {
		t.Error(d)
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	bob := uuid.MustParse("0190f3c4-0000-7000-8000-000000000001")
	in := "@Bob and @nobody, @bob"
	quoted := text.Quote(in, text.Tokens(in), map[string]uuid.UUID{"bob": bob})
	if want := "@" + bob.String() + " and @nobody, @" + bob.String(); quoted != want {
		t.Fatalf("quoted %q", quoted)
	}
	handle := func(uuid.UUID) string { return "robert" }
	if got := text.Unquote(quoted, []uuid.UUID{bob}, handle); got != "@robert and @nobody, @robert" {
		t.Errorf("unquoted %q", got)
	}
	gone := func(uuid.UUID) string { return "" }
	if got := text.Unquote(quoted, []uuid.UUID{bob}, gone); got != "@deleted and @nobody, @deleted" {
		t.Errorf("without an account %q", got)
	}
}

// Tokens lie in the text, in order and apart; tags are their own fold.
func TestTokensHold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOf(rapid.SampledFrom([]rune(`ab_@#＃\&/ 日é`+"\u0301\xff"))).Draw(t, "s")
		end := 0
		for _, tok := range text.Tokens(s) {
			if tok.Start < end || tok.End <= tok.Start || tok.End > len(s) {
				t.Fatalf("%+v in %q after %d", tok, s, end)
			}
			end = tok.End
			if tok.Kind == text.Hashtag {
				if again, ok := text.FoldHashtag(tok.Name); !ok || again != tok.Name {
					t.Fatalf("%q folds to %q", tok.Name, again)
				}
			}
		}
	})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	var c text.Check
	c.Line("title", "a\nb", 10)
	c.Line("name", "too long", 3)
	c.Need("body", " \n")
	err := c.Err()
	if !errors.Is(err, text.ErrInvalid) {
		t.Fatalf("err = %v", err)
	}
	want := []fault.Detail{{Field: "title", Problem: "characters"}, {Field: "name", Problem: "too_long"}, {Field: "body", Problem: "required"}}
	if d := cmp.Diff(want, fault.As(err).Details); d != "" {
		t.Error(d)
	}
	var plain text.Check
	plain.Block("body", "日本語", 2)
	if !errors.Is(plain.Err(), fault.ErrInvalid) {
		t.Errorf("err = %v", plain.Err())
	}
	var fine text.Check
	fine.Block("body", "日本\n語", 4)
	if err := fine.Err(); err != nil {
		t.Error(err)
	}
}

// F2: what people write is Markdown; what only keeps a parser busy is not.
func TestTangled(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"": false, "Some *text*.": false,
		strings.Repeat("- an item\n", 4000):              false,
		strings.Repeat("[a](https://x.example)\n", 1000): false,
		strings.Repeat("-", 200) + "\n":                  false,
		strings.Repeat("* ", 100):                        false, // a rule
		strings.Repeat("-", 100) + " A heading of old":   false,
		"+" + strings.Repeat("-", 100) + "+---+ a table": false,
		"1.2.3.4.5.6.7.8.9." + strings.Repeat("10.", 60): false,
		strings.Repeat("> ", 50) + "deep":                false,
		strings.Repeat("> ", 51) + "deeper":              true,
		"text\n" + strings.Repeat("1. ", 51) + "deep":    true,
		strings.Repeat("- ", 51) + "deep\n":              true,
		strings.Repeat(">", 51) + "\n":                   true,
		strings.Repeat("[", 1001):                        true,
		strings.Repeat("~~", 1001):                       true,
		strings.Repeat("www.", 1001):                     true,
		strings.Repeat("+ ", 100):                        true, // no rule: a list in a list
		strings.Repeat("- * ", 100):                      true,
		strings.Repeat("**so** ", 2000):                  false,
		strings.Repeat("**so** ", 2001):                  true,
		strings.Repeat("\n~*", 2001):                     true,
		strings.Repeat("snake_case_name ", 3000):         false,
		strings.Repeat("* an item\n", 4001):              false,
		strings.Repeat("2 * 3 ", 4001):                   false,
		strings.Repeat("`code` ", 750):                   false,
		strings.Repeat("\\```", 1501):                    true,
	} {
		if text.Tangled(s) != want {
			t.Errorf("%.20q… of %d bytes: %v", s, len(s), !want)
		}
	}
}
