package markup_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands/markup"
)

// F7: hashtags and mentions, not from code or links.
func TestBody(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]struct{ tags, handles []string }{
		"Hello #world and @bob":                                    {[]string{"world"}, []string{"bob"}},
		"#first\n#second line":                                     {[]string{"first", "second"}, nil},
		"`#code` and #text":                                        {[]string{"text"}, nil},
		"```\n#fenced @bob\n```\n#out":                             {[]string{"out"}, nil},
		"    #indented\n\n#out":                                    {[]string{"out"}, nil},
		"[#link](http://x.example/#a) #out":                        {[]string{"out"}, nil},
		"![#alt @bob](http://x.example/a.png)":                     {nil, nil},
		"https://x.example/a#frag @bob":                            {nil, []string{"bob"}},
		"www.x.example/#frag #out":                                 {[]string{"out"}, nil},
		"<https://x.example/#auto>":                                {nil, nil},
		"<b title=\"#html\">#in</b>":                               {[]string{"html", "in"}, nil},
		"<div>\n#block @bob\n</div>":                               {[]string{"block"}, []string{"bob"}},
		"mail bob@example.org":                                     {nil, nil},
		"# Heading #tag":                                           {[]string{"tag"}, nil},
		"- #item\n- @alice":                                        {[]string{"item"}, []string{"alice"}},
		"**#bold** _@bob_ ~~#gone~~":                               {[]string{"bold", "gone"}, []string{"bob"}},
		"#snake_case_tag @snake_case":                              {[]string{"snake_case_tag"}, []string{"snake_case"}},
		"\\#escaped \\@bob":                                        {nil, nil},
		"&#35;entity":                                              {nil, nil},
		"| a |\n|---|\n| #cell |":                                  {[]string{"cell"}, nil},
		"#日本語も書ける、 #다른":                                            {[]string{"日本語も書ける", "다른"}, nil},
		"#a!#b [x] #c":                                             {[]string{"a", "b", "c"}, nil},
		"#Go #go #GO":                                              {[]string{"go"}, nil},
		"> quoted #tag\n> @bob":                                    {[]string{"tag"}, []string{"bob"}},
		"[ref]: http://x.example/#def \"#t\"\n":                    {nil, nil},
		"text#no @a_b_c_":                                          {nil, []string{"a_b_c_"}},
		"``#a ` @bob`` #out":                                       {[]string{"out"}, nil},
		"~~~\n#fenced\n~~~\n#out":                                  {[]string{"out"}, nil},
		"[#a][r] ![@bob][r] #out\n\n[r]: https://x.example \"#t\"": {[]string{"out"}, nil},
		"[**#a** `#b`](https://x.example) #out":                    {[]string{"out"}, nil},
		"<mailto:bob@example.org> #out":                            {[]string{"out"}, nil},
		"a <!-- #shown @bob --> #out":                              {[]string{"shown", "out"}, []string{"bob"}},
		"<script>#in</script>\n\n#out":                             {[]string{"in", "out"}, nil},
		"- [ ] #todo @bob":                                         {[]string{"todo"}, []string{"bob"}},
		"> 1. - **_#deep_**":                                       {[]string{"deep"}, nil},
		"#cafe\u0301 **#CAFÉ**":                                    {[]string{"caf\u00e9"}, nil},
		"＃ｇｏ ＠ｂｏｂ":                                                 {[]string{"go"}, []string{"bob"}},
	} {
		text := markup.Body(in)
		if d := cmp.Diff(want.tags, markup.Hashtags(text)); d != "" {
			t.Errorf("%q tags: %s", in, d)
		}
		if d := cmp.Diff(want.handles, markup.Mentions(text)); d != "" {
			t.Errorf("%q handles: %s", in, d)
		}
		for _, tok := range text.Tokens {
			if r, _ := utf8.DecodeRuneInString(in[tok.Start:]); !strings.ContainsRune("#@＃＠", r) {
				t.Errorf("%q: token at %d", in, tok.Start)
			}
		}
	}
}

func TestQuoted(t *testing.T) {
	t.Parallel()
	bob := uuid.MustParse("0190f3c4-0000-7000-8000-000000000001")
	accounts := map[string]uuid.UUID{"bob": bob}
	got := markup.Body("**@Bob**: `@bob`, @bob\n> @bob").Quoted(accounts)
	at := "@" + bob.String()
	if want := "**" + at + "**: `@bob`, " + at + "\n> " + at; got != want {
		t.Errorf("quoted %q", got)
	}
	if got := markup.Title("For @bob").Quoted(accounts); got != "For "+at {
		t.Errorf("title %q", got)
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 100 {
		b.WriteString(" #t" + strings.Repeat("x", i) + " @h" + strings.Repeat("y", i%28+2))
	}
	if n := len(markup.Hashtags(markup.Body(b.String()))); n != 50 {
		t.Errorf("%d hashtags", n)
	}
	if n := len(markup.Mentions(markup.Body(b.String()))); n != 28 {
		t.Errorf("%d mentions", n)
	}
}

// No text of the longest post keeps the parser busy.
func TestHostile(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"[", "![", "> ", "- ", "*", "_a", "`", "<", "&", "#", "@", "\\", "[a](", "![a](b", "|a", "1. ", "www.", "http://", "<a ", "**a ", "~~", "\n", "#a", "@abc ", "(", "[x]: y\n", "\t", "a\n===\n", "|-", "-\n", "[^", "<!--", "a@b.", "-\n  ", "* a\n", "~~a", "[a]", "a[b](c)", "***", "* * ", "<a@b.c>", "\\[", "`a``", "_*", "**_", "a\n\n", "|a|b|\n", "&a;", "<!--a-->", "![a][", "1)", "> 1. ", "+\t", "- * ", "\n~*", "_~\t", "\\```", "```\\", "_www.", "~www.", "\"_", "|-|\n", "-\n:", "(\n\n"} {
		text := "#@" + strings.Repeat(part, 40_000/len(part))
		took := time.Hour
		for try := 0; try < 3 && took > 10*time.Second; try++ { // a machine may be busy with something else
			begun := time.Now()
			markup.Body(text)
			took = time.Since(begun)
		}
		if took > 10*time.Second {
			t.Errorf("%q took %v", part, took)
		} else if took > 50*time.Millisecond {
			t.Logf("%q took %v", part, took)
		}
	}
}
