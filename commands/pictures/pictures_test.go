package pictures

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"
	"time"

	"golang.org/x/image/webp"
)

func limits() Limits {
	return Limits{Size: 5 << 20, Pixels: 1 << 20, Frames: 50, Widths: []int{320, 96, 32}, Parallel: 2, Wait: 10 * time.Second}
}

// secret is what must not be found in what is kept.
const secret = "GPS 48.2082N 16.3738E <script>alert(1)</script>"

// Samples of WebP, which nothing here can write: one pixel, lossy; lossless;
// and lossy with transparency.
var (
	webpLossy    = decoded("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA")
	webpLossless = decoded("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")
	webpAlpha    = decoded("UklGRkoAAABXRUJQVlA4WAoAAAAQAAAAAAAAAAAAQUxQSAwAAAARBxAR/Q9ERP8DAABWUDggGAAAABQBAJ0BKgEAAQAAAP4AAA3AAP7mtQAAAA==")
)

func decoded(s string) []byte {
	b, _ := base64.StdEncoding.DecodeString(s)
	return b
}

// gradient is a picture of which every corner differs.
func gradient(w, h int, alpha uint8) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetNRGBA(x, y, color.NRGBA{uint8(255 * x / w), uint8(255 * y / h), 128, alpha})
		}
	}
	return m
}

func asPNG(m image.Image) []byte {
	var b bytes.Buffer
	_ = png.Encode(&b, m)
	return b.Bytes()
}

func asJPEG(m image.Image) []byte {
	var b bytes.Buffer
	_ = jpeg.Encode(&b, m, nil)
	return b.Bytes()
}

func asGIF(w, h, frames int) []byte {
	g := &gif.GIF{}
	for n := range frames {
		m := image.NewPaletted(image.Rect(0, 0, w, h), color.Palette{color.Transparent, color.RGBA{255, uint8(n), 0, 255}})
		m.Pix[n%len(m.Pix)] = 1
		g.Image, g.Delay = append(g.Image, m), append(g.Delay, 7)
	}
	var b bytes.Buffer
	_ = gif.EncodeAll(&b, g)
	return b.Bytes()
}

// exif is TIFF data with an orientation and a secret.
func exif(order binary.AppendByteOrder, orientation uint16) []byte {
	mark := map[bool]string{true: "II", false: "MM"}[order == binary.LittleEndian]
	b := order.AppendUint32(order.AppendUint16([]byte(mark), 42), 8)
	b = order.AppendUint16(b, 1)
	b = order.AppendUint16(order.AppendUint16(b, 0x0112), 3)
	b = order.AppendUint16(order.AppendUint16(order.AppendUint32(b, 1), orientation), 0)
	return append(order.AppendUint32(b, 0), secret...)
}

func segment(marker byte, content string) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(content)+2)), content...)
}

// withSegments puts segments behind the beginning of a JPEG.
func withSegments(j []byte, segments ...[]byte) []byte {
	return append(append(append([]byte(nil), j[:2]...), bytes.Join(segments, nil)...), j[2:]...)
}

func pngChunk(name, content string) []byte {
	b := append(binary.BigEndian.AppendUint32(nil, uint32(len(content))), name+content...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// withChunk puts a chunk behind the header of a PNG.
func withChunk(p []byte, chunk []byte) []byte {
	const header = 8 + 25
	return append(append(append([]byte(nil), p[:header]...), chunk...), p[header:]...)
}

// hugePNG says that it is large, in few bytes.
func hugePNG(w, h uint32) []byte {
	header := string(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)) + "\x08\x02\x00\x00\x00"
	return append(append([]byte("\x89PNG\r\n\x1a\n"), pngChunk("IHDR", header)...), pngChunk("IDAT", "")...)
}

// A13: what comes out has the type, size and thumbnails that it should, and
// holds pixels alone.
func TestA13_Make(t *testing.T) {
	t.Parallel()
	photo := asJPEG(gradient(400, 200, 255))
	for name, c := range map[string]struct {
		content []byte
		typ     string
		w, h    int
		thumbs  []image.Point
	}{
		"png":                  {asPNG(gradient(100, 50, 255)), PNG, 100, 50, []image.Point{{32, 16}, {96, 48}}},
		"png, seen through":    {asPNG(gradient(100, 50, 100)), PNG, 100, 50, []image.Point{{32, 16}, {96, 48}}},
		"png of 16 bits":       {asPNG(image.NewNRGBA64(image.Rect(0, 0, 40, 40))), PNG, 40, 40, []image.Point{{32, 32}}},
		"png with text":        {withChunk(asPNG(gradient(100, 50, 255)), pngChunk("tEXt", "Comment\x00"+secret)), PNG, 100, 50, []image.Point{{32, 16}, {96, 48}}},
		"png, turned":          {withChunk(asPNG(gradient(100, 50, 255)), pngChunk("eXIf", string(exif(binary.BigEndian, 6)))), PNG, 50, 100, []image.Point{{32, 64}}},
		"jpeg":                 {photo, JPEG, 400, 200, []image.Point{{32, 16}, {96, 48}, {320, 160}}},
		"grey jpeg":            {asJPEG(image.NewGray(image.Rect(0, 0, 10, 10))), JPEG, 10, 10, nil},
		"jpeg with a place":    {withSegments(photo, segment(0xe1, "Exif\x00\x00"+string(exif(binary.LittleEndian, 1)))), JPEG, 400, 200, []image.Point{{32, 16}, {96, 48}, {320, 160}}},
		"jpeg, turned":         {withSegments(photo, segment(0xe0, "JFIF\x00"), segment(0xe1, "Exif\x00\x00"+string(exif(binary.BigEndian, 8)))), JPEG, 200, 400, []image.Point{{32, 64}, {96, 192}}},
		"jpeg with a comment":  {withSegments(photo, segment(0xfe, secret), segment(0xe2, "ICC_PROFILE\x00\x01\x01"+secret)), JPEG, 400, 200, []image.Point{{32, 16}, {96, 48}, {320, 160}}},
		"jpeg with a page":     {append(photo[:len(photo):len(photo)], "<html>"+secret...), JPEG, 400, 200, []image.Point{{32, 16}, {96, 48}, {320, 160}}},
		"gif":                  {asGIF(40, 20, 1), GIF, 40, 20, []image.Point{{32, 16}}},
		"gif that moves":       {asGIF(40, 20, 50), GIF, 40, 20, []image.Point{{32, 16}}},
		"gif and page":         {append(asGIF(40, 20, 2), "<html>"+secret...), GIF, 40, 20, []image.Point{{32, 16}}},
		"webp":                 {webpLossy, JPEG, 1, 1, nil},
		"webp, lossless":       {webpLossless, PNG, 1, 1, nil},
		"webp, seen through":   {webpAlpha, PNG, 1, 1, nil},
		"one pixel":            {asPNG(gradient(1, 1, 255)), PNG, 1, 1, nil},
		"a strip that lies":    {asPNG(gradient(1<<20, 1, 255)), PNG, 1 << 20, 1, []image.Point{{32, 1}, {96, 1}, {320, 1}}},
		"a strip that stands":  {asPNG(gradient(10, 1<<16, 255)), PNG, 10, 1 << 16, nil},
		"a strip, but broader": {asPNG(gradient(33, 31000, 255)), PNG, 33, 31000, []image.Point{{32, 30061}}},
	} {
		p, err := New(limits()).Make(t.Context(), c.content)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(p.Files) != 1+len(c.thumbs) {
			t.Errorf("%s: %d files", name, len(p.Files))
			continue
		}
		for i, f := range p.Files {
			want := image.Pt(c.w, c.h)
			if i > 0 {
				want = c.thumbs[i-1]
			} else if f.Type != c.typ {
				t.Errorf("%s: kept as %s", name, f.Type)
			}
			cfg, format, err := image.DecodeConfig(bytes.NewReader(f.Content))
			if err != nil || "image/"+format != f.Type || image.Pt(cfg.Width, cfg.Height) != want || image.Pt(f.Width, f.Height) != want {
				t.Errorf("%s, file %d: %s of %d × %d, %v; said %s of %d × %d, want %v", name, i, format, cfg.Width, cfg.Height, err, f.Type, f.Width, f.Height, want)
			}
			for _, leak := range []string{"GPS", "script", "Exif", "ICC_PROFILE", "JFIF", "<html"} {
				if bytes.Contains(f.Content, []byte(leak)) {
					t.Errorf("%s, file %d: holds %q", name, i, leak)
				}
			}
		}
	}
}

// A13: each of the eight orientations is applied.
func TestA13_Orientation(t *testing.T) {
	t.Parallel()
	// In the sample red is on the left and green at the top: where they stand
	// when it is upright, by orientation.
	const w, h = 60, 30
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.NRGBA{A: 255}
			if x < w/2 {
				c.R = 255
			}
			if y < h/2 {
				c.G = 255
			}
			m.SetNRGBA(x, y, c)
		}
	}
	plain := asPNG(m)
	for o, corners := range map[int]string{ // top left, top right, bottom left, bottom right
		1: "rg g r -", 2: "g rg - r", 3: "- r g rg", 4: "r - rg g", 5: "rg r g -", 6: "r rg - g", 7: "- g r rg", 8: "g - rg r",
	} {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			p, err := New(limits()).Make(t.Context(), withChunk(plain, pngChunk("eXIf", string(exif(order, uint16(o))))))
			if err != nil {
				t.Fatal(err)
			}
			got, err := png.Decode(bytes.NewReader(p.Files[0].Content))
			if err != nil {
				t.Fatal(err)
			}
			b := got.Bounds()
			var seen []string
			for _, at := range []image.Point{{1, 1}, {b.Dx() - 2, 1}, {1, b.Dy() - 2}, {b.Dx() - 2, b.Dy() - 2}} {
				r, g, _, _ := got.At(at.X, at.Y).RGBA()
				word := map[bool]string{true: "r"}[r > 0x8000] + map[bool]string{true: "g"}[g > 0x8000]
				if word == "" {
					word = "-"
				}
				seen = append(seen, word)
			}
			if s := strings.Join(seen, " "); s != corners {
				t.Errorf("orientation %d: %s, want %s", o, s, corners)
			}
		}
	}
}

// A13: animated GIFs keep their frames and times.
func TestA13_AnimationIsKept(t *testing.T) {
	t.Parallel()
	p, err := New(limits()).Make(t.Context(), asGIF(40, 20, 9))
	if err != nil {
		t.Fatal(err)
	}
	g, err := gif.DecodeAll(bytes.NewReader(p.Files[0].Content))
	if err != nil || len(g.Image) != 9 || g.Delay[8] != 7 {
		t.Errorf("%d frames, %v", len(g.Image), err)
	}
	for n, m := range g.Image {
		if m.Pix[n] != 1 {
			t.Errorf("frame %d is another", n)
		}
	}
}

// A13: thumbnails look like the picture.
func TestA13_Thumbnails(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]image.Point{"small": {100, 60}, "large": {1000, 800}, "odd": {997, 701}} {
		p, err := New(limits()).Make(t.Context(), asPNG(gradient(size.X, size.Y, 255)))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range p.Files[1:] {
			m, _, err := image.Decode(bytes.NewReader(f.Content))
			if err != nil {
				t.Fatal(err)
			}
			for _, at := range []image.Point{{f.Width / 4, f.Height / 4}, {f.Width / 2, f.Height / 2}, {3 * f.Width / 4, 3 * f.Height / 4}} {
				r, g, _, a := m.At(at.X, at.Y).RGBA()
				if abs(int(r>>8)-255*at.X/f.Width) > 16 || abs(int(g>>8)-255*at.Y/f.Height) > 16 || a != 0xffff {
					t.Errorf("%s, width %d at %v: red %d, green %d", name, f.Width, at, r>>8, g>>8)
				}
			}
		}
	}
}

func abs(n int) int { return max(n, -n) }

// A13: what is no picture, or too much of one, is refused for what it is.
func TestA13_Hostile(t *testing.T) {
	t.Parallel()
	photo, drawing, moving := asJPEG(gradient(200, 100, 255)), asPNG(gradient(100, 50, 255)), asGIF(40, 20, 5)
	moved := bytes.Clone(webpAlpha)
	moved[20] |= 2
	for name, c := range map[string]struct {
		content []byte
		want    error
	}{
		"nothing":                    {nil, ErrType},
		"text":                       {[]byte("hello"), ErrType},
		"svg":                        {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), ErrType},
		"a page that says GIF later": {append([]byte("<html>"), moving...), ErrType},
		"a page that begins as GIF":  {[]byte("GIF89a/*<script>*/=1;alert(1)//"), ErrBroken},
		"bitmap":                     {[]byte("BM\x00\x00\x00\x00\x00\x00"), ErrType},
		"another RIFF":               {[]byte("RIFF\x10\x00\x00\x00WAVEfmt \x00\x00\x00\x00"), ErrType},
		"webp that moves":            {moved, ErrType},
		"webp without an end":        {webpLossy[:20], ErrBroken},
		"webp of nothing":            {[]byte("RIFF\x04\x00\x00\x00WEBPVP8 "), ErrBroken},
		"half a png":                 {drawing[:len(drawing)/2], ErrBroken},
		"the beginning of a png":     {drawing[:8], ErrBroken},
		"half a jpeg":                {photo[:len(photo)/2], ErrBroken},
		"the beginning of a jpeg":    {photo[:3], ErrBroken},
		"half a gif":                 {moving[:len(moving)/2], ErrBroken},
		"gif without an end":         {moving[:len(moving)-1], ErrBroken},
		"the beginning of a gif":     {moving[:6], ErrBroken},
		"gif without frames":         {append(append([]byte(nil), moving[:13+3<<(moving[10]&7+1)*int(moving[10]>>7)]...), 0x3b), ErrBroken},
		"png with another sum":       {append(append(bytes.Clone(drawing[:40]), drawing[40]^1), drawing[41:]...), ErrBroken},
		"50,000 × 50,000 in a line":  {hugePNG(50_000, 50_000), ErrPixels},
		"2³¹ × 2³¹":                  {hugePNG(1<<31-1, 1<<31-1), ErrPixels},
		"0 × 0":                      {hugePNG(0, 0), ErrBroken},
		"one pixel too many":         {asPNG(image.NewGray(image.Rect(0, 0, 1<<10, 1<<10+1))), ErrPixels},
		"one frame too many":         {asGIF(4, 4, 51), ErrPixels},
		"frames of too many pixels":  {asGIF(300, 300, 12), ErrPixels},
		"a million frames":           {frames(1_000_000), ErrPixels},
		"too many bytes":             {make([]byte, 5<<20+1), ErrTooLarge},
	} {
		took := time.Hour
		for try := 0; try < 3 && took > 5*time.Second; try++ { // a machine may be busy with something else
			begun := time.Now()
			p, err := New(limits()).Make(t.Context(), c.content)
			if !errors.Is(err, c.want) || len(p.Files) > 0 {
				t.Errorf("%s: %v and %d files, want %v", name, err, len(p.Files), c.want)
			}
			took = time.Since(begun)
		}
		if took > 5*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}

// frames is the header of a GIF and n frames of a pixel each.
func frames(n int) []byte {
	one := "\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x00"
	b := []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff")
	if len(b)+n*len(one) > 4<<20 {
		n = 4 << 20 / len(one)
	}
	return append(append(b, strings.Repeat(one, n)...), 0x3b)
}

// A13: what would be kept is bounded too.
func TestA13_Growth(t *testing.T) {
	t.Parallel()
	l := limits()
	noise := image.NewNRGBA(image.Rect(0, 0, 300, 300))
	state := uint32(1)
	for i := range noise.Pix {
		state = state*1664525 + 1013904223
		noise.Pix[i] = byte(state >> 24)
	}
	if _, err := encode(noise, PNG, 0, 1000); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	l.Size = 100
	if _, err := New(l).Make(t.Context(), asPNG(noise)); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

// A13: few are worked on at once; whoever waits too long, or comes when there
// are many already, is told.
func TestA13_Parallel(t *testing.T) {
	t.Parallel()
	l := limits()
	l.Parallel, l.Wait = 1, time.Millisecond
	m := New(l)
	m.turns <- struct{}{}
	if _, err := m.Make(t.Context(), asPNG(gradient(1, 1, 255))); !errors.Is(err, ErrBusy) {
		t.Error(err)
	}
	m.turns = make(chan struct{}) // nobody ever gets a turn
	m.limits.Wait = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Make(ctx, asPNG(gradient(1, 1, 255))); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	var leave func()
	for range maxTaken {
		var err error
		if leave, err = m.Enter(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.Enter(); !errors.Is(err, ErrBusy) {
		t.Error(err)
	}
	leave()
	if _, err := m.Enter(); err != nil {
		t.Error(err)
	}
}

// A13: whatever comes in, what comes out is a picture within the bounds, or
// one of the errors that are told.
func FuzzMake(f *testing.F) {
	photo := withSegments(asJPEG(gradient(40, 20, 255)), segment(0xe1, "Exif\x00\x00"+string(exif(binary.BigEndian, 6))))
	for _, seed := range [][]byte{
		photo, asPNG(gradient(40, 20, 100)), asGIF(40, 20, 3), webpLossy, webpLossless, webpAlpha, hugePNG(50_000, 50_000),
		withChunk(asPNG(gradient(40, 20, 255)), pngChunk("eXIf", string(exif(binary.LittleEndian, 8)))), asPNG(image.NewPaletted(image.Rect(0, 0, 3, 3), color.Palette{color.Black})),
		[]byte("<svg/>"),
	} {
		f.Add(seed)
	}
	l := limits()
	l.Size, l.Pixels, l.Frames, l.Widths = 1<<16, 1<<14, 8, []int{8, 16}
	m := New(l)
	f.Fuzz(func(t *testing.T, content []byte) {
		p, err := m.Make(t.Context(), content)
		if err != nil {
			for _, known := range []error{ErrType, ErrBroken, ErrPixels, ErrTooLarge} {
				if errors.Is(err, known) {
					return
				}
			}
			t.Fatal(err)
		}
		for i, file := range p.Files {
			img, format, err := image.Decode(bytes.NewReader(file.Content))
			if err != nil || "image/"+format != file.Type || img.Bounds().Size() != image.Pt(file.Width, file.Height) {
				t.Fatalf("file %d of %s: %v", i, file.Type, err)
			}
			if file.Width*file.Height > l.Pixels || i > 0 && file.Width >= p.Files[0].Width {
				t.Fatalf("file %d has %d × %d pixels", i, file.Width, file.Height)
			}
		}
	})
}

// The samples of WebP are what they are said to be.
func TestSamplesOfWebP(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		content  []byte
		lossless bool
	}{"lossy": {webpLossy, false}, "lossless": {webpLossless, true}, "alpha": {webpAlpha, false}} {
		m, err := webp.Decode(bytes.NewReader(c.content))
		if err != nil || isLosslessWebP(c.content) != c.lossless || name == "lossy" && !opaque(m) || name == "alpha" && opaque(m) {
			t.Errorf("%s: %T %v", name, m, err)
		}
	}
}
