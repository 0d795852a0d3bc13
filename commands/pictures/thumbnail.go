package pictures

import (
	"image"
	"image/draw"
	"slices"

	scale "golang.org/x/image/draw"
)

// maxKernel is how many pixels the exact scaler may hold between its two
// passes, at 32 bytes each; only strips need more.
const maxKernel = 4 << 20

// thumbnailsOf are the pictures of those widths that are smaller than m, by
// rising width. Each is made of the next larger one.
func thumbnailsOf(m image.Image, widths []int) ([]File, error) {
	var files []File
	for _, width := range slices.Backward(widths) {
		size := m.Bounds().Size()
		if width >= size.X {
			continue
		}
		height := max(1, int((int64(size.Y)*int64(width)+int64(size.X)/2)/int64(size.X)))
		small := shrink(m, width, height)
		typ := JPEG
		if !small.Opaque() {
			typ = PNG
		}
		f, err := encode(small, typ, thumbnailQuality, int64(width)*int64(height)*5+1<<16) // never reached
		if err != nil {
			return nil, err
		}
		files = append(files, f)
		m = small
	}
	slices.Reverse(files)
	return files, nil
}

// shrink scales pixels down to a size.
func shrink(m image.Image, width, height int) *image.RGBA {
	if n := m.Bounds().Dx() / (2 * width); n >= 2 {
		m = average(m, n)
	}
	small := image.NewRGBA(image.Rect(0, 0, width, height))
	var s scale.Scaler = scale.CatmullRom
	if width*m.Bounds().Dy() > maxKernel {
		s = scale.ApproxBiLinear
	}
	s.Scale(small, small.Bounds(), m, m.Bounds(), scale.Src, nil)
	return small
}

// average makes one pixel of each square of n by n: a good scaler's work grows
// with the pixels that it looks at, and this leaves it few enough. What lies
// beyond the last whole square belongs to the last ones.
func average(m image.Image, n int) *image.RGBA {
	b := m.Bounds()
	to := image.NewRGBA(image.Rect(0, 0, b.Dx()/n, max(1, b.Dy()/n)))
	strip := image.NewRGBA(image.Rect(0, 0, b.Dx(), min(2*n, b.Dy())))
	for y := range to.Rect.Dy() {
		rows := n
		if y == to.Rect.Dy()-1 {
			rows = b.Dy() - y*n
		}
		draw.Draw(strip, image.Rect(0, 0, b.Dx(), rows), m, b.Min.Add(image.Pt(0, y*n)), draw.Src)
		for x := range to.Rect.Dx() {
			columns := n
			if x == to.Rect.Dx()-1 {
				columns = b.Dx() - x*n
			}
			mean(to.Pix[to.PixOffset(x, y):][:4], strip, image.Rect(x*n, 0, x*n+columns, rows))
		}
	}
	return to
}

// mean writes the average of the pixels in r.
func mean(to []byte, m *image.RGBA, r image.Rectangle) {
	var sum [4]uint64
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := m.Pix[m.PixOffset(r.Min.X, y):m.PixOffset(r.Max.X, y)]
		for i, v := range row {
			sum[i&3] += uint64(v)
		}
	}
	count := uint64(r.Dx() * r.Dy())
	for i := range to {
		to[i] = byte((sum[i] + count/2) / count)
	}
}
