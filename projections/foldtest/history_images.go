package foldtest

import (
	"fmt"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/image"
)

var imageActs = []act{
	{6, uploadImage},
	{4, useImage},
	{1, removeImage},
}

func uploadImage(h *History) {
	owner := h.person()
	d := image.Uploaded{Owner: owner, Purpose: pick(h, image.Purposes), Name: fmt.Sprintf("%032x", h.random.Uint64())}
	if d.Purpose == image.Post {
		d.Owner, d.HiddenOwner = h.id(), owner
		h.Authors[d.Owner] = owner
	}
	for n := range 1 + h.random.IntN(3) {
		d.Files = append(d.Files, image.File{Type: "image/png", Width: 10 * n, Height: n, Bytes: int64(h.random.IntN(1e6))})
		d.Hashes = append(d.Hashes, []byte{byte(h.random.IntN(4)), byte(n)})
	}
	id := h.id()
	h.images = append(h.images, id)
	h.decide(id, func(i *image.Image) []event.Data { return i.Upload(d) })
}

func useImage(h *History) {
	u := image.Used{}
	if h.one(2) {
		u = image.Used{Post: h.id(), Anonymous: h.one(2)}
	}
	if len(h.images) > 0 {
		h.decide(recent(h, h.images), func(i *image.Image) []event.Data { return i.Use(u, h.clock, 0) })
	}
}

func removeImage(h *History) {
	if len(h.images) > 0 {
		h.decide(recent(h, h.images), func(i *image.Image) []event.Data { return i.Remove(i.Revision) })
	}
}

func (h *History) decide(id uuid.UUID, decide func(*image.Image) []event.Data) {
	name := image.Stream(id)
	h.say(name, decide(stateOf(h, name, image.New)), nil)
}
