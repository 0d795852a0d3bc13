package rest

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/readmodels"
)

func (s *Server) search() {
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/search", ID: "search", Tag: "Search", Auth: Optional, Waits: []string{Tables, Search},
		Summary: "Posts or accounts that hold all words, the best first",
		Errors:  []*fault.Fault{readmodels.ErrSearchUnavailable},
	}, nil, s.getSearch)
}

// Hit is something that was found.
type Hit struct {
	Kind       string              `json:"kind" enum:"account,post"`
	ID         uuid.UUID           `json:"id"`
	Highlights map[string][]string `json:"highlights" doc:"by field: parts of it as HTML, the words in <mark>, all else escaped; a field without a word is left out"`
	Post       *Post               `json:"post,omitempty"`
	Account    *Account            `json:"account,omitempty"`
}

func showHit(f readmodels.Found) Hit {
	h := Hit{ID: f.Place.ID(), Highlights: f.Highlights}
	if f.Post != nil {
		p := showPost(*f.Post)
		h.Kind, h.Post = string(readmodels.SearchPosts), &p
		return h
	}
	a := showAccount(*f.Account)
	h.Kind, h.Account = string(readmodels.SearchAccounts), &a
	return h
}

type searchFor struct {
	Page
	Q      string      `query:"q" maxLength:"200" doc:"needed; all words must match, in any script"`
	Kind   string      `query:"kind" default:"posts" enum:"accounts,boards,posts,hashtags,messages"`
	Board  *uuid.UUID  `query:"board" doc:"posts of a board alone"`
	Author *accountRef `query:"author" doc:"posts that an account has signed; an id, or a handle behind @"`
	Tag    *tag        `query:"tag" doc:"posts with a hashtag alone"`
	Since  *Time       `query:"since" doc:"published then or later; for accounts: signed up"`
	Until  *Time       `query:"until" doc:"published before"`
	Sort   string      `query:"sort" default:"best" enum:"best,newest"`
}

// searchKinds are what can be looked for until now.
var searchKinds = map[string]readmodels.Kind{"accounts": readmodels.SearchAccounts, "posts": readmodels.SearchPosts}

// query checks what is looked for. A filter that does not fit its kind is
// refused: an answer without it would look like one with it.
func (p searchFor) query() (readmodels.SearchQuery, error) {
	var wrong fault.Checks
	kind, known := searchKinds[p.Kind]
	q := readmodels.SearchQuery{Kind: kind, Words: readmodels.Words(p.Q), Newest: p.Sort == "newest", Limit: p.Limit}
	switch {
	case strings.TrimSpace(p.Q) == "":
		wrong.Add("q", "required")
	case len(q.Words) > readmodels.MaxWords:
		wrong.Add("q", "too many words")
	}
	if !known {
		wrong.Add("kind", "not searchable yet")
	}
	if kind == readmodels.SearchAccounts {
		for field, given := range map[string]bool{"board": p.Board != nil, "author": p.Author != nil, "tag": p.Tag != nil} {
			if given {
				wrong.Add(field, "only for posts")
			}
		}
	}
	q.Board = orNil(p.Board)
	if p.Tag != nil {
		q.Tag = string(*p.Tag)
	}
	q.Since, q.Until = orNever(p.Since), orNever(p.Until)
	return q, wrong.Err()
}

func orNever(t *Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}

func (s *Server) getSearch(ctx context.Context, c *Call, p searchFor, _ None) (Reply[List[Hit]], error) {
	answer := Reply[List[Hit]]{Data: List[Hit]{Items: []Hit{}}}
	q, err := p.query()
	if err == nil {
		q.After, err = seek[readmodels.Place](c, p.Page)
	}
	if err != nil {
		return answer, err
	}
	if p.Author != nil {
		q.Author = p.Author.id
		if p.Author.handle != "" {
			q.Author, err = s.cfg.Search.Named(ctx, c.Account(), p.Author.handle)
		}
		if err != nil || q.Author == uuid.Nil { // nobody of that name: nothing of theirs
			return answer, err
		}
	}
	found, next, err := s.cfg.Search.Find(ctx, c.Account(), q)
	if err != nil {
		return answer, err
	}
	for _, f := range found {
		answer.Data.Items = append(answer.Data.Items, showHit(f))
	}
	if next != nil {
		answer.Data.Next, err = c.sealPlace(*next)
	}
	return answer, err
}
