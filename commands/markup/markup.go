package markup

import (
	"bytes"
	"strings"

	"github.com/google/uuid"
	"github.com/yuin/goldmark/ast"
	source "github.com/yuin/goldmark/text"

	"github.com/parleyhq/parley/domain/text"
	"github.com/parleyhq/parley/domain/text/gfm"
)

// syntax is that of readmodels/markdown: links that are not marked as such
// are links in both.
var syntax = gfm.New().Parser()

// Text is a text and the tokens in it, in rising order.
type Text struct {
	Source string
	Tokens []text.Token
}

// Title reads a title, which is no Markdown.
func Title(s string) Text { return Text{Source: s, Tokens: text.TitleTokens(s)} }

// Body reads a Markdown text.
func Body(s string) Text {
	t := Text{Source: s}
	if !strings.ContainsAny(s, "#@＃＠") {
		return t
	}
	if text.Tangled(s) { // it is shown as plain text
		return Title(s)
	}
	src := []byte(s)
	var run source.Segment // text nodes that touch each other
	flush := func() {
		for _, tok := range text.Tokens(s[run.Start:run.Stop]) {
			tok.Start += run.Start
			tok.End += run.Start
			t.Tokens = append(t.Tokens, tok)
		}
		run = source.Segment{}
	}
	_ = ast.Walk(syntax.Parse(source.NewReader(src)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.CodeSpan, *ast.Link, *ast.Image, *ast.AutoLink, *ast.CodeBlock, *ast.FencedCodeBlock:
			return ast.WalkSkipChildren, nil
		case *ast.Text:
			if !entering {
				return ast.WalkContinue, nil
			}
			if run.Stop != n.Segment.Start || run.Stop == run.Start || bytes.IndexByte(src[run.Start:run.Stop], '\n') >= 0 {
				flush()
				run = n.Segment
			}
			run.Stop = n.Segment.Stop
			if n.SoftLineBreak() || n.HardLineBreak() {
				flush()
			}
		}
		return ast.WalkContinue, nil
	})
	flush()
	return t
}

// Hashtags are the different tags of texts in the order of their first use,
// text.MaxHashtags at most.
func Hashtags(texts ...Text) []string { return names(text.Hashtag, text.MaxHashtags, texts) }

// Mentions are the different handles of texts in the order of their first
// use, text.MaxMentions at most.
func Mentions(texts ...Text) []string { return names(text.Mention, text.MaxMentions, texts) }

func names(kind text.Kind, most int, texts []Text) []string {
	var list []string
	seen := map[string]bool{}
	for _, t := range texts {
		for _, tok := range t.Tokens {
			if tok.Kind != kind || seen[tok.Name] || len(list) == most {
				continue
			}
			seen[tok.Name] = true
			list = append(list, tok.Name)
		}
	}
	return list
}

// Quoted is the text as events hold it: text.Quote.
func (t Text) Quoted(accounts map[string]uuid.UUID) string {
	return text.Quote(t.Source, t.Tokens, accounts)
}
