package bookmark

import (
	"strings"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/text"
)

// DefaultFolderMax bounds the name of a folder where no setting does, in
// characters.
const DefaultFolderMax = 50

// Bookmark is the state of one person's stream of one post.
type Bookmark struct {
	On     bool
	Folder string // "": none
}

// New is a post that is not kept.
func New() *Bookmark { return &Bookmark{} }

// Stream is the name of that stream; account is the post's pseudonym where its
// anonymous author keeps it.
func Stream(account, post uuid.UUID) string {
	return event.StreamName("bookmark", account.String()+"."+post.String())
}

// CleanFolder is the name of a folder as it is kept: without white space at
// its ends.
func CleanFolder(name string) string { return strings.TrimSpace(name) }

// CheckFolder says what is wrong with the name of a folder.
func CheckFolder(c *text.Check, name string, most int) {
	c.Need("folder", name)
	c.Line("folder", name, most)
}

// Apply folds one event in.
func (b *Bookmark) Apply(e event.Decoded) {
	switch d := e.Payload.(type) {
	case Added:
		b.On, b.Folder = true, d.Folder
	case Moved:
		b.Folder = d.Folder
	case Removed:
		b.On, b.Folder = false, ""
	}
}

// Put keeps the post in d's folder; kept there already, it says nothing.
func (b *Bookmark) Put(d Added) []event.Data {
	switch {
	case !b.On:
		return []event.Data{d}
	case b.Folder != d.Folder:
		return []event.Data{Moved(d)}
	}
	return nil
}

// Remove keeps the post no longer; not kept, it says nothing.
func (b *Bookmark) Remove(d Removed) []event.Data {
	if !b.On {
		return nil
	}
	return []event.Data{d}
}
