package image

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// Purpose is what a picture was uploaded for; it is taken for nothing else.
type Purpose string

// The purposes.
const (
	Avatar  Purpose = "avatar" // of an account or a room
	Banner  Purpose = "banner" // of an account
	Board   Purpose = "board"  // icon or banner of one
	Post    Purpose = "post"   // in a post, or its thumbnail
	Message Purpose = "message"
	Emoji   Purpose = "emoji" // of a room, in the place of its avatar
)

// Purposes are all of them.
var Purposes = []Purpose{Avatar, Banner, Board, Post, Message, Emoji}

// Open says that pictures of a purpose are there for everybody from the start,
// until they are used for something that is not.
func (p Purpose) Open() bool { return p == Avatar || p == Banner || p == Board }

// Image is the state of the stream image-<id>.
type Image struct {
	Uploaded        // zero: never uploaded
	Revision uint64 // of its newest event
	Gone     bool   // removed

	changed time.Time // by its newest event
	named   bool      // it stood under its owner's name
	secret  uuid.UUID // the anonymous post that it stands in; uuid.Nil: none
}

// New is a picture that never was.
func New() *Image { return &Image{} }

// Stream is the name of a picture's stream.
func Stream(id uuid.UUID) string { return event.StreamName("image", id.String()) }

// Apply folds one event in.
func (i *Image) Apply(e event.Decoded) {
	i.Revision, i.changed = e.Revision, e.Time
	switch d := e.Payload.(type) {
	case Uploaded:
		i.Uploaded = d
	case Used:
		if d.Anonymous {
			i.secret = d.Post
		} else {
			i.named = true
		}
	case Removed:
		i.Gone = true
	}
}

// There says whether the picture can be shown: it was uploaded, not removed,
// and not erased with its owner.
func (i *Image) There() bool { return len(i.Files) > 0 && !i.Gone && len(i.Hashes) == len(i.Files) }

// Account is whose picture it is.
func (i *Image) Account() uuid.UUID {
	if i.HiddenOwner != uuid.Nil {
		return i.HiddenOwner
	}
	return i.Owner
}

// Upload makes the picture. The same one again says nothing.
func (i *Image) Upload(d Uploaded) []event.Data {
	if len(i.Files) > 0 {
		return nil
	}
	return []event.Data{d}
}

// MayUse says whether account may name the picture for one of those purposes.
// One that stood in an anonymous post stands in no other, and one that stood
// anywhere under its owner's name in no anonymous one: the picture would tell
// whose the post is.
func (i *Image) MayUse(account uuid.UUID, u Used, purposes ...Purpose) bool {
	if !i.There() || i.Account() != account || !slices.Contains(purposes, i.Purpose) {
		return false
	}
	if u.Anonymous {
		return !i.named && (i.secret == uuid.Nil || i.secret == u.Post)
	}
	return i.secret == uuid.Nil
}

// Use notes that something is about to name the picture, for whoever MayUse
// it. It says nothing where the same was said less than fresh before at.
func (i *Image) Use(u Used, at time.Time, fresh time.Duration) []event.Data {
	said := i.Revision > 0 && (u.Anonymous && i.secret == u.Post || !u.Anonymous && i.named)
	if said && at.Sub(i.changed) < fresh {
		return nil
	}
	return []event.Data{u}
}

// Remove says that nothing names the picture, for who saw it as of revision:
// whoever uses it meanwhile was first.
func (i *Image) Remove(revision uint64) []event.Data {
	if len(i.Files) == 0 || i.Gone || i.Revision != revision {
		return nil
	}
	return []event.Data{Removed{Files: len(i.Files)}}
}
