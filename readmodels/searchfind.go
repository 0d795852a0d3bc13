package readmodels

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/fault"
)

// maxRounds bounds how often a page asks for more hits, where many that the
// index gave are not for the viewer. A page may then be short, and still have
// one after it.
const maxRounds = 5

// Finder answers searches: the index says what matches, and the tables what
// the viewer may see of it, and how it looks now.
type Finder struct {
	Tables *Tables
	Engine SearchEngine
	Family string // whose live generation is asked
}

// Found is one hit as the viewer sees it; one of Post and Account is set.
type Found struct {
	Place      Place
	Post       *Post
	Account    *Account
	Highlights map[string][]string // by field; HTML
}

// Find gives at most q.Limit hits, and the place after which the next page
// begins, nil at the end. Errors: ErrSearchUnavailable, fault.ErrUnavailable,
// the context's.
func (f *Finder) Find(ctx context.Context, viewer uuid.UUID, q SearchQuery) (found []Found, next *Place, err error) {
	if len(q.Words) == 0 {
		return nil, nil, nil
	}
	limit := q.Limit
	q.Limit = min(limit+1, MaxHits) // one more says whether there is a next page
	for range maxRounds {
		hits, err := f.search(ctx, q)
		if err != nil {
			return nil, nil, err
		}
		seen, err := f.look(ctx, viewer, q, hits)
		if err != nil {
			return nil, nil, err
		}
		if found = append(found, seen...); len(found) > limit {
			found = found[:limit]
			return found, &found[limit-1].Place, nil
		}
		if len(hits) < q.Limit {
			return found, nil, nil
		}
		q.After = &hits[len(hits)-1]
	}
	return found, q.After, nil
}

func (f *Finder) search(ctx context.Context, q SearchQuery) ([]Place, error) {
	hits, err := f.Engine.Search(ctx, f.Family, q)
	if errors.Is(err, ErrNoGeneration) || errors.Is(err, ErrUnavailable) {
		return nil, ErrSearchUnavailable.Because(err)
	}
	return hits, err
}

// look gives those hits that the viewer may see, in their order; one query
// for all of them.
func (f *Finder) look(ctx context.Context, viewer uuid.UUID, q SearchQuery, hits []Place) ([]Found, error) {
	if len(hits) == 0 {
		return nil, nil
	}
	ids := make([]uuid.UUID, len(hits))
	for i, h := range hits {
		ids[i] = h.ID()
	}
	things := map[uuid.UUID]Found{}
	err := f.Tables.Read(ctx, func(r Reader) error {
		if q.Kind == SearchAccounts {
			accounts, err := AccountsByID(ctx, r, viewer, ids)
			for i := range accounts {
				things[accounts[i].ID] = Found{Account: &accounts[i], Highlights: accountHighlights(accounts[i], q.Words)}
			}
			return err
		}
		posts, err := PostsByID(ctx, r, viewer, ids)
		for i := range posts {
			if q.shows(posts[i]) {
				things[posts[i].ID] = Found{Post: &posts[i], Highlights: postHighlights(posts[i], q.Words)}
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	found := make([]Found, 0, len(things))
	for i, h := range hits {
		if x, ok := things[ids[i]]; ok {
			x.Place = h
			found = append(found, x)
		}
	}
	return found, nil
}

// shows says whether a post still belongs to the answer: the index may be
// older than the tables. Its words are not looked at again, as engines know
// more ways to match than a text shows.
func (q SearchQuery) shows(p Post) bool {
	if q.Author != uuid.Nil && (p.Author == nil || p.Author.ID != q.Author) || q.Board != uuid.Nil && p.Board != q.Board {
		return false
	}
	if q.Tag == "" {
		return true
	}
	for _, t := range p.Hashtags {
		if t == q.Tag {
			return true
		}
	}
	return false
}

func postHighlights(p Post, words []Word) map[string][]string {
	all := map[string][]string{}
	add(all, "title", Highlight(p.Title, words))
	add(all, "body", Highlight(plain(p.HTML), words))
	return all
}

func accountHighlights(a Account, words []Word) map[string][]string {
	all := map[string][]string{}
	add(all, "handle", HighlightName(a.Handle, words))
	add(all, "displayName", Highlight(a.DisplayName, words))
	add(all, "bio", Highlight(a.Bio, words))
	return all
}

func add(all map[string][]string, field string, parts []string) {
	if parts != nil {
		all[field] = parts
	}
}

// Named is the account of a folded handle, if the viewer can see one;
// uuid.Nil otherwise.
func (f *Finder) Named(ctx context.Context, viewer uuid.UUID, handle string) (uuid.UUID, error) {
	var a Account
	err := f.Tables.Read(ctx, func(r Reader) (err error) {
		a, err = AccountByHandle(ctx, r, viewer, handle)
		return err
	})
	if errors.Is(err, fault.ErrNotFound) {
		return uuid.Nil, nil
	}
	return a.ID, err
}
