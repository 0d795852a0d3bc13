package foldtest

import (
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/bookmark"
	"github.com/parleyhq/parley/domain/follow"
)

// bookmarks are what people keep and follow of posts, by account and post.
type bookmarks struct {
	kept         map[pair]*keptRow
	followedPost map[pair]uint64 // since which position
}

type keptRow struct {
	folder   string
	created  time.Time
	position uint64
}

func newBookmarks() bookmarks {
	return bookmarks{kept: map[pair]*keptRow{}, followedPost: map[pair]uint64{}}
}

func (m *Model) foldBookmark(e Event) {
	of := func(acts, hidden, post uuid.UUID) pair { return pair{either(hidden != uuid.Nil, hidden, acts), post} }
	switch d := e.Data.(type) {
	case bookmark.Added:
		m.kept[of(d.Account, d.HiddenAccount, d.Post)] = &keptRow{d.Folder, e.Time, e.Position}
	case bookmark.Moved:
		m.kept[of(d.Account, d.HiddenAccount, d.Post)].folder = d.Folder
	case bookmark.Removed:
		delete(m.kept, of(d.Account, d.HiddenAccount, d.Post))
	case follow.PostStarted:
		m.followedPost[of(d.Account, d.HiddenAccount, d.Post)] = e.Position
	case follow.PostEnded:
		delete(m.followedPost, of(d.Account, d.HiddenAccount, d.Post))
	}
}

func (m *Model) printBookmarks() {
	for p, k := range m.kept {
		m.row("bookmark", columns{"account": p[0], "post": p[1], "folder": k.folder, "created_at": k.created, "position": k.position})
	}
	for p, since := range m.followedPost {
		m.row("post_follow", columns{"account": p[0], "post": p[1], "position": since})
	}
}
