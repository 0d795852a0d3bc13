package markdown_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/parleyhq/parley/readmodels/markdown"
)

const rel = ` rel="nofollow noreferrer noopener" target="_blank"`

// F2: rendered and sanitised on the server.
func TestRender(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                                 "",
		" \n ":                             "",
		"Hello **world**":                  "<p>Hello <strong>world</strong></p>",
		"a\nb":                             "<p>a<br>\nb</p>",
		"# T":                              "<h1>T</h1>",
		"~~x~~":                            "<p><del>x</del></p>",
		"`a<b>`":                           "<p><code>a&lt;b&gt;</code></p>",
		"```go\nx\n```":                    "<pre><code class=\"language-go\">x\n</code></pre>",
		"[a](https://x.example)":           `<p><a href="https://x.example"` + rel + `>a</a></p>`,
		"https://x.example/?a=1&b=2":       `<p><a href="https://x.example/?a=1&amp;b=2"` + rel + `>https://x.example/?a=1&amp;b=2</a></p>`,
		"![alt](https://x.example/a.png)":  `<p><a href="https://x.example/a.png"` + rel + `>alt</a></p>`,
		"![](https://x.example/a.png)":     `<p><a href="https://x.example/a.png"` + rel + `>https://x.example/a.png</a></p>`,
		"[a](javascript:alert(1))":         "<p>a</p>",
		"![a](javascript:alert(1))":        "<p>a</p>",
		"[a](data:text/html,x)":            "<p>a</p>",
		"[a](JaVaScRiPt:alert(1))":         "<p>a</p>",
		"[a](/relative)":                   "<p>a</p>",
		"[a](//x.example)":                 "<p>a</p>",
		"<script>alert(1)</script>":        "",
		"a <img src=x onerror=alert(1)> b": "<p>a  b</p>",
		"<a href=\"https://x.example\" onclick=\"x()\">y</a>": "<p>y</p>",
		"&lt;script&gt;":                        "<p>&lt;script&gt;</p>",
		"3. x":                                  "<ol start=\"3\">\n<li>x</li>\n</ol>",
		"@0190f3c4-0000-7000-8000-000000000001": "<p>@0190f3c4-0000-7000-8000-000000000001</p>",
	} {
		if got := strings.TrimSpace(markdown.HTML(in)); got != want {
			t.Errorf("%q:\n got %s\nwant %s", in, got, want)
		}
	}
}

var allowed = regexp.MustCompile(`^</?(p|br|hr|h[1-6]|em|strong|del|code|pre|blockquote|ul|ol|li|table|thead|tbody|tr|th|td|a|input)\b`)

// Whatever comes in, only tags of the list come out, and no handler.
func FuzzRender(f *testing.F) {
	for _, s := range []string{"<svg/onload=x>", "[a](j\navascript:x)", "![<b>](x\"onerror=y)", "<a\nhref='javascript:x'>", "[x]: javascript:y\n[x]", "<https://x\"onmouseover=y>", "`<p onclick=x>`"} {
		f.Add(s)
	}
	tag := regexp.MustCompile(`<[^>]*`)
	f.Fuzz(func(t *testing.T, s string) {
		out := markdown.HTML(s)
		for _, found := range tag.FindAllString(out, -1) {
			if !allowed.MatchString(found) {
				t.Fatalf("%q gave %q", s, found)
			}
			if strings.Contains(found, "javascript:") || regexp.MustCompile(`\son\w+=`).MatchString(found) && !strings.Contains(found, "href") {
				t.Fatalf("%q gave %q", s, found)
			}
		}
	})
}

// No text of the longest post keeps the renderer busy.
func TestHostile(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"[", "![", "> ", "- ", "*", "_a", "`", "<", "&", "\\", "[a](", "![a](b", "|a", "1. ", "www.", "http://", "<a ", "**a ", "~~", "(", "[x]: y\n", "a\n===\n", "|-", "<!--", "a@b.", "-\n  ", "* a\n", "~~a", "[a]", "a[b](c)", "***", "* * ", "<a@b.c>", "\\[", "`a``", "_*", "**_", "a\n\n", "|a|b|\n", "&a;", "<!--a-->", "![a][", "1)", "> 1. "} {
		begun := time.Now()
		out := markdown.HTML(strings.Repeat(part, 40_000/len(part)))
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("%q took %v", part, took)
		} else if took > 50*time.Millisecond || len(out) > 1<<20 {
			t.Logf("%q took %v for %d bytes", part, took, len(out))
		}
	}
}

func BenchmarkRender(b *testing.B) {
	text := strings.Repeat("Some *words* with a [link](https://x.example) and `code`, #tags and @names.\n\n", 13)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		markdown.HTML(text)
	}
}
