package bleve

import (
	"context"
	"math"
	"strconv"
	"time"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/search"
	"github.com/blevesearch/bleve/v2/search/query"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/readmodels"
)

// How much a match in a field counts, and one with a typo in it beside one
// without.
const (
	boostName  = 4
	boostTitle = 3
	boostBody  = 1
	boostTypo  = 0.2
)

// request is a query in bleve's terms. It is a conjunction, not a boolean query
// with a filter: of that, bleve forgets a must that can match nothing, and
// answers with everything that passes the filter.
func (i *Index) request(q readmodels.SearchQuery) *bleve.SearchRequest {
	all := query.NewConjunctionQuery(nil)
	for _, w := range q.Words {
		all.AddQuery(i.wordQuery(q.Kind, w))
	}
	all.AddQuery(exactly(fieldKind, string(q.Kind)))
	for field, id := range map[string]uuid.UUID{fieldBoard: q.Board, fieldAuthor: q.Author} {
		if id != uuid.Nil {
			all.AddQuery(exactly(field, id.String()))
		}
	}
	if q.Tag != "" {
		all.AddQuery(exactly(fieldTags, q.Tag))
	}
	if !q.Since.IsZero() || !q.Until.IsZero() {
		all.AddQuery(between(q.Since, q.Until))
	}
	if q.Kind == readmodels.SearchMessages {
		all.AddQuery(inRooms(q.Rooms))
	}
	r := bleve.NewSearchRequestOptions(all, q.Limit, 0, false)
	order(r, q)
	return r
}

// order sorts by score; or by time, then by key. That needs the key of every
// hit, which costs more than its score.
func order(r *bleve.SearchRequest, q readmodels.SearchQuery) {
	if !q.Newest {
		r.SortByCustom(search.SortOrder{&search.SortScore{Desc: true}})
		return
	}
	r.Score = "none"
	r.SortByCustom(search.SortOrder{&search.SortField{Field: fieldAt, Type: search.SortFieldAsNumber, Desc: true}, &search.SortDocID{}})
	if q.After != nil {
		r.SetSearchAfter([]string{strconv.FormatInt(q.After.At, 10), q.After.Key})
	}
}

// wordQuery matches a word in any of the texts.
func (i *Index) wordQuery(kind readmodels.Kind, w readmodels.Word) query.Query {
	any := query.NewDisjunctionQuery(nil)
	for field, boost := range map[string]float64{fieldTitle: boostTitle, fieldBody: boostBody} {
		any.AddQuery(i.text(field, w.Text, boost))
		if w.Typos > 0 {
			fuzzy := query.NewFuzzyQuery(w.Text)
			fuzzy.SetField(field)
			fuzzy.SetFuzziness(w.Typos)
			fuzzy.SetPrefix(1)
			fuzzy.SetBoost(boost * boostTypo)
			any.AddQuery(fuzzy)
		}
	}
	if kind.Named() {
		name := query.NewPrefixQuery(w.Text)
		name.SetField(fieldNames)
		name.SetBoost(boostName)
		any.AddQuery(name)
	}
	return any
}

// text matches a word in a field: its tokens next to each other. One token is
// found without its places in the texts, which is a small part of the work.
func (i *Index) text(field, word string, boost float64) query.Query {
	tokens := i.index.Mapping().AnalyzerNamed(queryAnalyzer).Analyze([]byte(word))
	if len(tokens) == 1 {
		one := query.NewTermQuery(string(tokens[0].Term))
		one.SetField(field)
		one.SetBoost(boost)
		return one
	}
	phrase := query.NewMatchPhraseQuery(word)
	phrase.SetField(field)
	phrase.SetBoost(boost)
	phrase.Analyzer = queryAnalyzer
	return phrase
}

// exactly is a condition: it adds nothing to the score.
func exactly(field, value string) query.Query {
	t := query.NewTermQuery(value)
	t.SetField(field)
	t.SetBoost(0)
	return t
}

// between is a condition: since inclusive, until exclusive.
func between(since, until time.Time) query.Query {
	low, high := math.Inf(-1), math.Inf(1)
	if !since.IsZero() {
		low = float64(since.UnixMilli())
	}
	if !until.IsZero() {
		high = float64(until.UnixMilli())
	}
	yes, no := true, false
	r := query.NewNumericRangeInclusiveQuery(&low, &high, &yes, &no)
	r.SetField(fieldAt)
	r.SetBoost(0)
	return r
}

// inRooms is a condition: in one of some rooms, from a number on. No room
// matches nothing.
func inRooms(rooms []readmodels.RoomSeen) query.Query {
	any := query.NewDisjunctionQuery(nil)
	for _, r := range rooms {
		room := exactly(fieldRoom, r.Room.String())
		if r.From > 0 {
			from, yes := float64(r.From), true
			numbers := query.NewNumericRangeInclusiveQuery(&from, nil, &yes, nil)
			numbers.SetField(fieldNumber)
			numbers.SetBoost(0)
			room = query.NewConjunctionQuery([]query.Query{room, numbers})
		}
		any.AddQuery(room)
	}
	if len(rooms) == 0 {
		any.AddQuery(query.NewMatchNoneQuery())
	}
	any.SetBoost(0)
	return any
}

// find runs a query on one index.
func (i *Index) find(ctx context.Context, q readmodels.SearchQuery) ([]readmodels.Place, error) {
	result, err := i.index.SearchInContext(ctx, i.request(q))
	if err != nil {
		return nil, classify(ctx, "search", err)
	}
	places := make([]readmodels.Place, len(result.Hits))
	for n, hit := range result.Hits {
		places[n] = readmodels.Place{Key: hit.ID}
		if !q.Newest {
			continue
		}
		at, err := strconv.ParseFloat(hit.DecodedSort[0], 64)
		if err != nil {
			return nil, classify(ctx, "search", err)
		}
		places[n].At = int64(at)
	}
	return places, nil
}
