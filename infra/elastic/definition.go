package elastic

// Analyzers: texts are indexed as pairs of characters and as single ones,
// where their script has no spaces; a query is cut into pairs, and is a single
// character only where it is one.
const (
	textAnalyzer  = "parley_text"
	queryAnalyzer = "parley_query"
	pairsAndOnes  = "parley_pairs_and_ones"
)

type object = map[string]any

// definition is an index as it is made: of stock parts alone.
func definition(cfg Config, alias string) object {
	analyzer := func(pairs string) object {
		return object{"type": "custom", "tokenizer": "standard", "filter": []string{"cjk_width", "lowercase", pairs}}
	}
	word := object{"type": "keyword", "doc_values": false}
	text := object{"type": "text", "analyzer": textAnalyzer, "search_analyzer": queryAnalyzer}
	return object{
		"settings": object{
			"number_of_shards":   cfg.Shards,
			"number_of_replicas": cfg.Replicas,
			"refresh_interval":   "-1", // whoever writes asks for it
			"analysis": object{
				"filter":   object{pairsAndOnes: object{"type": "cjk_bigram", "output_unigrams": true}},
				"analyzer": object{textAnalyzer: analyzer(pairsAndOnes), queryAnalyzer: analyzer("cjk_bigram")},
			},
		},
		"mappings": object{
			"dynamic": "strict",
			"_source": object{"excludes": []string{"names", "title", "body"}},
			"properties": object{
				"key":  object{"type": "keyword", "index": false}, // for order among equals
				"kind": word, "room": word, "board": word, "author": word, "tags": word, "names": word,
				"number": object{"type": "long", "doc_values": false},
				"at":     object{"type": "long"},
				"title":  text, "body": text,
			},
		},
		"aliases": object{alias: object{}},
	}
}
