package markdown

import (
	"bytes"
	"html/template"
	"net/url"
	"regexp"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/util"

	words "github.com/parleyhq/parley/domain/text"
	"github.com/parleyhq/parley/domain/text/gfm"
)

// engine is safe for use at once; its syntax is that of commands/markup.
var engine = gfm.New(goldmark.WithRendererOptions(html.WithHardWraps(), renderer.WithNodeRenderers(util.Prioritized(pictures{}, 100))))

var policy = newPolicy()

func newPolicy() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "em", "strong", "del", "code", "pre",
		"blockquote", "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td")
	p.AllowAttrs("class").Matching(regexp.MustCompile(`^language-[A-Za-z0-9_+#.-]{1,40}$`)).OnElements("code")
	p.AllowAttrs("start").Matching(bluemonday.Integer).OnElements("ol")
	p.AllowAttrs("align").Matching(bluemonday.CellAlign).OnElements("th", "td")
	p.AllowAttrs("type").Matching(regexp.MustCompile(`^checkbox$`)).OnElements("input")
	p.AllowAttrs("checked", "disabled").Matching(regexp.MustCompile(`^$`)).OnElements("input")
	p.AllowAttrs("href").OnElements("a")
	for _, scheme := range []string{"http", "https"} {
		p.AllowURLSchemeWithCustomPolicy(scheme, func(u *url.URL) bool { return u.Host != "" }) // without one it is a page of ours
	}
	p.AllowURLSchemes("mailto")
	p.AllowRelativeURLs(false)
	p.RequireParseableURLs(true)
	p.RequireNoFollowOnLinks(true)
	p.RequireNoReferrerOnLinks(true)
	p.AddTargetBlankToFullyQualifiedLinks(true) // brings noopener
	return p
}

// HTML gives the HTML of a Markdown text. One that is tangled beyond measure
// is shown as it was written.
func HTML(text string) string {
	if strings.TrimSpace(text) == "" {
		return ""
	}
	if words.Tangled(text) {
		plain := strings.ReplaceAll(template.HTMLEscapeString(text), "\n", "<br>\n")
		return "<p>" + plain + "</p>\n"
	}
	var b bytes.Buffer
	if err := engine.Convert([]byte(text), &b); err != nil {
		return "" // a bytes.Buffer never fails, nor do the renderers
	}
	return words.Tame(userContent.Replace(policy.SanitizeReader(&b).String()))
}

// userContent adds to the links that no editor set them. No quote of a text or
// of an address is left bare by the policy, so nothing else reads like it.
var userContent = strings.NewReplacer(` rel="nofollow `, ` rel="ugc nofollow `)

// pictures renders ![alt](url) as a link with the alternative text.
type pictures struct{}

func (pictures) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindImage, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			_, _ = w.WriteString("</a>")
			return ast.WalkContinue, nil
		}
		url := n.(*ast.Image).Destination
		_, _ = w.WriteString(`<a href="`)
		if !html.IsDangerousURL(url) {
			_, _ = w.Write(util.EscapeHTML(util.URLEscape(url, true)))
		}
		_, _ = w.WriteString(`">`)
		if !n.HasChildren() {
			_, _ = w.Write(util.EscapeHTML(url))
		}
		return ast.WalkContinue, nil
	})
}
