package readmodels

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/fault"
)

// Kind is what a document of the index stands for.
type Kind string

// The kinds that are indexed.
const (
	SearchAccounts Kind = "account"
	SearchBoards   Kind = "board"
	SearchPosts    Kind = "post"
	SearchHashtags Kind = "hashtag"
	SearchMessages Kind = "message"
)

// Named says whether things of a kind are found by how their names begin.
func (k Kind) Named() bool { return k == SearchAccounts || k == SearchBoards || k == SearchHashtags }

// Thing is what a document stands for. ID is that of a message's room, and
// uuid.Nil of a hashtag.
type Thing struct {
	Kind   Kind
	ID     uuid.UUID
	Number uint64 // of a message, in its room
	Tag    string // of a hashtag: folded, without its sign
}

// Key names a thing: "post-<id>", "message-<room>.<number>", "hashtag-<tag>".
func (t Thing) Key() string {
	switch t.Kind {
	case SearchMessages:
		return string(t.Kind) + "-" + t.ID.String() + "." + strconv.FormatUint(t.Number, 10)
	case SearchHashtags:
		return string(t.Kind) + "-" + t.Tag
	}
	return string(t.Kind) + "-" + t.ID.String()
}

// thingOf reads a key; of one that an engine has made up, what it names is
// nowhere.
func thingOf(key string) Thing {
	kind, name, _ := strings.Cut(key, "-")
	t := Thing{Kind: Kind(kind)}
	switch t.Kind {
	case SearchMessages:
		room, number, _ := strings.Cut(name, ".")
		t.ID = idOf(room)
		t.Number, _ = strconv.ParseUint(number, 10, 63)
	case SearchHashtags:
		t.Tag = name
	default:
		t.ID = idOf(name)
	}
	return t
}

// Document is what can be found of one thing. The index gives it back to
// nobody: it tells which things match, and what is shown comes from the tables.
//
// Texts are as Searchable leaves them. Author is uuid.Nil where a post is
// anonymous: no engine ever hears who wrote it, or under which pseudonym.
type Document struct {
	Thing
	Board  uuid.UUID // of a post
	Author uuid.UUID // of a signed post; who sent a message
	Tags   []string  // folded, of a post
	At     time.Time // published, sent, made or signed up; of a hashtag: its newest post, when it was looked at last
	Names  []string  // found by their beginnings: a handle, the words of a name
	Title  string    // counts most
	Body   string
}

// Room is where a message is; uuid.Nil for all else.
func (t Thing) Room() uuid.UUID {
	if t.Kind == SearchMessages {
		return t.ID
	}
	return uuid.Nil
}

// Change puts a document in the place of what the index holds of that thing,
// or takes it out.
type Change struct {
	Document
	Gone bool // only the Thing counts
}

// SearchQuery is what is looked for.
type SearchQuery struct {
	Kind          Kind
	Words         []Word     // all must match; none matches nothing
	Board, Author uuid.UUID  // uuid.Nil: any
	Rooms         []RoomSeen // of messages: in none of the others; at most MaxRooms, MaxPartRooms of them in part
	Tag           string     // folded; empty: any
	Since, Until  time.Time  // of At; Since inclusive, Until exclusive; zero: open
	Newest        bool       // by At, the newest first; else the best first
	After         *Place     // of the newest first: behind it; nil: from the first, as always of the best
	Limit         int        // at most MaxHits
}

// RoomSeen is a room, and from which number on its messages are looked at.
type RoomSeen struct {
	Room uuid.UUID
	From uint64 // 0: all of them
}

// Bounds of the rooms that one search looks into: in all, and with a number to
// begin from. An engine has a condition for each of the latter, and bounds
// those of a query.
const (
	MaxRooms     = 1000
	MaxPartRooms = 100
)

// MaxHits is how many hits one search gives at most.
const MaxHits = MaxDepth + 200

// Place is a hit, and where it stands among the newest first: for as long as
// its document has that time.
type Place struct {
	At  int64  // of the newest first, in milliseconds
	Key string // of the document; rising among equals, of the newest first
}

// Thing is what stands there.
func (p Place) Thing() Thing { return thingOf(p.Key) }

// SearchEngine keeps search indexes in generations, as Generations keeps
// tables. searchtest is its conformance suite. Errors of all methods wrap
// ErrUnavailable where the engine, not the caller, is to blame.
//
// A family is what one release builds from one log; each has its own live
// generation, so that two releases can stand side by side. The name of a
// generation begins with its family's.
type SearchEngine interface {
	// Create makes an empty generation, or opens what is there of it.
	Create(ctx context.Context, name string) (SearchIndex, error)
	// Live names the generation that answers a family's queries; ErrNoGeneration
	// before the first Swap, and where the engine has lost it.
	Live(ctx context.Context, family string) (name string, err error)
	// Swap makes a generation live, at once and durably, and drops the family's
	// other ones.
	Swap(ctx context.Context, family, name string) error
	// Drop forgets a generation that is not live; an absent one is no error.
	Drop(ctx context.Context, name string) error
	// Search asks the live generation of a family; ErrNoGeneration as Live.
	// A query is answered from all of the index or with an error, never in part.
	Search(ctx context.Context, family string, q SearchQuery) ([]Place, error)
}

// SearchIndex is one generation as its writer sees it. ErrNoGeneration says
// that the engine has lost it; a write never makes it again by accident.
type SearchIndex interface {
	// Apply makes changes that were read from tables as of position or later.
	// What is written is kept, and found after Refresh at the latest.
	//
	// Where several processes can write to one index, a change as of an earlier
	// position than that of what the index holds, or was told to be gone, of the
	// same thing is passed over: what a deposed leader still writes does no
	// harm. Errors: *RefusedDocuments, when everything else was written.
	Apply(ctx context.Context, changes []Change, position uint64) error
	// Refresh lets everything applied before be found.
	Refresh(ctx context.Context) error
	// Position is how far the log is in the index, 0 in a new one.
	Position(ctx context.Context) (uint64, error)
	// SetPosition keeps that; what Apply wrote before is kept with it.
	SetPosition(ctx context.Context, position uint64) error
}

// RefusedDocuments says that the engine takes some documents in no case.
type RefusedDocuments struct {
	Keys   []string
	Reason string // of the first
}

// Error names them.
func (e *RefusedDocuments) Error() string {
	return "the search engine refuses " + strings.Join(e.Keys, ", ") + ": " + e.Reason
}

// ErrSearchUnavailable is what callers are told while the index is down, or
// is being built for the first time.
var ErrSearchUnavailable = fault.New(fault.Unavailable, "search.unavailable", "Search is not available right now; please try again.").After(2 * time.Second)
