package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"sync/atomic"
	"time"

	library "github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/search/query"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/post"
	"github.com/parleyhq/parley/infra/bleve"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/readmodels"
)

// hitsAsked is a page of search.
const hitsAsked = 20

// searching asks for pages of posts: of the route that serves them, without a
// network, and of the index library. Both ask one index the same.
func (p Plan) searching() Pair {
	return Pair{
		What: fmt.Sprintf("search, %s posts", thousands(p.Searched)), Unit: "queries/s", Floor: "bleve alone, same index, same queries", Aim: "≥ 0.7",
		Open: func(ctx context.Context) (_ Sides, err error) {
			s, err := p.site(ctx, 8)
			if err != nil {
				return Sides{}, err
			}
			sides, err := s.searching(ctx, p.Searched)
			if err != nil {
				return Sides{}, errors.Join(err, s.close())
			}
			return sides, nil
		},
	}
}

func thousands(n int) string {
	if n%1000 == 0 {
		return fmt.Sprint(n/1000, " k")
	}
	return fmt.Sprint(n)
}

func (s *site) searching(ctx context.Context, posts int) (Sides, error) {
	if err := s.write(ctx, posts); err != nil {
		return Sides{}, err
	}
	index, err := s.index(ctx)
	if err != nil {
		return Sides{}, err
	}
	all := lookups()
	routed := func(ctx context.Context, n int) (hits int, err error) { return s.found(ctx, all[n]) }
	bare := func(ctx context.Context, n int) (hits int, err error) {
		answer, err := index.SearchInContext(ctx, bareRequest(index, all[n]))
		if err != nil {
			return 0, err
		}
		return len(answer.Hits), nil
	}
	for n, q := range all {
		one, err := routed(ctx, n)
		other, err2 := bare(ctx, n)
		if err = errors.Join(err, err2); err == nil && one != other {
			err = fmt.Errorf("%d hits, and %d of the library alone", one, other)
		}
		if err != nil {
			return Sides{}, fmt.Errorf("looking for %q: %w", q, err)
		}
	}
	turn := func(ask func(context.Context, int) (int, error)) Turn {
		return func(ctx context.Context, d time.Duration) (float64, error) { return asked(ctx, d, len(all), ask) }
	}
	return Sides{Parley: turn(routed), Base: turn(bare), Close: s.close}, nil
}

// asked asks all questions again and again, on every core, until the time is
// over: whole rounds, so that both sides have asked the same.
func asked(ctx context.Context, d time.Duration, questions int, ask func(context.Context, int) (int, error)) (perSecond float64, err error) {
	begun, done := time.Now(), 0
	for done == 0 || time.Since(begun) < d {
		var next atomic.Int64
		work, ctx := errgroup.WithContext(ctx)
		for range runtime.GOMAXPROCS(0) {
			work.Go(func() error {
				for {
					n := int(next.Add(1)) - 1
					if n >= questions {
						return nil
					}
					if _, err := ask(ctx, n); err != nil {
						return err
					}
				}
			})
		}
		if err := work.Wait(); err != nil {
			return 0, err
		}
		done += questions
	}
	return float64(done) / time.Since(begun).Seconds(), nil
}

// write appends posts of the site's people as they would have been written,
// and waits until the last of them can be found.
func (s *site) write(ctx context.Context, posts int) error {
	board, _, err := s.app.Commands().CreateBoard(ctx, s.people[0].actor, commands.CreateBoard{Name: "A board"})
	if err != nil {
		return err
	}
	next := writings()
	work, inner := errgroup.WithContext(ctx)
	work.SetLimit(fillers)
	for n := range posts {
		title, body := next()
		by := s.people[n%len(s.people)].actor.Account
		work.Go(func() error {
			id := uuid.Must(uuid.NewV7())
			stream := post.Stream(id)
			typ, data, err := s.engines.Codec.Encode(inner, stream, id, post.Published{Board: board, Author: by, Type: post.Article, Title: title, Body: body})
			if err != nil {
				return err
			}
			_, err = s.engines.Store.Append(inner, stream, event.NoStream, []event.Event{{ID: id, Type: typ, Data: data}})
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return err
	}
	return s.settled(ctx, board)
}

// indexing bounds how long the whole log may take into tables and index.
const indexing = 10 * time.Minute

// settled waits until a post that is written now can be found.
func (s *site) settled(ctx context.Context, board uuid.UUID) error {
	c, err := dial(s.address)
	if err != nil {
		return err
	}
	defer c.close()
	me := s.people[0]
	epoch, err := s.app.Commands().Epoch(ctx)
	if err != nil {
		return err
	}
	_, out, err := s.app.Commands().CreatePost(ctx, me.actor, board, commands.CreatePost{Type: post.Article, Title: "lastword", Body: "b"})
	if err != nil {
		return err
	}
	find := request("GET", "/v1/search?q=lastword", me.token, "", "Parley-Position: "+event.NewPositions(epoch).Encode(out.Position))
	for begun := time.Now(); time.Since(begun) < indexing; {
		status, err := c.send(find)
		if err != nil || status == http.StatusOK {
			return err
		}
		if status != http.StatusServiceUnavailable {
			return fmt.Errorf("search answered %d: %s", status, c.body)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return fmt.Errorf("what was written could not be found in %s", indexing)
}

// index is that of the site, as its library has it.
func (s *site) index(ctx context.Context) (library.Index, error) {
	epoch, err := s.app.Commands().Epoch(ctx)
	if err != nil {
		return nil, err
	}
	name, err := s.engines.Search.Live(ctx, projections.SearchFamily(epoch))
	if err != nil {
		return nil, err
	}
	opened, err := s.engines.Search.Create(ctx, name)
	if err != nil {
		return nil, err
	}
	index, ok := opened.(*bleve.Index)
	if !ok {
		return nil, fmt.Errorf("the index is a %T", opened)
	}
	return index.Library(), nil
}

// kept is a ResponseWriter whose answer stays in memory.
type kept struct {
	nowhere
	body bytes.Buffer
}

func (k *kept) Write(b []byte) (int, error) { return k.body.Write(b) }

// found asks the route, as somebody who is signed in.
func (s *site) found(ctx context.Context, q string) (hits int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("/v1/search?limit=%d&q=%s", hitsAsked, url.QueryEscape(q)), http.NoBody)
	if err != nil {
		return 0, err
	}
	r.RemoteAddr = "127.0.0.1:1"
	r.Header.Set("User-Agent", "parley-bench")
	r.Header.Set("Authorization", "Bearer "+s.people[0].token)
	w := &kept{nowhere: nowhere{header: http.Header{}}}
	s.app.REST().Handler().ServeHTTP(w, r)
	if w.status != http.StatusOK {
		return 0, fmt.Errorf("answered %d: %s", w.status, w.body.Bytes())
	}
	return bytes.Count(w.body.Bytes(), []byte(`"kind":"post"`)), nil
}

// bareRequest is a question as somebody would write it who has nothing but the
// library: every word in title or body, with typos as Parley forgives them.
func bareRequest(index library.Index, q string) *library.SearchRequest {
	kind := query.NewTermQuery(string(readmodels.SearchPosts))
	kind.SetField("kind")
	kind.SetBoost(0)
	all := []query.Query{kind}
	for _, w := range readmodels.Words(q) {
		all = append(all, query.NewDisjunctionQuery(append(bareWord(index, "title", w, 3), bareWord(index, "body", w, 1)...)))
	}
	return library.NewSearchRequestOptions(query.NewConjunctionQuery(all), hitsAsked, 0, false)
}

func bareWord(index library.Index, field string, w readmodels.Word, boost float64) []query.Query {
	phrase := query.NewMatchPhraseQuery(w.Text)
	phrase.SetField(field)
	phrase.SetBoost(boost)
	phrase.Analyzer = "parley_query"
	all := []query.Query{phrase}
	if tokens := index.Mapping().AnalyzerNamed(phrase.Analyzer).Analyze([]byte(w.Text)); len(tokens) == 1 {
		one := query.NewTermQuery(string(tokens[0].Term))
		one.SetField(field)
		one.SetBoost(boost)
		all[0] = one
	}
	if w.Typos > 0 {
		fuzzy := query.NewFuzzyQuery(w.Text)
		fuzzy.SetField(field)
		fuzzy.SetFuzziness(w.Typos)
		fuzzy.SetPrefix(1)
		fuzzy.SetBoost(boost / 5)
		all = append(all, fuzzy)
	}
	return all
}
