package foldtest

import (
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/board"
	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/image"
	"github.com/parleyhq/parley/domain/post"
)

type images struct {
	images map[uuid.UUID]*imageRow
	uses   map[string]map[uuid.UUID]int // how the pictures of a place are shown
}

type imageRow struct {
	image.Uploaded
	used     bool
	idle     time.Time // zero: something names it
	revision uint64
}

func newImages() images {
	return images{map[uuid.UUID]*imageRow{}, map[string]map[uuid.UUID]int{}}
}

func (m *Model) foldImage(e Event) {
	switch d := e.Data.(type) {
	case image.Uploaded:
		m.images.images[e.thing()] = &imageRow{Uploaded: d, idle: e.Time}
	case image.Used:
		if i := m.images.images[e.thing()]; i != nil {
			i.revision = e.Revision
			if !i.idle.IsZero() {
				i.idle = e.Time
			}
		}
	case image.Removed:
		delete(m.images.images, e.thing())
	}
}

// foldPlaces notes which places name which pictures: 2 is to everybody, 1 by
// signed links, 0 to nobody.
func (m *Model) foldPlaces(e Event) {
	one := func(place string, shown int, id *uuid.UUID) {
		if id != nil {
			m.name(e, place, shown, *id)
		}
	}
	switch d := e.Data.(type) {
	case account.ProfileChanged:
		one(fmt.Sprintf("account/%s/avatar", e.thing()), 2, d.Avatar)
		one(fmt.Sprintf("account/%s/banner", e.thing()), 2, d.Banner)
	case board.Created:
		one(fmt.Sprintf("board/%s/icon", e.thing()), 2, &d.Icon)
		one(fmt.Sprintf("board/%s/banner", e.thing()), 2, &d.Banner)
	case board.Changed:
		one(fmt.Sprintf("board/%s/icon", e.thing()), 2, d.Icon)
		one(fmt.Sprintf("board/%s/banner", e.thing()), 2, d.Banner)
	case post.Drafted:
		m.name(e, fmt.Sprintf("post/%s", e.thing()), 1, append(d.Images, d.Thumbnail)...)
	case post.Published:
		m.name(e, fmt.Sprintf("post/%s", e.thing()), 2, append(d.Images, d.Thumbnail)...)
	case post.Deleted:
		for id := range m.uses[fmt.Sprintf("post/%s", e.thing())] {
			m.uses[fmt.Sprintf("post/%s", e.thing())][id] = 0
		}
	case post.Restored:
		for id := range m.uses[fmt.Sprintf("post/%s", e.thing())] {
			m.uses[fmt.Sprintf("post/%s", e.thing())][id] = either(m.posts[e.thing()].state == post.Live, 2, 1)
		}
	case chat.RoomCreated:
		one(fmt.Sprintf("room/%s", e.thing()), 1, &d.Avatar)
	case chat.SettingsChanged:
		one(fmt.Sprintf("room/%s", e.thing()), 1, d.Avatar)
	case chat.MessageSent:
		m.name(e, fmt.Sprintf("message/%s/%d", e.thing(), e.number()), 1, d.Images...)
	case chat.MessageRestored:
		m.name(e, fmt.Sprintf("message/%s/%d", e.thing(), d.Number), 1, d.Images...)
	case chat.MessageDeleted:
		m.name(e, fmt.Sprintf("message/%s/%d", e.thing(), d.Number), 0)
	}
}

// name says which pictures a place names now.
func (m *Model) name(e Event, place string, shown int, ids ...uuid.UUID) {
	before := m.uses[place]
	m.uses[place] = map[uuid.UUID]int{}
	for _, id := range ids {
		if id != uuid.Nil {
			m.uses[place][id] = shown
		}
		if i := m.images.images[id]; i != nil {
			i.used, i.idle = true, time.Time{}
		}
	}
	for id := range before {
		if i := m.images.images[id]; i != nil && !m.isNamed(id) {
			i.idle = e.Time
		}
	}
}

func (m *Model) isNamed(id uuid.UUID) bool {
	for _, place := range m.uses {
		if _, ok := place[id]; ok {
			return true
		}
	}
	return false
}

func (m *Model) printImages() {
	for id, i := range m.images.images {
		m.row("image", columns{
			"id": id, "owner": either(i.HiddenOwner == uuid.Nil, i.Owner, i.HiddenOwner), "purpose": string(i.Purpose), "name": i.Name,
			"files": arrayOrNone(i.Files), "hashes": arrayOrNone(i.Hashes), "used": i.used, "idle_since": i.idle, "revision": i.revision,
		})
		for n, hash := range i.Hashes {
			m.row("image_file", columns{"image": id, "place": n, "hash": hex.EncodeToString(hash)})
		}
	}
	for place, uses := range m.uses {
		for id, shown := range uses {
			m.row("image_use", columns{"place": place, "image": id, "shown": shown})
		}
	}
}
