package image

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"

	"github.com/google/uuid"
)

// Picture is what links to a picture are made of.
type Picture struct {
	ID     uuid.UUID
	Name   string   // random
	Files  []File   // the picture, then its thumbnails by rising width
	Hashes [][]byte // of the files
}

// Picture is the picture of that id; its stream does not say it.
func (i *Image) Picture(id uuid.UUID) Picture {
	return Picture{ID: id, Name: i.Name, Files: i.Files, Hashes: i.Hashes}
}

// endings of file names, for people who save them.
var endings = map[string]string{"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif"}

// OpenName is the name of a file for everybody: what is in it, so that it
// names the same bytes for ever.
func (p Picture) OpenName(n int) string {
	return hex.EncodeToString(p.Hashes[n]) + endings[p.Files[n].Type]
}

// SignedName is the name of a file for those who have a signed link.
func (p Picture) SignedName(n int) string {
	return fmt.Sprintf("%s-%d%s", p.Name, n, endings[p.Files[n].Type])
}

// Name is what the name of a file says.
type Name struct {
	Hash   string // of an OpenName, in hexadecimal digits
	Random string // of a SignedName
	File   int    // which file of the picture
}

var name = regexp.MustCompile(`^(?:([0-9a-f]{64})|([0-9a-f]{32})-([0-9]{1,2}))\.(?:png|jpg|gif)$`)

// ParseName reads either name; false for what is none.
func ParseName(s string) (Name, bool) {
	m := name.FindStringSubmatch(s)
	if m == nil {
		return Name{}, false
	}
	n, _ := strconv.Atoi(m[3])
	return Name{Hash: m[1], Random: m[2], File: n}, true
}
