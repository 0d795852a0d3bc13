package readmodels

import (
	"context"
	"errors"

	"github.com/google/uuid"
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

// Found is one hit as the viewer sees it; one of the things is set.
type Found struct {
	Place      Place
	Account    *Account
	Board      *Board
	Post       *Post
	Hashtag    *Hashtag
	Message    *Message
	People     map[uuid.UUID]Summary // of a message
	Highlights map[string][]string   // by field; HTML
}

// Find gives at most q.Limit hits, and the place after which the next page
// begins, nil at the end. tags says which hashtags boards show. Messages are
// those of the viewer's rooms, the MaxRooms that were alive last.
// Errors: ErrSearchUnavailable, fault.ErrUnavailable, the context's.
func (f *Finder) Find(ctx context.Context, viewer uuid.UUID, tags BoardTags, q SearchQuery) (found []Found, next *Place, err error) {
	if len(q.Words) == 0 {
		return nil, nil, nil
	}
	if q.Kind == SearchMessages {
		if q.Rooms, err = f.rooms(ctx, viewer); err != nil || len(q.Rooms) == 0 {
			return nil, nil, err
		}
	}
	limit := q.Limit
	q.Limit = min(limit+1, MaxHits) // one more says whether there is a next page
	for range maxRounds {
		hits, err := f.search(ctx, q)
		if err != nil {
			return nil, nil, err
		}
		seen, err := f.look(ctx, viewer, tags, q, hits)
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

// rooms are those of the viewer. Of very many that are seen in part, some are
// looked into as a whole: the tables leave out what is not for the viewer.
func (f *Finder) rooms(ctx context.Context, viewer uuid.UUID) (rooms []RoomSeen, err error) {
	err = f.Tables.Read(ctx, func(r Reader) (err error) {
		rooms, err = RoomsSeen(ctx, r, viewer, MaxRooms)
		return err
	})
	parts := 0
	for i := range rooms {
		if rooms[i].From == 0 {
			continue
		}
		if parts++; parts > MaxPartRooms {
			rooms[i].From = 0
		}
	}
	return rooms, err
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
func (f *Finder) look(ctx context.Context, viewer uuid.UUID, tags BoardTags, q SearchQuery, hits []Place) ([]Found, error) {
	if len(hits) == 0 {
		return nil, nil
	}
	things := make([]Thing, len(hits))
	for i, h := range hits {
		things[i] = h.Thing()
	}
	var seen map[Thing]Found
	err := f.Tables.Read(ctx, func(r Reader) (err error) {
		switch q.Kind {
		case SearchAccounts:
			seen, err = seenAccounts(ctx, r, viewer, q, things)
		case SearchBoards:
			seen, err = seenBoards(ctx, r, viewer, tags, q, things)
		case SearchPosts:
			seen, err = seenPosts(ctx, r, viewer, q, things)
		case SearchHashtags:
			seen, err = seenHashtags(ctx, r, viewer, q, things)
		case SearchMessages:
			seen, err = seenMessages(ctx, r, viewer, q, things)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	found := make([]Found, 0, len(seen))
	for i, h := range hits {
		if x, ok := seen[things[i]]; ok {
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
