package post

import (
	"crypto/sha256"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/text"
)

// Limits are the bounds that a community may set. Title and Body count
// characters as the author wrote them.
type Limits struct {
	Title, Body int
	Images      int
}

// DefaultLimits are the documented ones.
func DefaultLimits() Limits { return Limits{Title: 200, Body: 40_000, Images: 20} }

// Faults of posts.
var (
	ErrDeleted    = fault.New(fault.Conflict, "post.deleted", "This post was deleted.")
	ErrPublished  = fault.New(fault.Conflict, "post.published", "This post is published already.")
	ErrNoQuestion = fault.New(fault.Conflict, "post.not_a_question", "Only a question has an accepted answer.")
	ErrNotYet     = fault.New(fault.Conflict, "post.not_published", "This post is not published yet.")
	ErrSigned     = fault.New(fault.Conflict, "post.not_anonymous", "This post is not anonymous.")
	ErrAuthorGone = fault.New(fault.Conflict, "post.author_gone", "Its author is gone; nothing can be added in their name.")
)

// Type is what a post is.
type Type string

// The types.
const (
	Article  Type = "article"
	Question Type = "question"
	Picture  Type = "picture"
)

// Known says whether t is one of the types.
func (t Type) Known() bool { return t == Article || t == Question || t == Picture }

// State is where a post is in its life.
type State string

// The states. A draft with a date is scheduled.
const (
	None      State = ""
	Draft     State = "draft"
	Scheduled State = "scheduled"
	Live      State = "published"
	Tombstone State = "deleted"
)

// Post is the state of the stream post-<id>.
type Post struct {
	State     State
	Board     uuid.UUID
	Author    uuid.UUID // a pseudonym if Anonymous
	Owner     uuid.UUID // the account behind Author
	Anonymous bool
	Type      Type
	Pictures  bool // it has images, so its body may be empty
	Answer    uuid.UUID
	Hashtags  []string // of the newest text, once published
	Locked    bool
	Pinned    bool
	PublishAt time.Time // of a scheduled one
	Was       State     // before it was deleted
	DeletedBy uuid.UUID
	DeletedAt time.Time
	Withdrawn bool // deleted by its author, whoever did so as well
	Unmasked  bool // somebody was told who its author is

	// Version is the newest event: the post's ETag.
	Version uuid.UUID

	content   [sha256.Size]byte
	revisions []uuid.UUID // events that said its texts since it was published; uuid.Nil for a redacted one
}

// New is a post that never was.
func New() *Post { return &Post{} }

// Stream is the name of a post's stream.
func Stream(id uuid.UUID) string { return event.StreamName("post", id.String()) }

// Published says whether everybody may read it.
func (p *Post) Published() bool { return p.State == Live }

// Waiting says whether it is still to be published.
func (p *Post) Waiting() bool { return p.State == Draft || p.State == Scheduled }

// Existed says whether it is there for account: a draft is for its author.
func (p *Post) Existed(account uuid.UUID) bool {
	switch {
	case p.State == None:
		return false
	case p.Waiting(), p.State == Tombstone && p.Was != Live:
		return p.Owner == account
	}
	return true
}

// Acts is the id under which account acts on this post: its pseudonym for its
// own anonymous post, itself otherwise.
func (p *Post) Acts(account uuid.UUID) uuid.UUID {
	if p.Anonymous && account == p.Owner {
		return p.Author
	}
	return account
}

// Apply folds one event in.
func (p *Post) Apply(e event.Decoded) {
	switch d := e.Payload.(type) {
	case Drafted:
		p.State, p.PublishAt = Draft, d.PublishAt
		if !d.PublishAt.IsZero() {
			p.State = Scheduled
		}
		p.is(d.Board, d.Author, d.HiddenAuthor, d.Anonymous, d.Type, len(d.Images) > 0, d.Title, d.Body)
	case Unscheduled:
		p.State, p.PublishAt = Draft, time.Time{}
	case Published:
		p.State = Live
		p.is(d.Board, d.Author, d.HiddenAuthor, d.Anonymous, d.Type, len(d.Images) > 0, d.Title, d.Body)
		p.Hashtags, p.revisions = d.Hashtags, []uuid.UUID{e.ID}
	case Edited:
		p.content, p.Hashtags = sum(d.Title, d.Body), d.Hashtags
		p.revisions = append(p.revisions, e.ID)
	case Deleted:
		if p.State != Tombstone { // else it is somebody else's delete now
			p.State, p.Was, p.DeletedAt = Tombstone, p.State, e.Time
		}
		p.DeletedBy, p.Withdrawn = d.By, p.Withdrawn || d.By == p.Author
	case Restored:
		p.Withdrawn = false
		if p.State, p.PublishAt = p.Was, (time.Time{}); p.State == Scheduled {
			p.State = Draft
		}
	case Redacted:
		p.revisions = slices.Clone(p.revisions) // copies of the state share it
		p.revisions[d.Revision-1] = uuid.Nil
	case Locked:
		p.Locked = d.Locked
	case Pinned:
		p.Pinned = d.Pinned
	case Moved:
		p.Board, p.Pinned = d.Board, false
	case AnswerAccepted:
		p.Answer = d.Comment
	case Unmasked:
		p.Unmasked = true
		return // no change of what the post shows
	}
	p.Version = e.ID
}

func (p *Post) is(board, author, hidden uuid.UUID, anonymous bool, typ Type, pictures bool, title, body string) {
	p.Board, p.Author, p.Owner, p.Anonymous, p.Type, p.Pictures = board, author, author, anonymous, typ, pictures
	if anonymous {
		p.Owner = hidden
	}
	p.content = sum(title, body)
}

// Holds says whether the post's text is this one.
func (p *Post) Holds(title, body string) bool { return p.content == sum(title, body) }

// CheckText says what is wrong with a title and a body; nil ones are not
// looked at. Drafts may be empty, and a picture needs no body.
func CheckText(c *text.Check, l Limits, title, body *string, draft, pictures bool) {
	if title != nil {
		if !draft {
			c.Need("title", *title)
		}
		c.Line("title", *title, l.Title)
	}
	if body != nil {
		if !draft && !pictures {
			c.Need("body", *body)
		}
		c.Block("body", *body, l.Body)
	}
}

// Draft begins a draft, or changes one. The same again says nothing.
// Errors: ErrPublished, ErrDeleted.
func (p *Post) Draft(d Drafted) ([]event.Data, error) {
	switch {
	case p.State == Live:
		return nil, ErrPublished
	case p.State == Tombstone:
		return nil, ErrDeleted
	case p.Waiting() && p.Holds(d.Title, d.Body) && p.Dated(d.PublishAt):
		return nil, nil
	}
	return []event.Data{d}, nil
}

// Dated says whether it is scheduled for that very time; the zero time stands
// for a draft without one.
func (p *Post) Dated(at time.Time) bool {
	if p.State == Scheduled {
		return p.PublishAt.Equal(at)
	}
	return at.IsZero()
}

// Due says whether it is to be published by now.
func (p *Post) Due(now time.Time) bool { return p.State == Scheduled && !p.PublishAt.After(now) }

// Unschedule makes what is due a draft again, and says why. What is not due
// any more stays as it is.
func (p *Post) Unschedule(reason string, now time.Time) []event.Data {
	if !p.Due(now) {
		return nil
	}
	return []event.Data{Unscheduled{Reason: reason}}
}

// Publish puts it before everybody. Published already, it says nothing.
// Errors: ErrDeleted.
func (p *Post) Publish(d Published) ([]event.Data, error) {
	switch p.State {
	case Live:
		return nil, nil
	case Tombstone:
		return nil, ErrDeleted
	}
	return []event.Data{d}, nil
}

// Edit changes the text of a published post. The same text says nothing.
// Errors: not found, ErrDeleted, ErrNotYet.
func (p *Post) Edit(d Edited) ([]event.Data, error) {
	switch {
	case p.State == None:
		return nil, fault.ErrNotFound
	case p.State == Tombstone:
		return nil, ErrDeleted
	case p.Waiting():
		return nil, ErrNotYet
	case p.Holds(d.Title, d.Body):
		return nil, nil
	}
	d.Author = p.Author
	return []event.Data{d}, nil
}

// Delete leaves a tombstone. Deleted already, it says nothing, unless it was by
// the author alone: a moderator's delete counts then, and the author's is none
// that they could take back.
func (p *Post) Delete(by uuid.UUID) ([]event.Data, error) {
	switch {
	case p.State == None:
		return nil, fault.ErrNotFound
	case p.State == Tombstone && (p.DeletedBy != p.Author || by == p.Author):
		return nil, nil
	}
	return []event.Data{Deleted{By: by}}, nil
}

// Undelete takes back what a moderator's decision deleted, within a time after
// it: what its author had deleted as well is the author's delete again.
// Errors: ErrTooLate.
func (p *Post) Undelete(by uuid.UUID, now time.Time, within time.Duration) ([]event.Data, error) {
	switch {
	case p.State != Tombstone, p.DeletedBy == p.Author && p.Withdrawn && by != p.Author:
		return nil, nil
	case p.Withdrawn && p.DeletedBy != p.Author:
		return []event.Data{Deleted{By: p.Author}}, nil
	}
	return p.Restore(by, now, within)
}

// Unmask notes that by was told who wrote an anonymous post, each time anew.
// Errors: not found, ErrSigned.
func (p *Post) Unmask(by uuid.UUID, reason string) ([]event.Data, error) {
	switch {
	case p.State == None:
		return nil, fault.ErrNotFound
	case !p.Anonymous:
		return nil, ErrSigned
	}
	return []event.Data{Unmasked{By: by, Author: p.Author, HiddenAuthor: p.Owner, Reason: reason}}, nil
}

// Accept names the comment that answers the question; uuid.Nil takes it back.
// Errors: not found, ErrDeleted, ErrNotYet, ErrNoQuestion.
func (p *Post) Accept(by, comment uuid.UUID) ([]event.Data, error) {
	switch {
	case p.State == None:
		return nil, fault.ErrNotFound
	case p.State == Tombstone:
		return nil, ErrDeleted
	case p.Waiting():
		return nil, ErrNotYet
	case p.Type != Question:
		return nil, ErrNoQuestion
	case p.Answer == comment:
		return nil, nil
	}
	return []event.Data{AnswerAccepted{By: by, Comment: comment}}, nil
}

func sum(title, body string) [sha256.Size]byte {
	return sha256.Sum256([]byte(title + "\x00" + body)) // NUL is in no text
}
