package readmodels

import (
	"context"
	"errors"
	"slices"

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

// Find gives at most q.Limit hits that come after from, which is nil for the
// first page, and the cursor of the next page, nil at the end. tags says which
// hashtags boards show. Messages are those of the viewer's rooms, the MaxRooms
// that were alive last.
// Errors: ErrSearchUnavailable, fault.ErrUnavailable, the context's.
func (f *Finder) Find(ctx context.Context, viewer uuid.UUID, tags BoardTags, q SearchQuery, from *SearchCursor) (found []Found, next *SearchCursor, err error) {
	if len(q.Words) == 0 {
		return nil, nil, nil
	}
	if q.Kind == SearchMessages {
		if q.Rooms, err = f.rooms(ctx, viewer); err != nil || len(q.Rooms) == 0 {
			return nil, nil, err
		}
	}
	at := SearchCursor{}
	if from != nil {
		at = *from
	}
	for range maxRounds {
		hits, end, err := at.Unseen(ctx, f.search, q, q.Limit+1) // one more says whether there is a next page
		if err != nil {
			return nil, nil, err
		}
		seen, err := f.look(ctx, viewer, tags, q, hits)
		if err != nil {
			return nil, nil, err
		}
		found = append(found, seen...)
		more := len(found) > q.Limit
		if more {
			found = found[:q.Limit]
			last := found[q.Limit-1].Place.Key
			hits = hits[:slices.IndexFunc(hits, func(h Place) bool { return h.Key == last })+1] // none, if it came in an earlier round
		}
		at.Pass(q, hits)
		switch {
		case end && !more, at.Deep():
			return found, nil, nil
		case more:
			return found, &at, nil
		}
	}
	return found, &at, nil
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
