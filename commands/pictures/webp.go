package pictures

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"io"

	"golang.org/x/image/webp"
)

// decodeWebP decodes into pixels that encoders take without asking for each.
func decodeWebP(r io.Reader) (image.Image, error) {
	m, err := webp.Decode(r)
	from, seen := m.(*image.NYCbCrA)
	if err != nil || !seen {
		return m, err
	}
	to := image.NewNRGBA(from.Rect)
	for y := from.Rect.Min.Y; y < from.Rect.Max.Y; y++ {
		for x := from.Rect.Min.X; x < from.Rect.Max.X; x++ {
			luma, chroma, at := from.YOffset(x, y), from.COffset(x, y), to.PixOffset(x, y)
			to.Pix[at], to.Pix[at+1], to.Pix[at+2] = color.YCbCrToRGB(from.Y[luma], from.Cb[chroma], from.Cr[chroma])
			to.Pix[at+3] = from.A[from.AOffset(x, y)]
		}
	}
	return to, nil
}

func isWebP(c []byte) bool {
	return len(c) >= 16 && bytes.Equal(c[:4], []byte("RIFF")) && bytes.Equal(c[8:12], []byte("WEBP"))
}

// checkWebP refuses what moves: it would have to be told as one picture.
func checkWebP(c []byte, _ Limits) error {
	const moves = 1 << 1
	if bytes.Equal(c[12:16], []byte("VP8X")) && len(c) > 20 && c[20]&moves != 0 || chunkOf(c, "ANIM") != nil {
		return ErrType
	}
	return nil
}

func isLosslessWebP(c []byte) bool { return chunkOf(c, "VP8L") != nil }

// chunkOf is what the first chunk of that name holds, nil where there is none.
func chunkOf(c []byte, name string) []byte {
	for at := 12; at+8 <= len(c); {
		size := int64(binary.LittleEndian.Uint32(c[at+4:]))
		end := int64(at) + 8 + size
		if end > int64(len(c)) {
			return nil
		}
		if string(c[at:at+4]) == name {
			return c[at+8 : end : end]
		}
		at = int(end + size&1)
	}
	return nil
}
