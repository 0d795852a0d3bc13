package elastic

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"
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

// Search implements readmodels.SearchEngine.
func (e *Engine) Search(ctx context.Context, family string, q readmodels.SearchQuery) ([]readmodels.Place, error) {
	if len(q.Words) == 0 {
		_, err := e.Live(ctx, family)
		return nil, err
	}
	var answer struct {
		Hits struct {
			Hits []struct {
				ID   string            `json:"_id"`
				Sort []json.RawMessage `json:"sort"`
			} `json:"hits"`
		} `json:"hits"`
	}
	no := false
	err := e.call(ctx, "search "+e.live(family), e.cfg.Timeout, esapi.SearchRequest{
		Index: []string{e.live(family)}, Body: body(request(q)), AllowPartialSearchResults: &no,
		FilterPath: []string{"hits.hits._id", "hits.hits.sort"},
	}, &answer)
	if err != nil {
		return nil, err
	}
	places := make([]readmodels.Place, len(answer.Hits.Hits))
	for i, hit := range answer.Hits.Hits {
		places[i].Key = hit.ID
		if !q.Newest {
			continue
		}
		if len(hit.Sort) != 2 {
			return nil, fmt.Errorf("%w: elasticsearch: search %s: a hit without its place", readmodels.ErrUnavailable, e.live(family))
		}
		if err := json.Unmarshal(hit.Sort[0], &places[i].At); err != nil {
			return nil, failed(ctx, "search "+e.live(family), err)
		}
	}
	return places, nil
}

// request is a query in Elasticsearch's terms.
func request(q readmodels.SearchQuery) object {
	var must []object
	for _, w := range q.Words {
		must = append(must, wordQuery(q.Kind, w))
	}
	filter := []object{term("kind", string(q.Kind))}
	for field, id := range map[string]uuid.UUID{"board": q.Board, "author": q.Author} {
		if id != uuid.Nil {
			filter = append(filter, term(field, id.String()))
		}
	}
	if q.Tag != "" {
		filter = append(filter, term("tags", q.Tag))
	}
	if !q.Since.IsZero() || !q.Until.IsZero() {
		filter = append(filter, between(q.Since, q.Until))
	}
	if q.Kind == readmodels.SearchMessages {
		filter = append(filter, inRooms(q.Rooms))
	}
	r := object{
		"query": object{"bool": object{"must": must, "filter": filter}},
		"size":  q.Limit, "_source": false, "track_total_hits": false,
	}
	if q.Newest { // else by score: with another order after it, the engine would have to look at every hit
		r["sort"] = []object{{"at": "desc"}, {"key": "asc"}}
	}
	if q.After != nil {
		r["search_after"] = []any{q.After.At, q.After.Key}
	}
	return r
}

// wordQuery matches a word in any of the texts.
func wordQuery(kind readmodels.Kind, w readmodels.Word) object {
	var any []object
	for field, boost := range map[string]float64{"title": boostTitle, "body": boostBody} {
		any = append(any, object{"match_phrase": object{field: object{"query": w.Text, "boost": boost}}})
		if w.Typos > 0 {
			any = append(any, object{"fuzzy": object{field: object{
				"value": w.Text, "fuzziness": w.Typos, "prefix_length": 1, "boost": boost * boostTypo,
			}}})
		}
	}
	if kind.Named() {
		any = append(any, object{"prefix": object{"names": object{"value": w.Text, "boost": boostName}}})
	}
	return object{"bool": object{"should": any, "minimum_should_match": 1}}
}

// inRooms is a condition: in one of some rooms, from a number on. No room
// matches nothing.
func inRooms(rooms []readmodels.RoomSeen) object {
	whole := []string{}
	var any []object
	for _, r := range rooms {
		if r.From == 0 {
			whole = append(whole, r.Room.String())
			continue
		}
		any = append(any, object{"bool": object{"filter": []object{
			term("room", r.Room.String()), {"range": object{"number": object{"gte": r.From}}},
		}}})
	}
	any = append(any, object{"terms": object{"room": whole}})
	return object{"bool": object{"should": any, "minimum_should_match": 1}}
}

func term(field, value string) object { return object{"term": object{field: value}} }

// between is since inclusive, until exclusive.
func between(since, until time.Time) object {
	bounds := object{}
	if !since.IsZero() {
		bounds["gte"] = since.UnixMilli()
	}
	if !until.IsZero() {
		bounds["lt"] = until.UnixMilli()
	}
	return object{"range": object{"at": bounds}}
}
