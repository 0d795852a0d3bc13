package rest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/image"
)

// embedded is a type that an answer may embed without exporting it.
type embedded struct {
	Icon *Image `json:"icon"`
}

type illustratedAnswer struct {
	embedded
	One    *Image              `json:"one"`
	Gone   *Image              `json:"gone"`
	None   *Image              `json:"none"`
	Many   []Image             `json:"many"`
	Within []illustratedAnswer `json:"within"`
	Below  *illustratedAnswer  `json:"below"`
	hidden *Image
}

// A13: pictures are found wherever an answer has them, asked for once, and
// those that are gone leave no trace.
func TestA13_Illustrate(t *testing.T) {
	t.Parallel()
	there, gone := uuid.New(), uuid.New()
	asked := 0
	load := func(_ context.Context, ids []uuid.UUID) (map[uuid.UUID]image.Picture, error) {
		asked++
		if len(ids) != 2 {
			t.Errorf("asked for %v", ids)
		}
		return map[uuid.UUID]image.Picture{there: {
			ID: there, Files: []image.File{{Type: "image/gif", Width: 8, Height: 4}, {Type: "image/png", Width: 2, Height: 1}}, Hashes: [][]byte{{1}, {2}},
		}}, nil
	}
	make1 := func() illustratedAnswer {
		return illustratedAnswer{
			embedded: embedded{openImage(there)}, One: openImage(there), Gone: openImage(gone), None: openImage(uuid.Nil),
			Many: imagesOf([]uuid.UUID{gone, there, gone}, true), hidden: openImage(gone),
		}
	}
	answer := make1()
	below := make1()
	answer.Within, answer.Below = []illustratedAnswer{make1(), {}}, &below
	links := imageLinks{base: "https://cdn.example"}
	if err := links.illustrate(t.Context(), &answer, load); err != nil || asked != 1 {
		t.Fatal(err, asked)
	}
	for _, a := range []illustratedAnswer{answer, answer.Within[0], *answer.Below} {
		if a.One.URL != "https://cdn.example/v1/images/01.gif" || a.One.Width != 8 || a.One.Thumbnails[0] != (Thumbnail{"https://cdn.example/v1/images/02.png", 2, 1}) {
			t.Errorf("%+v", a.One)
		}
		if a.Icon.URL != a.One.URL || a.Gone != nil || a.None != nil || len(a.Many) != 1 || a.Many[0].URL != a.One.URL {
			t.Errorf("%+v", a)
		}
	}
	plain := struct{ Text string }{"no pictures"}
	if err := links.illustrate(t.Context(), &plain, load); err != nil || asked != 1 {
		t.Error("asked for nothing", err)
	}
	failed := errors.New("failed")
	err := links.illustrate(t.Context(), &answer, func(context.Context, []uuid.UUID) (map[uuid.UUID]image.Picture, error) { return nil, failed })
	if !errors.Is(err, failed) {
		t.Error(err)
	}
}

// forward is a reader that cannot go back.
type forward struct{ io.Reader }

func (forward) Close() error { return nil }

// A13: ranges are read of stores that cannot go back too.
func TestA13_FileSeeks(t *testing.T) {
	t.Parallel()
	const content = "0123456789"
	opened := 0
	f := &file{open: func() (commands.Blob, error) {
		opened++
		return commands.Blob{ReadCloser: forward{strings.NewReader(content)}, Size: int64(len(content))}, nil
	}}
	if err := f.begin(); err != nil {
		t.Fatal(err)
	}
	defer f.close()
	read := func(offset int64, whence, n int) string {
		t.Helper()
		if _, err := f.Seek(offset, whence); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if _, err := io.CopyN(&b, f, int64(n)); err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		return b.String()
	}
	for _, c := range []struct {
		offset int64
		whence int
		n      int
		want   string
		opened int
	}{
		{5, io.SeekStart, 2, "56", 1}, {1, io.SeekCurrent, 9, "89", 1}, {-3, io.SeekEnd, 2, "78", 2}, {0, io.SeekStart, 10, content, 3}, {20, io.SeekStart, 1, "", 3},
	} {
		if got := read(c.offset, c.whence, c.n); got != c.want || opened != c.opened {
			t.Errorf("%d from %d: %q, opened %d times", c.offset, c.whence, got, opened)
		}
	}
	if _, err := f.Seek(-1, io.SeekStart); err == nil {
		t.Error("before the beginning")
	}
}
