package pictures

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/draw"
	"image/gif"
)

// animation converts a GIF frame by frame; a GIF of one frame too. Its pixels
// are those of the first frame.
func animation(content []byte, l Limits) (File, image.Image, error) {
	g, err := gif.DecodeAll(bytes.NewReader(content))
	if err != nil {
		return File{}, nil, ErrBroken.Because(err)
	}
	size := image.Pt(g.Config.Width, g.Config.Height)
	out := &bounded{most: maxGrowth * l.Size}
	err = gif.EncodeAll(out, g)
	f, err := out.file(GIF, size, err)
	if err != nil {
		return File{}, nil, err
	}
	first := image.NewRGBA(image.Rectangle{Max: size})
	draw.Draw(first, g.Image[0].Bounds(), g.Image[0], g.Image[0].Bounds().Min, draw.Src)
	return f, first, nil
}

// Blocks of a GIF.
const (
	gifHeader     = 13 // signature and screen
	gifExtension  = 0x21
	gifImage      = 0x2c
	gifTrailer    = 0x3b
	gifDescriptor = 9 // bytes after gifImage
)

// checkFrames counts the frames of a GIF and their pixels without decoding
// them. Errors: ErrPixels, ErrBroken.
func checkFrames(c []byte, l Limits) error {
	if len(c) < gifHeader {
		return ErrBroken
	}
	at := gifHeader + paletteSize(c[10])
	frames, pixels := 0, int64(0)
	for {
		if at >= len(c) {
			return ErrBroken
		}
		block := c[at]
		at++
		switch block {
		case gifTrailer:
			return nil
		case gifExtension:
			at++ // its label
		case gifImage:
			if at+gifDescriptor > len(c) {
				return ErrBroken
			}
			frames++
			pixels += int64(binary.LittleEndian.Uint16(c[at+4:])) * int64(binary.LittleEndian.Uint16(c[at+6:]))
			if frames > l.Frames || pixels > int64(l.Pixels) {
				return ErrPixels
			}
			at += gifDescriptor + paletteSize(c[at+8]) + 1 // and the width of codes
		default:
			return ErrBroken
		}
		for at < len(c) && c[at] != 0 { // sub-blocks
			at += int(c[at]) + 1
		}
		at++
	}
}

// paletteSize is how many bytes the palette takes that flags announce.
func paletteSize(flags byte) int {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}
