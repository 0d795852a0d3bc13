package rest

import (
	"context"
	"errors"
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
		Summary: "Posts, accounts, boards, hashtags or messages of one's rooms that hold all words, the best first",
		Errors:  []*fault.Fault{readmodels.ErrSearchUnavailable, errAuthMissing},
	}, nil, s.getSearch)
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/search/suggest", ID: "suggest", Tag: "Search", Auth: Optional,
		Summary: "Accounts and hashtags that go on from what was typed, at most 10; a leading @ or # asks for one of both",
	}, nil, s.getSuggestions)
}

// Hit is something that was found.
type Hit struct {
	Kind       string              `json:"kind" enum:"account,board,post,hashtag,message"`
	ID         string              `json:"id" doc:"a hashtag's is its tag"`
	Highlights map[string][]string `json:"highlights" doc:"by field: parts of it as HTML, the words in <mark>, all else escaped; a field without a word is left out"`
	Account    *Account            `json:"account,omitempty"`
	Board      *Board              `json:"board,omitempty"`
	Post       *Post               `json:"post,omitempty"`
	Hashtag    *Hashtag            `json:"hashtag,omitempty"`
	Message    *Message            `json:"message,omitempty"`
}

func showHit(f readmodels.Found) Hit {
	thing := f.Place.Thing()
	h := Hit{Kind: string(thing.Kind), ID: thing.ID.String(), Highlights: f.Highlights}
	switch {
	case f.Account != nil:
		a := showAccount(*f.Account)
		h.Account = &a
	case f.Board != nil:
		b := showBoard(*f.Board)
		h.Board = &b
	case f.Post != nil:
		p := showPost(*f.Post)
		h.Post = &p
	case f.Hashtag != nil:
		t := showHashtag(*f.Hashtag)
		h.ID, h.Hashtag = t.Tag, &t
	case f.Message != nil:
		m := showMessage(*f.Message, f.People)
		h.ID, h.Message = m.ID.String(), &m
	}
	return h
}

type searchFor struct {
	Page
	Q      string      `query:"q" maxLength:"200" doc:"needed; all words must match, in any script"`
	Kind   string      `query:"kind" default:"posts" enum:"accounts,boards,posts,hashtags,messages" doc:"messages need a token, and are those of one's rooms that one may see there"`
	Board  *uuid.UUID  `query:"board" doc:"posts of a board alone"`
	Author *accountRef `query:"author" doc:"posts that an account has signed, or messages that it sent; an id, or a handle behind @"`
	Tag    *tag        `query:"tag" doc:"posts with a hashtag alone"`
	Since  *Time       `query:"since" doc:"published then or later; sent, made or signed up, as the kind is; not for hashtags"`
	Until  *Time       `query:"until" doc:"before"`
	Sort   string      `query:"sort" default:"best" enum:"best,newest" doc:"best: a thousand hits on all pages together, newest: all; newest hashtags are those that were used last"`
}

// searchKinds are what can be looked for.
var searchKinds = map[string]readmodels.Kind{
	"accounts": readmodels.SearchAccounts, "boards": readmodels.SearchBoards, "posts": readmodels.SearchPosts,
	"hashtags": readmodels.SearchHashtags, "messages": readmodels.SearchMessages,
}

// query checks what is looked for. A filter that does not fit its kind is
// refused: an answer without it would look like one with it.
func (p searchFor) query() (readmodels.SearchQuery, error) {
	var wrong fault.Checks
	kind := searchKinds[p.Kind]
	q := readmodels.SearchQuery{Kind: kind, Words: readmodels.Words(p.Q), Newest: p.Sort == "newest", Limit: p.Limit}
	switch {
	case strings.TrimSpace(p.Q) == "":
		wrong.Add("q", "required")
	case len(q.Words) > readmodels.MaxWords:
		wrong.Add("q", "too many words")
	}
	posts, messages, hashtags := kind == readmodels.SearchPosts, kind == readmodels.SearchMessages, kind == readmodels.SearchHashtags
	for _, filter := range []struct {
		field       string
		given, fits bool
		only        string
	}{
		{"board", p.Board != nil, posts, "only for posts"},
		{"author", p.Author != nil, posts || messages, "only for posts and messages"},
		{"tag", p.Tag != nil, posts, "only for posts"},
		{"since", p.Since != nil, !hashtags, "not for hashtags"},
		{"until", p.Until != nil, !hashtags, "not for hashtags"},
	} {
		if filter.given && !filter.fits {
			wrong.Add(filter.field, filter.only)
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
	if p.Kind == "messages" && c.Actor == nil {
		return answer, errAuthMissing
	}
	var from *readmodels.SearchCursor
	q, err := p.query()
	if err == nil {
		from, err = seek[readmodels.SearchCursor](c, p.Page)
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
	found, next, err := s.cfg.Search.Find(ctx, c.Account(), s.boardTags(c), q, from)
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

// Suggestion is what somebody may mean who has typed the beginning of it.
type Suggestion struct {
	Kind    string   `json:"kind" enum:"account,hashtag"`
	Text    string   `json:"text" doc:"the handle or the tag, without its sign"`
	Account *Summary `json:"account,omitempty"`
	Hashtag *Hashtag `json:"hashtag,omitempty"`
}

func showSuggestion(x readmodels.Suggestion) Suggestion {
	if x.Account != nil {
		a := showSummary(*x.Account)
		return Suggestion{Kind: string(readmodels.SearchAccounts), Text: a.Handle, Account: &a}
	}
	h := showHashtag(*x.Hashtag)
	return Suggestion{Kind: string(readmodels.SearchHashtags), Text: h.Tag, Hashtag: &h}
}

// Suggestions have no next page: whoever misses one types another letter.
type Suggestions struct {
	Items []Suggestion `json:"items"`
}

type suggestFor struct {
	Q string `query:"q" maxLength:"100" doc:"needed; the beginning of a handle, a name or a hashtag, in any script"`
}

func (s *Server) getSuggestions(ctx context.Context, c *Call, p suggestFor, _ None) (Reply[Suggestions], error) {
	answer := Reply[Suggestions]{Data: Suggestions{Items: []Suggestion{}}}
	if strings.TrimSpace(p.Q) == "" {
		var wrong fault.Checks
		wrong.Add("q", "required")
		return answer, wrong.Err()
	}
	if err := s.awaitIndex(ctx, c); err != nil {
		return answer, err
	}
	found, err := s.cfg.Search.Suggest(ctx, c.Account(), p.Q)
	for _, x := range found {
		answer.Data.Items = append(answer.Data.Items, showSuggestion(x))
	}
	return answer, err
}

// awaitIndex waits for the index as for a projector that the route reads from;
// but what it still lacks then is left out, as all of it is while it is down.
func (s *Server) awaitIndex(ctx context.Context, c *Call) error {
	err := s.await(ctx, c, s.cfg.Waiters[Search])
	if errors.Is(err, errPositionLate) {
		return nil
	}
	return err
}
