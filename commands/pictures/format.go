package pictures

import (
	"bytes"
	"errors"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/webp"
)

// format is a kind of file that is taken.
type format struct {
	name   string
	magic  func(content []byte) bool
	config func(io.Reader) (image.Config, error)
	extra  func(content []byte, l Limits) error // what the header does not say; nil: nothing
	// convert gives the kept picture and its pixels, upright.
	convert func(content []byte, l Limits) (File, image.Image, error)
}

var formats = []*format{
	{
		name: "PNG", config: png.DecodeConfig,
		magic:   func(c []byte) bool { return bytes.HasPrefix(c, []byte("\x89PNG\r\n\x1a\n")) },
		convert: still(png.Decode, orientationOfPNG, func([]byte) bool { return true }),
	},
	{
		name: "JPEG", config: jpeg.DecodeConfig,
		magic:   func(c []byte) bool { return bytes.HasPrefix(c, []byte("\xff\xd8\xff")) },
		convert: still(jpeg.Decode, orientationOfJPEG, func([]byte) bool { return false }),
	},
	{
		name: "GIF", config: gif.DecodeConfig, extra: checkFrames,
		magic: func(c []byte) bool {
			return bytes.HasPrefix(c, []byte("GIF87a")) || bytes.HasPrefix(c, []byte("GIF89a"))
		},
		convert: animation,
	},
	{
		name: "WebP", config: webp.DecodeConfig, extra: checkWebP,
		magic:   isWebP,
		convert: still(decodeWebP, orientationOfWebP, isLosslessWebP),
	},
}

// formatOf tells by the first bytes; nil for what is none of them.
func formatOf(content []byte) *format {
	for _, f := range formats {
		if f.magic(content) {
			return f
		}
	}
	return nil
}

// errOverflow is what the decoder says of more pixels than it can count.
const errOverflow = png.UnsupportedError("dimension overflow")

// check holds a file to the limits, as far as can be told without decoding it.
func (f *format) check(content []byte, l Limits) error {
	if f.extra != nil {
		if err := f.extra(content, l); err != nil {
			return err
		}
	}
	c, err := f.config(bytes.NewReader(content))
	if errors.Is(err, errOverflow) {
		return ErrPixels
	}
	if err != nil {
		return ErrBroken.Because(err)
	}
	if c.Width <= 0 || c.Height <= 0 {
		return ErrBroken
	}
	if int64(c.Width)*int64(c.Height) > int64(l.Pixels) {
		return ErrPixels
	}
	return nil
}

// still converts a picture of one frame. lossless says of a file that its
// pixels are to be kept as they are.
func still(decode func(io.Reader) (image.Image, error), orientation func([]byte) int, lossless func([]byte) bool) func([]byte, Limits) (File, image.Image, error) {
	return func(content []byte, l Limits) (File, image.Image, error) {
		pixels, err := decode(bytes.NewReader(content))
		if err != nil {
			return File{}, nil, ErrBroken.Because(err)
		}
		pixels = upright(pixels, orientation(content))
		typ := JPEG
		if lossless(content) || !opaque(pixels) {
			typ = PNG
		}
		f, err := encode(pixels, typ, jpegQuality, maxGrowth*l.Size)
		return f, pixels, err
	}
}

// opaque says that nothing of a picture can be seen through.
func opaque(m image.Image) bool {
	o, ok := m.(interface{ Opaque() bool })
	return ok && o.Opaque()
}
