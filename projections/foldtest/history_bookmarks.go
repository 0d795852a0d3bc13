package foldtest

import (
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/bookmark"
	"github.com/parleyhq/parley/domain/follow"
	"github.com/parleyhq/parley/domain/post"
)

var folders = []string{"", "later", "日本語", "100%", "o'clock"}

// reader is somebody who may relate to a recent post, as whom they act on it,
// and who is hidden by that; the post may be deleted meanwhile.
func (h *History) reader() (acts, hidden uuid.UUID, p *postAct) {
	for range 5 { // look for one
		if len(h.posts) == 0 {
			return uuid.Nil, uuid.Nil, nil
		}
		p = recent(h, h.posts)
		if state := stateOf(h, post.Stream(p.id), post.New); !state.Published() && state.Was != post.Live {
			continue
		}
		if acts = h.person(); h.one(4) {
			acts = p.owner
		}
		if acts == p.owner && p.anonymous() {
			return p.author, p.owner, p
		}
		return acts, uuid.Nil, p
	}
	return uuid.Nil, uuid.Nil, nil
}

// keepPost keeps a post, moves it or keeps it no longer.
func keepPost(h *History) {
	acts, hidden, p := h.reader()
	if p == nil {
		return
	}
	name := bookmark.Stream(acts, p.id)
	b := stateOf(h, name, bookmark.New)
	if b.On && h.one(2) {
		h.say(name, b.Remove(bookmark.Removed{Account: acts, HiddenAccount: hidden, Post: p.id}), nil)
		return
	}
	for range 1 + h.random.IntN(2) { // at once, for few come back to the same post
		h.say(name, b.Put(bookmark.Added{Account: acts, HiddenAccount: hidden, Post: p.id, Folder: pick(h, folders)}), nil)
	}
	if h.one(5) {
		h.say(name, b.Remove(bookmark.Removed{Account: acts, HiddenAccount: hidden, Post: p.id}), nil)
	}
}

// followPost begins or ends following a post.
func followPost(h *History) {
	acts, hidden, p := h.reader()
	if p == nil {
		return
	}
	name := follow.Stream("postfollow", acts, p.id)
	r := stateOf(h, name, follow.New)
	for range 1 + h.random.IntN(2) {
		h.say(name, r.Turn(!r.On, follow.PostStarted{Account: acts, HiddenAccount: hidden, Post: p.id},
			follow.PostEnded{Account: acts, HiddenAccount: hidden, Post: p.id}), nil)
	}
}
