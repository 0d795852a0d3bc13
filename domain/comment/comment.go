package comment

import (
	"crypto/sha256"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/text"
)

// DefaultMax bounds a comment where no setting does, in characters as the
// author wrote them.
const DefaultMax = 10_000

// ErrDeleted refuses to answer or change a deleted comment.
var ErrDeleted = fault.New(fault.Conflict, "comment.deleted", "This comment was deleted.")

// Comment is the state of the stream comment-<id>.
type Comment struct {
	Post      uuid.UUID // uuid.Nil: there is none
	Parent    uuid.UUID
	Author    uuid.UUID // a pseudonym if Anonymous
	Owner     uuid.UUID // the account behind Author
	Anonymous bool
	Deleted   bool
	DeletedBy uuid.UUID // where Deleted

	// Version is the newest event: the comment's ETag.
	Version uuid.UUID

	content [sha256.Size]byte
}

// New is a comment that never was.
func New() *Comment { return &Comment{} }

// Stream is the name of a comment's stream.
func Stream(id uuid.UUID) string { return event.StreamName("comment", id.String()) }

// Exists says whether there is one, deleted or not.
func (c *Comment) Exists() bool { return c.Post != uuid.Nil }

// Acts is the id under which account acts on this comment.
func (c *Comment) Acts(account uuid.UUID) uuid.UUID {
	if c.Anonymous && account == c.Owner {
		return c.Author
	}
	return account
}

// Apply folds one event in.
func (c *Comment) Apply(e event.Decoded) {
	switch d := e.Payload.(type) {
	case Published:
		c.Post, c.Parent, c.Author, c.Owner, c.Anonymous = d.Post, d.Parent, d.Author, d.Author, d.Anonymous
		if d.Anonymous {
			c.Owner = d.HiddenAuthor
		}
		c.content = sha256.Sum256([]byte(d.Body))
	case Edited:
		c.content = sha256.Sum256([]byte(d.Body))
	case Deleted:
		c.Deleted, c.DeletedBy = true, d.By
	case Restored:
		c.Deleted = false
	}
	c.Version = e.ID
}

// CheckBody says what is wrong with a body.
func CheckBody(c *text.Check, body string, most int) {
	c.Need("body", body)
	c.Block("body", body, most)
}

// Publish makes the comment. The same again says nothing.
func (c *Comment) Publish(d Published) ([]event.Data, error) {
	if c.Exists() {
		return nil, nil
	}
	return []event.Data{d}, nil
}

// MayEdit says whether account may edit the comment: its author alone.
// Errors: not found, forbidden.
func (c *Comment) MayEdit(account uuid.UUID) error { return c.MayDelete(account, false) }

// MayDelete says whether account may delete the comment: its author, and a
// moderator of its board.
// Errors: not found, forbidden.
func (c *Comment) MayDelete(account uuid.UUID, moderator bool) error {
	switch {
	case !c.Exists():
		return fault.ErrNotFound
	case c.Owner != account && !moderator:
		return fault.ErrForbidden
	}
	return nil
}

// Edit changes the text. The same text says nothing.
// Errors: not found, ErrDeleted.
func (c *Comment) Edit(d Edited) ([]event.Data, error) {
	switch {
	case !c.Exists():
		return nil, fault.ErrNotFound
	case c.Deleted:
		return nil, ErrDeleted
	case c.content == sha256.Sum256([]byte(d.Body)):
		return nil, nil
	}
	d.Post, d.Author = c.Post, c.Author
	return []event.Data{d}, nil
}

// Delete empties the comment; deleted already, it says nothing.
func (c *Comment) Delete(by uuid.UUID) ([]event.Data, error) {
	switch {
	case !c.Exists():
		return nil, fault.ErrNotFound
	case c.Deleted:
		return nil, nil
	}
	return []event.Data{Deleted{Post: c.Post, By: by}}, nil
}

// Restore takes a delete back; not deleted, it says nothing.
func (c *Comment) Restore(d Restored) ([]event.Data, error) {
	switch {
	case !c.Exists():
		return nil, fault.ErrNotFound
	case !c.Deleted:
		return nil, nil
	}
	d.Post, d.Author = c.Post, c.Author
	return []event.Data{d}, nil
}
