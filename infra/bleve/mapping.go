package bleve

import (
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/analysis/analyzer/custom"
	"github.com/blevesearch/bleve/v2/analysis/analyzer/keyword"
	"github.com/blevesearch/bleve/v2/analysis/lang/cjk"
	"github.com/blevesearch/bleve/v2/analysis/token/lowercase"
	unicodewords "github.com/blevesearch/bleve/v2/analysis/tokenizer/unicode"
	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/registry"
	index "github.com/blevesearch/bleve_index_api"
)

// Names within the mapping. Texts are indexed as pairs of characters and as
// single ones, where their script has no spaces; a query is cut into pairs,
// and is a single character only where it is one.
const (
	textAnalyzer  = "parley_text"
	queryAnalyzer = "parley_query"
	pairsAndOnes  = "parley_pairs_and_ones"
	hangulFilter  = "parley_hangul"
)

// Fields of a document.
const (
	fieldKind   = "kind"
	fieldRoom   = "room"
	fieldNumber = "number"
	fieldBoard  = "board"
	fieldAuthor = "author"
	fieldTags   = "tags"
	fieldAt     = "at"
	fieldNames  = "names"
	fieldTitle  = "title"
	fieldBody   = "body"
)

// register makes the filter known that bleve lacks. Its registry is the
// process's, and takes a name once.
var register = sync.OnceValue(func() error {
	return registry.RegisterTokenFilter(hangulFilter, func(map[string]any, *registry.Cache) (analysis.TokenFilter, error) {
		return hangul{}, nil
	})
})

// hangul lets cjk_bigram cut Korean words as Lucene's does.
type hangul struct{}

// Filter implements analysis.TokenFilter.
func (hangul) Filter(tokens analysis.TokenStream) analysis.TokenStream {
	for _, t := range tokens {
		if r, _ := utf8.DecodeRune(t.Term); r >= 0x1100 && unicode.Is(unicode.Hangul, r) {
			t.Type = analysis.Ideographic
		}
	}
	return tokens
}

// newMapping is static: a field that is not named here is not indexed, and
// none is stored.
func newMapping() (mapping.IndexMapping, error) {
	if err := register(); err != nil {
		return nil, err
	}
	m := bleve.NewIndexMapping()
	err := m.AddCustomTokenFilter(pairsAndOnes, map[string]any{"type": cjk.BigramName, "output_unigram": true})
	if err != nil {
		return nil, err
	}
	for name, pairs := range map[string]string{textAnalyzer: pairsAndOnes, queryAnalyzer: cjk.BigramName} {
		err := m.AddCustomAnalyzer(name, map[string]any{
			"type": custom.Name, "tokenizer": unicodewords.Name,
			"token_filters": []any{cjk.WidthName, lowercase.Name, hangulFilter, pairs},
		})
		if err != nil {
			return nil, err
		}
	}
	word := func() *mapping.FieldMapping {
		f := bleve.NewTextFieldMapping()
		f.Analyzer, f.Store, f.IncludeInAll, f.IncludeTermVectors, f.DocValues, f.SkipFreqNorm = keyword.Name, false, false, false, false, true
		return f
	}
	text := func() *mapping.FieldMapping {
		f := bleve.NewTextFieldMapping() // with positions, for phrases
		f.Analyzer, f.Store, f.IncludeInAll, f.DocValues = textAnalyzer, false, false, false
		return f
	}
	at, number := bleve.NewNumericFieldMapping(), bleve.NewNumericFieldMapping()
	at.Store, at.IncludeInAll = false, false
	number.Store, number.IncludeInAll, number.DocValues = false, false, false
	doc := bleve.NewDocumentStaticMapping()
	for _, name := range []string{fieldKind, fieldRoom, fieldBoard, fieldAuthor, fieldTags, fieldNames} {
		doc.AddFieldMappingsAt(name, word())
	}
	doc.AddFieldMappingsAt(fieldTitle, text())
	doc.AddFieldMappingsAt(fieldBody, text())
	doc.AddFieldMappingsAt(fieldAt, at)
	doc.AddFieldMappingsAt(fieldNumber, number)
	doc.AddSubDocumentMapping("_all", bleve.NewDocumentDisabledMapping()) // the field of all fields, which nothing asks
	m.DefaultMapping, m.ScoringModel, m.DefaultAnalyzer = doc, index.BM25Scoring, textAnalyzer
	m.StoreDynamic, m.IndexDynamic, m.DocValuesDynamic = false, false, false
	return m, m.Validate()
}
