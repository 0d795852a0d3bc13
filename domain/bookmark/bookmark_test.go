package bookmark_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/bookmark"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/text"
)

// F6: what is kept is moved by keeping it again, and nothing is said twice.
func TestBookmark(t *testing.T) {
	t.Parallel()
	me, mask, post := uuid.UUID{1}, uuid.UUID{2}, uuid.UUID{3}
	in := func(folder string) bookmark.Added {
		return bookmark.Added{Account: mask, HiddenAccount: me, Post: post, Folder: folder}
	}
	gone := bookmark.Removed{Account: mask, HiddenAccount: me, Post: post}
	b := bookmark.New()
	for i, step := range []struct {
		got  func() []event.Data
		want []event.Data
	}{
		{func() []event.Data { return b.Remove(gone) }, nil},
		{func() []event.Data { return b.Put(in("")) }, []event.Data{in("")}},
		{func() []event.Data { return b.Put(in("")) }, nil},
		{func() []event.Data { return b.Put(in("a")) }, []event.Data{bookmark.Moved(in("a"))}},
		{func() []event.Data { return b.Put(in("a")) }, nil},
		{func() []event.Data { return b.Put(in("")) }, []event.Data{bookmark.Moved(in(""))}},
		{func() []event.Data { return b.Remove(gone) }, []event.Data{gone}},
		{func() []event.Data { return b.Remove(gone) }, nil},
		{func() []event.Data { return b.Put(in("b")) }, []event.Data{in("b")}},
	} {
		events := step.got()
		if d := cmp.Diff(step.want, events); d != "" {
			t.Errorf("step %d: (-want +got)\n%s", i, d)
		}
		for _, d := range events {
			b.Apply(event.Decoded{Payload: d})
		}
	}
}

// F6: names of folders are texts of one line.
func TestCheckFolder(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"later": true, "日本語 🦜": true, strings.Repeat("日", 50): true,
		"": false, " \t": false, strings.Repeat("日", 51): false, "a\nb": false, "a\x00b": false, "a\u2028b": false, "\xff": false,
	} {
		var c text.Check
		bookmark.CheckFolder(&c, name, 50)
		if (c.Err() == nil) != ok {
			t.Errorf("%q: %v", name, c.Err())
		}
	}
}

// The name of the stream is frozen.
func TestStream(t *testing.T) {
	t.Parallel()
	a, p := uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8057"), uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8058")
	if got := bookmark.Stream(a, p); got != "bookmark-01890a5d-ac96-774b-bcce-b302099a8057.01890a5d-ac96-774b-bcce-b302099a8058" {
		t.Error(got)
	}
}
