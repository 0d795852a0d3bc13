package image_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/image"
)

var (
	alice, bob = uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8057"), uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8058")
	mask       = uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8059")
	one, two   = uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8060"), uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8061")
	noon       = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
)

// after folds what was decided, a minute apart.
func after(all ...event.Data) *image.Image {
	i := image.New()
	for n, d := range all {
		i.Apply(event.Decoded{Record: event.Record{Revision: uint64(n), Time: noon.Add(time.Duration(n) * time.Minute)}, Payload: d})
	}
	return i
}

func uploaded(p image.Purpose) image.Uploaded {
	d := image.Uploaded{Owner: alice, Purpose: p, Name: strings.Repeat("a", 32), Files: []image.File{{Type: "image/png", Width: 1, Height: 1, Bytes: 1}}, Hashes: [][]byte{make([]byte, 32)}}
	if p == image.Post {
		d.Owner, d.HiddenOwner = mask, alice
	}
	return d
}

// A13, F2: who may name a picture, and where it must not be named beside.
func TestA13_MayUse(t *testing.T) {
	t.Parallel()
	erased := uploaded(image.Avatar)
	erased.Hashes, erased.Name = nil, ""
	secret, named := image.Used{Post: one, Anonymous: true}, image.Used{Post: one}
	for name, c := range map[string]struct {
		given []event.Data
		by    uuid.UUID
		u     image.Used
		want  bool
	}{
		"never uploaded":        {nil, alice, named, false},
		"one's own":             {[]event.Data{uploaded(image.Post)}, alice, named, true},
		"another's":             {[]event.Data{uploaded(image.Post)}, bob, named, false},
		"by its pseudonym":      {[]event.Data{uploaded(image.Post)}, mask, named, false},
		"for something else":    {[]event.Data{uploaded(image.Message)}, alice, named, false},
		"removed":               {[]event.Data{uploaded(image.Post), image.Removed{Files: 1}}, alice, named, false},
		"again":                 {[]event.Data{uploaded(image.Post), named}, alice, image.Used{Post: two}, true},
		"in secret":             {[]event.Data{uploaded(image.Post)}, alice, secret, true},
		"in secret again":       {[]event.Data{uploaded(image.Post), secret}, alice, secret, true},
		"in two secrets":        {[]event.Data{uploaded(image.Post), secret}, alice, image.Used{Post: two, Anonymous: true}, false},
		"in secret, then named": {[]event.Data{uploaded(image.Post), secret}, alice, image.Used{Post: two}, false},
		"named, then in secret": {[]event.Data{uploaded(image.Post), named}, alice, image.Used{Post: two, Anonymous: true}, false},
		"erased":                {[]event.Data{erased}, alice, named, false},
	} {
		if got := after(c.given...).MayUse(c.by, c.u, image.Post, image.Avatar); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A13: a use is said again only when it was long ago; a removal is for who saw
// the newest of it.
func TestA13_UseAndRemove(t *testing.T) {
	t.Parallel()
	u := image.Used{}
	i := after(uploaded(image.Avatar))
	if len(i.Use(u, noon, time.Hour)) != 1 {
		t.Error("the first use is not said")
	}
	i = after(uploaded(image.Avatar), u)
	if len(i.Use(u, noon.Add(time.Hour), time.Hour)) != 0 || len(i.Use(u, noon.Add(2*time.Hour), time.Hour)) != 1 {
		t.Error("a use is said too often, or not again")
	}
	if len(i.Remove(0)) != 0 || len(i.Remove(1)) != 1 || len(after().Remove(0)) != 0 {
		t.Error("removed by who did not see it used, or not at all")
	}
	if i = after(uploaded(image.Avatar), image.Removed{Files: 1}); len(i.Remove(1)) != 0 || len(i.Upload(uploaded(image.Avatar))) != 0 {
		t.Error("what is gone goes or comes again")
	}
}

// A13: names of files say what they say, and nothing else is one.
func TestA13_Names(t *testing.T) {
	t.Parallel()
	p := after(uploaded(image.Avatar)).Picture(one)
	if n, ok := image.ParseName(p.OpenName(0)); !ok || n.Hash != strings.Repeat("0", 64) || n.Random != "" {
		t.Error(n, ok)
	}
	if n, ok := image.ParseName(p.SignedName(0)); !ok || n.Random != p.Name || n.Hash != "" || n.File != 0 {
		t.Error(n, ok)
	}
	for _, wrong := range []string{
		"", "x", ".png", strings.Repeat("0", 63) + ".png", strings.Repeat("0", 64), strings.Repeat("0", 64) + ".svg", strings.Repeat("A", 64) + ".png",
		strings.Repeat("a", 32) + ".png", strings.Repeat("a", 32) + "-.png", strings.Repeat("a", 32) + "-100.png", strings.Repeat("a", 32) + "-0.png\n", "../" + p.OpenName(0),
	} {
		if n, ok := image.ParseName(wrong); ok {
			t.Errorf("%q is %v", wrong, n)
		}
	}
}
