package image

import (
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// Events is this package's part of the catalogue. Names and JSON are frozen.
var Events = []event.Definition{
	event.Of[Uploaded]("image.uploaded.v1", event.People, nil),
	event.Of[Used]("image.used.v1", event.People, nil),
	event.Of[Removed]("image.removed.v1", event.People, nil),
}

// Uploaded is a picture as it is kept: not what was sent, but what was made of
// it. Files are the picture itself and its thumbnails, by rising width; Hashes
// are their SHA-256 in that order, which would tell who has the same picture.
type Uploaded struct {
	Owner       uuid.UUID `json:"owner"`                                 // a pseudonym if HiddenOwner is there
	HiddenOwner uuid.UUID `json:"hiddenOwner,omitzero" seal:"anonymous"` // the account behind it
	Purpose     Purpose   `json:"purpose"`
	Files       []File    `json:"files"`
	Name        string    `json:"name" seal:"personal,Owner"` // random; of links to it that are signed
	Hashes      [][]byte  `json:"hashes" seal:"personal,Owner"`
}

// File is one file of a picture.
type File struct {
	Type   string `json:"type"` // image/png, image/jpeg or image/gif
	Width  int    `json:"width"`
	Height int    `json:"height"`
	Bytes  int64  `json:"bytes"`
}

// Used comes before whatever names the picture: from here on it is not removed
// for want of use. Post is there for pictures of posts.
type Used struct {
	Post      uuid.UUID `json:"post,omitzero"`
	Anonymous bool      `json:"anonymous,omitzero"` // that post is
}

// Removed says that nothing names the picture any more; its files are deleted
// after it.
type Removed struct {
	Files int `json:"files"` // how many there were
}
