package board

import (
	"crypto/sha256"
	"slices"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/text"
)

// MaxModerators bounds the moderators of a board, and so its state.
const MaxModerators = 100

// Limits are the bounds that a community may set.
type Limits struct {
	Name int // bytes of a name
	Text int // characters of rules, and of a description
}

// DefaultLimits are the documented ones.
func DefaultLimits() Limits { return Limits{Name: 32, Text: 10_000} }

// Faults of boards.
var (
	ErrNameTaken  = fault.New(fault.Conflict, "board.name_taken", "That name is taken.", fault.Field("name", "taken"))
	ErrArchived   = fault.New(fault.Conflict, "board.archived", "This board is archived and takes no posts or comments.")
	ErrModerators = fault.New(fault.Conflict, "board.too_many_moderators", "This board has as many moderators as it can.")
	ErrAbandoned  = fault.New(fault.Conflict, "board.abandoned", "This took too long; please begin again.")
)

// Who asks: an account, and whether it may do everything.
type Who struct {
	Account       uuid.UUID
	Administrator bool
}

// Board is the state of the stream board-<id>. Long texts are kept as hashes.
type Board struct {
	Created  bool
	Voided   bool
	Archived bool

	Name       string
	NameClaim  string // stream that holds the name
	Moderators []uuid.UUID

	// Fences counts claims that were voided; a renaming that finds another
	// number than it began with has lost its name.
	Fences int

	// Version is the newest event: the board's ETag.
	Version uuid.UUID

	namings            int // names that it had, the one it has included
	rules, description [sha256.Size]byte
	icon, banner       uuid.UUID
}

// New is a board that never was.
func New() *Board { return &Board{} }

// Stream is the name of a board's stream.
func Stream(id uuid.UUID) string { return event.StreamName("board", id.String()) }

// Exists says whether there is such a board.
func (b *Board) Exists() bool { return b.Created && !b.Voided }

// Names says whether the board owns the name that the stream claim holds.
func (b *Board) Names(claim string) bool { return b.Exists() && b.NameClaim == claim }

// Moderates says whether who may moderate here.
func (b *Board) Moderates(who Who) bool {
	return who.Administrator || slices.Contains(b.Moderators, who.Account)
}

// Apply folds one event in.
func (b *Board) Apply(e event.Decoded) {
	switch d := e.Payload.(type) {
	case Created:
		b.Created = true
		b.Name, b.NameClaim, b.namings = d.Name, d.NameClaim, 1
		b.rules, b.description = sum(d.Rules), sum(d.Description)
		b.icon, b.banner = d.Icon, d.Banner
		b.Moderators = []uuid.UUID{d.By}
	case Changed:
		if d.Name != nil {
			b.Name, b.NameClaim = *d.Name, d.NameClaim
			b.namings++
		}
		if d.Rules != nil {
			b.rules = sum(*d.Rules)
		}
		if d.Description != nil {
			b.description = sum(*d.Description)
		}
		if d.Icon != nil {
			b.icon = *d.Icon
		}
		if d.Banner != nil {
			b.banner = *d.Banner
		}
	case Archived:
		b.Archived = d.Archived
	case ModeratorSet:
		b.Moderators = slices.DeleteFunc(slices.Clone(b.Moderators), func(id uuid.UUID) bool { return id == d.Account })
		if d.Moderator {
			b.Moderators = append(b.Moderators, d.Account)
		}
	case Voided:
		b.Voided = true
	case ClaimVoided:
		b.Fences++
		return // no change of what the board shows
	}
	b.Version = e.ID
}

// CheckFields says what is wrong with a board's fields; nil ones are not
// looked at. The name is looked at as CleanName gives it.
func CheckFields(c *text.Check, l Limits, name, rules, description *string) {
	if name != nil {
		c.Need("name", *name)
		c.Line("name", *name, len(*name))
		if len(*name) > l.Name {
			c.Add("name", text.TooLong)
		}
	}
	if rules != nil {
		c.Block("rules", *rules, l.Text)
	}
	if description != nil {
		c.Block("description", *description, l.Text)
	}
}

// Create makes the board. The same again says nothing.
// Errors: ErrAbandoned when its claim was taken over meanwhile.
func (b *Board) Create(c Created) ([]event.Data, error) {
	switch {
	case b.Voided:
		return nil, ErrAbandoned
	case b.Created && b.NameClaim == c.NameClaim:
		return nil, nil
	case b.Created:
		return nil, ErrAbandoned
	}
	return []event.Data{c}, nil
}

// Naming is what a renaming saw before it claimed its name. A board that was
// renamed meanwhile is another one, also where it has its old name again: the
// way there may have released the very name that was claimed.
type Naming struct{ namings, fences int }

// Naming is what a renaming that begins now sees.
func (b *Board) Naming() Naming { return Naming{namings: b.namings, fences: b.Fences} }

// Change changes what differs. archived is nil where nobody asks; begun is
// what a renaming saw when it began.
// Errors: not found, forbidden, ErrAbandoned where another renaming or a fence
// came between.
func (b *Board) Change(who Who, c Changed, archived *bool, begun Naming) ([]event.Data, error) {
	if err := b.mayChange(who); err != nil {
		return nil, err
	}
	c.By = who.Account
	if c.Name != nil && *c.Name == b.Name && c.NameClaim == b.NameClaim {
		c.Name, c.NameClaim = nil, ""
	}
	if c.Name != nil && c.NameClaim != b.NameClaim && begun != b.Naming() {
		return nil, ErrAbandoned
	}
	if c.Rules != nil && sum(*c.Rules) == b.rules {
		c.Rules = nil
	}
	if c.Description != nil && sum(*c.Description) == b.description {
		c.Description = nil
	}
	if c.Icon != nil && *c.Icon == b.icon {
		c.Icon = nil
	}
	if c.Banner != nil && *c.Banner == b.banner {
		c.Banner = nil
	}
	var events []event.Data
	if c != (Changed{By: who.Account}) {
		events = append(events, c)
	}
	if archived != nil && *archived != b.Archived {
		events = append(events, Archived{By: who.Account, Archived: *archived})
	}
	return events, nil
}

// SetModerator makes account a moderator, or takes that back.
// Errors: not found, forbidden, ErrModerators.
func (b *Board) SetModerator(who Who, account uuid.UUID, moderator bool) ([]event.Data, error) {
	if err := b.mayChange(who); err != nil {
		return nil, err
	}
	if slices.Contains(b.Moderators, account) == moderator {
		return nil, nil
	}
	if moderator && len(b.Moderators) >= MaxModerators {
		return nil, ErrModerators
	}
	return []event.Data{ModeratorSet{By: who.Account, Account: account, Moderator: moderator}}, nil
}

func (b *Board) mayChange(who Who) error {
	switch {
	case !b.Exists():
		return fault.ErrNotFound
	case !b.Moderates(who):
		return fault.ErrForbidden
	}
	return nil
}

// Fence makes sure that the board does not own the name that the stream claim
// holds, now or ever: who then takes the name is its only owner. ok is false
// when the board owns it by right.
//
// A name is claimed before its board names it. So a claimant that stalled
// meets Voided when it wants to make the board, or another number of Fences
// when it wants to rename it.
func (b *Board) Fence(claim string) (events []event.Data, ok bool) {
	switch {
	case b.Voided:
		return nil, true
	case !b.Created:
		return []event.Data{Voided{}}, true
	case b.Names(claim):
		return nil, false
	}
	return []event.Data{ClaimVoided{Claim: claim}}, true
}

func sum(s string) [sha256.Size]byte { return sha256.Sum256([]byte(s)) }
