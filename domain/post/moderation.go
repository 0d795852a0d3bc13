package post

import (
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

// Faults of what is done to a post that stands, or stood.
var (
	ErrNotDeleted = fault.New(fault.Conflict, "post.not_deleted", "This post is not deleted.")
	ErrTooLate    = fault.New(fault.Conflict, "post.restore_expired", "This post was deleted too long ago to be restored.")
	ErrNewest     = fault.New(fault.Conflict, "post.newest_revision", "This is the text as it stands; change it, and its old words can be redacted.")
	ErrLocked     = fault.New(fault.Conflict, "post.locked", "This post is locked and takes no comments.")
)

// EverPublished says whether everybody could read it at some time.
func (p *Post) EverPublished() bool { return p.State == Live || p.State == Tombstone && p.Was == Live }

// standing is why a post cannot be moderated as it stands.
func (p *Post) standing() error {
	switch {
	case p.State == None:
		return fault.ErrNotFound
	case p.State == Tombstone:
		return ErrDeleted
	case p.Waiting():
		return ErrNotYet
	}
	return nil
}

// Restores is the id under which account may take the delete back: the author
// what the author deleted, a moderator anything. A moderator does what only
// moderators may in no other name: a pseudonym that did would tell that it is
// one of them.
// Errors: not found, ErrNotDeleted, forbidden.
func (p *Post) Restores(account uuid.UUID, moderator bool) (as uuid.UUID, err error) {
	switch {
	case p.State == None:
		return as, fault.ErrNotFound
	case p.State != Tombstone:
		return as, ErrNotDeleted
	case account == p.Owner && p.DeletedBy == p.Author:
		return p.Author, nil
	case moderator:
		return account, nil
	}
	return as, fault.ErrForbidden
}

// Restore takes the delete back, as Restores allowed, within a time after it.
// Errors: ErrTooLate.
func (p *Post) Restore(by uuid.UUID, now time.Time, within time.Duration) ([]event.Data, error) {
	if now.Sub(p.DeletedAt) > within {
		return nil, ErrTooLate
	}
	return []event.Data{Restored{By: by, DeletedBy: p.DeletedBy}}, nil
}

// Redact takes the text of an earlier revision away, of a tombstone too;
// redacted already, it says nothing.
// Errors: not found, ErrNewest.
func (p *Post) Redact(by uuid.UUID, revision int) ([]event.Data, error) {
	newest := max(1, len(p.revisions)) // a draft has one
	switch {
	case p.State == None || revision < 1 || revision > newest:
		return nil, fault.ErrNotFound
	case revision == newest:
		return nil, ErrNewest
	case p.revisions[revision-1] == uuid.Nil:
		return nil, nil
	}
	return []event.Data{Redacted{By: by, Revision: revision, Event: p.revisions[revision-1]}}, nil
}

// Lock ends the comments under it, or lets them in again. As it is, it says
// nothing.
// Errors: not found, ErrDeleted, ErrNotYet.
func (p *Post) Lock(by uuid.UUID, locked bool) ([]event.Data, error) {
	if err := p.standing(); err != nil || p.Locked == locked {
		return nil, err
	}
	return []event.Data{Locked{By: by, Locked: locked}}, nil
}

// Pin lets it lead its board, or no longer. As it is, it says nothing.
// Errors: not found, ErrDeleted, ErrNotYet.
func (p *Post) Pin(by uuid.UUID, pinned bool) ([]event.Data, error) {
	if err := p.standing(); err != nil || p.Pinned == pinned {
		return nil, err
	}
	return []event.Data{Pinned{By: by, Pinned: pinned}}, nil
}

// Move puts it on another board. Where it is, it says nothing.
// Errors: not found, ErrDeleted, ErrNotYet.
func (p *Post) Move(by, board uuid.UUID) ([]event.Data, error) {
	if err := p.standing(); err != nil || p.Board == board {
		return nil, err
	}
	return []event.Data{Moved{By: by, From: p.Board, Board: board}}, nil
}
