package readmodels

import (
	"context"
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
	SearchPosts    Kind = "post"
)

// Document is what can be found of one thing. The index gives it back to
// nobody: it tells which things match, and what is shown comes from the tables.
//
// Texts are as Searchable leaves them. Author is uuid.Nil where a post is
// anonymous: no engine ever hears who wrote it, or under which pseudonym.
type Document struct {
	Kind   Kind
	ID     uuid.UUID
	Board  uuid.UUID // of a post
	Author uuid.UUID // of a signed post
	Tags   []string  // folded, of a post
	At     time.Time // published, or signed up
	Name   string    // found by its beginning: a handle
	Title  string    // counts most
	Body   string
}

// Change puts a document in the place of what the index holds of that thing,
// or takes it out.
type Change struct {
	Document
	Gone bool // only Kind and ID count
}

// Key names the thing of a document: "post-<id>", as its stream.
func (d Document) Key() string { return string(d.Kind) + "-" + d.ID.String() }

// SearchQuery is what is looked for.
type SearchQuery struct {
	Kind          Kind
	Words         []Word    // all must match; none matches nothing
	Board, Author uuid.UUID // uuid.Nil: any
	Tag           string    // folded; empty: any
	Since, Until  time.Time // of At; Since inclusive, Until exclusive; zero: open
	Newest        bool      // by At, the newest first; else the best first
	After         *Place    // nil: from the first
	Limit         int       // at most MaxHits
}

// MaxHits is how many hits one search gives at most.
const MaxHits = 200

// Place is where a hit stands in its list. It holds while the index stands
// still; in one that changes, hits may move across it.
type Place struct {
	Score float64 `json:"s,omitempty"` // of the best first
	At    int64   `json:"a,omitempty"` // of the newest first, in milliseconds
	Key   string  `json:"k"`           // of the document; rising among equals
}

// ID is the id of the thing that stands there.
func (p Place) ID() uuid.UUID {
	_, id, _ := strings.Cut(p.Key, "-")
	return idOf(id)
}

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
