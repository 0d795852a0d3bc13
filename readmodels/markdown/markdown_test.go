package markdown_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/parleyhq/parley/readmodels/markdown"
)

const rel = ` rel="ugc nofollow noreferrer noopener" target="_blank"`

// F2: rendered and sanitised on the server.
func TestRender(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                                      "",
		" \n ":                                  "",
		"Hello **world**":                       "<p>Hello <strong>world</strong></p>",
		"a\nb":                                  "<p>a<br>\nb</p>",
		"# T":                                   "<h1>T</h1>",
		"~~x~~":                                 "<p><del>x</del></p>",
		"`a<b>`":                                "<p><code>a&lt;b&gt;</code></p>",
		"```go\nx\n```":                         "<pre><code class=\"language-go\">x\n</code></pre>",
		"[a](https://x.example)":                `<p><a href="https://x.example"` + rel + `>a</a></p>`,
		"https://x.example/?a=1&b=2":            `<p><a href="https://x.example/?a=1&amp;b=2"` + rel + `>https://x.example/?a=1&amp;b=2</a></p>`,
		"![alt](https://x.example/a.png)":       `<p><a href="https://x.example/a.png"` + rel + `>alt</a></p>`,
		"![](https://x.example/a.png)":          `<p><a href="https://x.example/a.png"` + rel + `>https://x.example/a.png</a></p>`,
		"[a](javascript:alert(1))":              "<p>a</p>",
		"![a](javascript:alert(1))":             "<p>a</p>",
		"[a](data:text/html,x)":                 "<p>a</p>",
		"[a](JaVaScRiPt:alert(1))":              "<p>a</p>",
		"[a](/relative)":                        "<p>a</p>",
		"[a](//x.example)":                      "<p>a</p>",
		"<script>alert(1)</script> x":           "<p>&lt;script&gt;alert(1)&lt;/script&gt; x</p>",
		"<div>\n**x**\n</div>":                  "<p>&lt;div&gt;<br>\n<strong>x</strong><br>\n&lt;/div&gt;</p>",
		"a < b, 1<2>0 and <!-- c -->":           "<p>a &lt; b, 1&lt;2&gt;0 and &lt;!-- c --&gt;</p>",
		"<https://x.example>":                   `<p><a href="https://x.example"` + rel + `>https://x.example</a></p>`,
		"a <img src=x onerror=alert(1)> b":      "<p>a &lt;img src=x onerror=alert(1)&gt; b</p>",
		"<a href=\"/x\" onclick=\"x()\">y</a>":  "<p>&lt;a href=&#34;/x&#34; onclick=&#34;x()&#34;&gt;y&lt;/a&gt;</p>",
		"&lt;script&gt;":                        "<p>&lt;script&gt;</p>",
		"3. x":                                  "<ol start=\"3\">\n<li>x</li>\n</ol>",
		"@0190f3c4-0000-7000-8000-000000000001": "<p>@0190f3c4-0000-7000-8000-000000000001</p>",

		"a&#x202e;b&#x1b;[2J c&rlm;":               "<p>a\ufffdb\ufffd[2J c\u200f</p>",
		"o" + strings.Repeat("&#x0301;", 40) + "k": "<p>o" + strings.Repeat("\u0301", 30) + "k</p>",
		"|a|b|c|\n|:-:|-:|-|\n":                    "<table>\n<thead>\n<tr>\n<th align=\"center\">a</th>\n<th align=\"right\">b</th>\n<th>c</th>\n</tr>\n</thead>\n</table>",
	} {
		if got := strings.TrimSpace(markdown.HTML(in)); got != want {
			t.Errorf("%q:\n got %s\nwant %s", in, got, want)
		}
	}
}

// F2: whatever is tried, nothing comes out that runs, loads or leads anywhere
// but to a page or a mailbox.
func TestNothingRuns(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		// Schemes, however they are spelled.
		"[a](vbscript:msgbox(1))":                "<p>a</p>",
		"[a](file:///etc/passwd)":                "<p>a</p>",
		"[a](feed:javascript:alert(1))":          "<p>a</p>",
		"[a](&#106;avascript:alert(1))":          "<p>a</p>",
		"[a](javascript&colon;alert(1))":         "<p>a</p>",
		"[a](javascript&#58;alert(1))":           "<p>a</p>",
		"[a](javascript&#0000058alert(1))":       "<p>a</p>",
		"[a](java&Tab;script:alert(1))":          "<p>a</p>",
		"[a](<java\tscript:alert(1)>)":           "<p>a</p>",
		"[a](<\x01javascript:alert(1)>)":         "<p>a</p>",
		"[a](&#x1;javascript:alert(1))":          "<p>a</p>",
		"[a](javascript%3Aalert(1))":             "<p>a</p>",
		"[a](%6Aavascript:alert(1))":             "<p>a</p>",
		"[a](data:image/svg+xml;base64,PHN2Zz4)": "<p>a</p>",
		"[a](data:image/png;base64,iVBORw0KGgo)": "<p>a</p>",
		"[a](https:javascript:alert(1))":         "<p>a</p>",
		"[a](blob:https://x.example/1)":          "<p>a</p>",
		"[a](\\\\x.example)":                     "<p>a</p>",
		"[a](#fragment)":                         "<p>a</p>",
		"[a](?query)":                            "<p>a</p>",
		"<javascript:alert(1)>":                  "<p>javascript:alert(1)</p>",
		"<data:text/html,x>":                     "<p>data:text/html,x</p>",
		"javascript:alert(1)":                    "<p>javascript:alert(1)</p>",
		// References.
		"[a][r]\n\n[r]: javascript:alert(1)":       "<p>a</p>",
		"[r]\n\n[r]: <data:text/html,x> \"title\"": "<p>r</p>",
		"![a][r]\n\n[r]: javascript:alert(1)":      "<p>a</p>",
		"![a][r]\n\n[r]: https://x.example/a.gif":  `<p><a href="https://x.example/a.gif"` + rel + `>a</a></p>`,
		"[a][r]\n\n[r]: https://x.example \"t\"":   `<p><a href="https://x.example"` + rel + `>a</a></p>`,
		// Attributes that break out.
		`[a](https://x.example/"onmouseover="alert(1))`:             `<p><a href="https://x.example/%22onmouseover=%22alert(1)"` + rel + `>a</a></p>`,
		`[a](https://x.example "t\" onclick=\"alert(1)")`:           `<p><a href="https://x.example"` + rel + `>a</a></p>`,
		`![a" onerror="alert(1)](https://x.example/a.png)`:          `<p><a href="https://x.example/a.png"` + rel + `>a&#34; onerror=&#34;alert(1)</a></p>`,
		"```js\" onload=\"alert(1)\nx\n```":                         "<pre><code>x\n</code></pre>",
		"# a {onclick=alert(1)}":                                    "<h1>a {onclick=alert(1)}</h1>",
		"[a](https://x.example){onclick=alert(1)}":                  `<p><a href="https://x.example"` + rel + `>a</a>{onclick=alert(1)}</p>`,
		"https://x.example/\"><script>alert(1)</script>":            `<p><a href="https://x.example/%22%3E"` + rel + `>https://x.example/&#34;&gt;</a>&lt;script&gt;alert(1)&lt;/script&gt;</p>`,
		"[https://x.example](https://y.example)":                    `<p><a href="https://y.example"` + rel + `>https://x.example</a></p>`,
		"[![a](https://x.example/a.png)](https://y.example/\u202e)": "",
		// Raw HTML, whole and broken.
		"<svg onload=alert(1)>":                "",
		"<svg><script>alert(1)</script></svg>": "<p>&lt;svg&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;/svg&gt;</p>",
		"<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>": "",
		"<img src=x onerror=alert(1)>":                                     "",
		"<iframe src=javascript:alert(1)></iframe>":                        "",
		"<style>*{background:url(https://x.example)}</style>":              "",
		"<!--><img src=x onerror=alert(1)>-->":                             "",
		"<!DOCTYPE html><body onload=alert(1)>":                            "",
		"<![CDATA[<script>alert(1)</script>]]>":                            "",
		"<?php echo 1 ?>":                                                  "",
		"<p onclick=alert(1)>x</p>":                                        "",
		"<scr<script>ipt>alert(1)</scr</script>ipt>":                       "",
		"a <x![](`<a\n>`)><svg onload=alert(1)![](`<a\n>`)":                "",
		"<a href=javascript:alert(1)//":                                    "",
		"<input onfocus=alert(1) autofocus>":                               "",
		"| a |\n|---|\n| <img src=x onerror=alert(1)> |":                   "",
		"| [a](javascript:alert(1)) | ![b](data:image/png,x) |\n|---|---|": "",
		"> <script>alert(1)</script>":                                      "",
		"- <iframe></iframe>\n- <object data=x>":                           "",
	} {
		got := strings.TrimSpace(markdown.HTML(in))
		if want != "" && got != want {
			t.Errorf("%q:\n got %s\nwant %s", in, got, want)
		}
		checkSafe(t, in, got)
	}
}

// attributes are those that each element of a rendered text may have.
var attributes = map[string]string{
	"p": "", "br": "", "hr": "", "h1": "", "h2": "", "h3": "", "h4": "", "h5": "", "h6": "", "em": "", "strong": "", "del": "", "pre": "", "blockquote": "",
	"ul": "", "li": "", "table": "", "thead": "", "tbody": "", "tr": "", "code": "class", "ol": "start", "th": "align", "td": "align",
	"a": "href rel target", "input": "type checked disabled",
}

var target = regexp.MustCompile(`^(?:https?://[^/]|mailto:)`)

// checkSafe reads out as a browser does.
func checkSafe(t *testing.T, in, out string) {
	t.Helper()
	nodes, err := html.ParseFragment(strings.NewReader(out), &html.Node{Type: html.ElementNode, Data: "div", DataAtom: atom.Div})
	if err != nil {
		t.Fatal(err)
	}
	var look func(*html.Node)
	look = func(n *html.Node) {
		if n.Type == html.CommentNode || n.Type == html.DoctypeNode {
			t.Errorf("%q gave %q", in, out)
		}
		if n.Type == html.ElementNode {
			may, known := attributes[n.Data]
			if !known || n.Namespace != "" {
				t.Errorf("%q has the element %s: %q", in, n.Data, out)
			}
			for _, a := range n.Attr {
				if !slices.Contains(strings.Fields(may), a.Key) {
					t.Errorf("%q has %s on %s: %q", in, a.Key, n.Data, out)
				}
				if a.Key == "href" && !target.MatchString(a.Val) {
					t.Errorf("%q leads to %q: %q", in, a.Val, out)
				}
				if a.Key == "rel" && a.Val != "ugc nofollow noreferrer noopener" && a.Val != "ugc nofollow noreferrer" {
					t.Errorf("%q has rel %q: %q", in, a.Val, out)
				}
			}
			if n.Data == "a" && !slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "rel" }) {
				t.Errorf("%q has a link without rel: %q", in, out)
			}
		}
		for c := range n.ChildNodes() {
			look(c)
		}
	}
	for _, n := range nodes {
		look(n)
	}
}

// Whatever comes in, only elements and attributes of the list come out, and
// links to pages and mailboxes.
func FuzzRender(f *testing.F) {
	for _, s := range []string{
		"<svg/onload=x>", "[a](j\navascript:x)", "![<b>](x\"onerror=y)", "<a\nhref='javascript:x'>", "[x]: javascript:y\n[x]", "<https://x\"onmouseover=y>", "`<p onclick=x>`",
		"| a |\n|:-:|\n| ![b][c] |\n\n[c]: https://x.example/&quot;", "- [x] done\n- [ ] <todo>", "<mailto:a@b.example>", "www.x.example/<script>", "~~a~~ **b** _c_\n***\n1) d",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkSafe(t, s, markdown.HTML(s)) })
}

// No text of the longest post keeps the renderer busy.
func TestHostile(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"[", "![", "> ", "- ", "*", "_a", "`", "<", "&", "\\", "[a](", "![a](b", "|a", "1. ", "www.", "http://", "<a ", "**a ", "~~", "(", "[x]: y\n", "a\n===\n", "|-", "<!--", "a@b.", "-\n  ", "* a\n", "~~a", "[a]", "a[b](c)", "***", "* * ", "<a@b.c>", "\\[", "`a``", "_*", "**_", "a\n\n", "|a|b|\n", "&a;", "<!--a-->", "![a][", "1)", "> 1. ", "+\t", "- * ", "\n~*", "_~\t", "\\```", "```\\", "_www.", "~www.", "\"_", "|-|\n", "-\n:", "(\n\n"} {
		var out string
		took := time.Hour
		for try := 0; try < 3 && took > 10*time.Second; try++ { // a machine may be busy with something else
			begun := time.Now()
			out = markdown.HTML(strings.Repeat(part, 40_000/len(part)))
			took = time.Since(begun)
		}
		if took > 10*time.Second {
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
