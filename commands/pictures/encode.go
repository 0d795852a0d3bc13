package pictures

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
)

const (
	jpegQuality      = 90 // of pictures
	thumbnailQuality = 85
	maxJPEG          = 1<<16 - 1 // pixels of a side
	fastPNG          = 8 << 20   // pixels from which on time counts for more than bytes
)

// encode encodes pixels and nothing else. Errors: ErrTooLarge beyond most
// bytes; what the encoder says of pixels that it cannot take is ErrBroken.
func encode(pixels image.Image, typ string, quality int, most int64) (File, error) {
	size := pixels.Bounds().Size()
	if size.X > maxJPEG || size.Y > maxJPEG {
		typ = PNG
	}
	out := &bounded{most: most}
	var err error
	if typ == JPEG {
		err = jpeg.Encode(out, pixels, &jpeg.Options{Quality: quality})
	} else {
		e := png.Encoder{}
		if size.X*size.Y >= fastPNG {
			e.CompressionLevel = png.BestSpeed
		}
		err = e.Encode(out, pixels)
	}
	return out.file(typ, size, err)
}

// bounded is a buffer that takes no more than most bytes.
type bounded struct {
	content bytes.Buffer
	most    int64
	full    bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if int64(b.content.Len()+len(p)) > b.most {
		b.full = true
		return 0, ErrTooLarge
	}
	return b.content.Write(p)
}

// file is what was written, or why it was not.
func (b *bounded) file(typ string, size image.Point, err error) (File, error) {
	switch {
	case b.full:
		return File{}, ErrTooLarge
	case err != nil:
		return File{}, ErrBroken.Because(err)
	}
	return File{Type: typ, Width: size.X, Height: size.Y, Content: b.content.Bytes()}, nil
}
