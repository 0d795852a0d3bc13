package captcha_test

import (
	"bytes"
	"image"
	"image/png"
	"sync"
	"testing"

	"github.com/parleyhq/parley/infra/captcha"
)

const alphabet = "346789ACDEFHJKMNPRTWXY"

func paint(t *testing.T, p *captcha.Painter, text string) (image.Image, []byte) {
	t.Helper()
	raw, err := p.Paint(text)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return decoded, raw
}

// ink counts the dark pixels of each of n columns: a character has some, the
// clutter behind it has none.
func ink(img image.Image, n int) []int {
	counts, b := make([]int, n), img.Bounds()
	for x := b.Min.X; x < b.Max.X; x++ {
		for y := b.Min.Y; y < b.Max.Y; y++ {
			if red, green, blue, _ := img.At(x, y).RGBA(); (red+green+blue)/3>>8 < 150 {
				counts[min(n-1, (x-b.Min.X)*n/b.Dx())]++
			}
		}
	}
	return counts
}

// A3: every character of every font stands out, at the default size and at
// the smallest.
func TestCharactersStandOut(t *testing.T) {
	t.Parallel()
	for _, size := range []struct{ width, height, characters, least int }{{240, 80, 8, 20}, {20, 32, 1, 8}, {320, 40, 16, 2}} {
		p := captcha.New(size.width, size.height)
		for round := range 12 {
			text := ""
			for i := range size.characters {
				text += string(alphabet[(round*size.characters+i)%len(alphabet)])
			}
			img, _ := paint(t, p, text)
			if b := img.Bounds(); b.Dx() != size.width || b.Dy() != size.height {
				t.Fatalf("%v, want %+v", b, size)
			}
			for i, n := range ink(img, size.characters) {
				if n < size.least {
					t.Errorf("%dx%d: %q: %d dark pixels at character %d", size.width, size.height, text, n, i)
				}
			}
		}
	}
}

// A3: clutter alone is light; no two pictures are alike; pictures are painted
// at once.
func TestPicturesDiffer(t *testing.T) {
	t.Parallel()
	p := captcha.New(240, 80)
	img, _ := paint(t, p, " ")
	if n := ink(img, 1)[0]; n > 0 {
		t.Errorf("%d dark pixels without a character", n)
	}
	_, first := paint(t, p, "34679ACD")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			other, err := p.Paint("34679ACD")
			if err != nil || bytes.Equal(first, other) {
				t.Errorf("%v, or the same picture", err)
			}
		})
	}
	all.Wait()
}

func BenchmarkPaint(b *testing.B) {
	p := captcha.New(240, 80)
	for b.Loop() {
		if _, err := p.Paint("34679ACD"); err != nil {
			b.Fatal(err)
		}
	}
}
