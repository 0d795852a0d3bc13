package captcha

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"math/rand/v2"
	"sync"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gobolditalic"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// Painter is a commands.Painter. It is safe for use at once.
type Painter struct {
	width, height int
	fonts         func() ([]*sfnt.Font, error) // read for the first picture
}

// What lies behind the text.
const (
	specks  = 6 // characters
	strokes = 4 // waves from edge to edge
)

// Values of a colour's channels.
const (
	darkest  = 96  // that ink has at most
	lightest = 170 // that clutter has at least
)

// em is the size at which outlines are read, in pixels; they are scaled after.
const em = 64

var (
	paper = color.RGBA{R: 246, G: 246, B: 242, A: 255}
	quick = png.Encoder{CompressionLevel: png.BestSpeed}
)

// New makes a painter of pictures of that size, in pixels.
func New(width, height int) *Painter {
	return &Painter{width: width, height: height, fonts: sync.OnceValues(read)}
}

func read() ([]*sfnt.Font, error) {
	var all []*sfnt.Font
	for _, raw := range [][]byte{gobold.TTF, gobolditalic.TTF, gomonobold.TTF} {
		f, err := sfnt.Parse(raw)
		if err != nil {
			return nil, fmt.Errorf("read a font of captchas: %w", err)
		}
		all = append(all, f)
	}
	return all, nil
}

// Paint implements commands.Painter. The text is dark upon light clutter; each
// character has a font, a size, an angle and a colour of its own, and one wave
// bends them all.
func (p *Painter) Paint(text string) ([]byte, error) {
	fonts, err := p.fonts()
	if err != nil {
		return nil, err
	}
	c := canvas{fonts: fonts, picture: image.NewRGBA(image.Rect(0, 0, p.width, p.height)), bend: newBend(float64(p.height))}
	draw.Draw(c.picture, c.picture.Bounds(), image.NewUniform(paper), image.Point{}, draw.Src)
	width, height := float64(p.width), float64(p.height)
	for range specks {
		letter := rune('A' + rand.IntN(26))
		if err := c.character(letter, rand.Float64()*width, rand.Float64()*height, height/4, height/4, between(lightest, 256)); err != nil {
			return nil, err
		}
	}
	for range strokes {
		c.stroke(height*rand.Float64(), 1+height/80, between(lightest, 256))
	}
	characters := []rune(text)
	cell := width / (float64(len(characters)) + 0.5) // with a margin of a quarter on either side
	for i, r := range characters {
		x := cell * (float64(i) + 0.75 + 0.1*spread())
		y := height * (0.5 + 0.08*spread())
		if err := c.character(r, x, y, cell, height*(0.55+0.05*spread()), between(0, darkest)); err != nil {
			return nil, err
		}
	}
	var out bytes.Buffer
	if err := quick.Encode(&out, c.picture); err != nil {
		return nil, fmt.Errorf("encode a captcha: %w", err)
	}
	return out.Bytes(), nil
}

// canvas is a picture being painted.
type canvas struct {
	picture *image.RGBA
	fonts   []*sfnt.Font
	buffer  sfnt.Buffer
	bend    bend
}

// character paints r around x and y, within a box that it is turned in.
func (c *canvas) character(r rune, x, y, width, height float64, ink color.Color) error {
	f := c.fonts[rand.IntN(len(c.fonts))]
	glyph, err := f.GlyphIndex(&c.buffer, r)
	if err != nil {
		return fmt.Errorf("find %q in a font: %w", r, err)
	}
	outline, err := f.LoadGlyph(&c.buffer, glyph, fixed.I(em), nil)
	if err != nil {
		return fmt.Errorf("read the outline of %q: %w", r, err)
	}
	box := outline.Bounds()
	if box.Empty() {
		return nil // a space
	}
	middleX, middleY := pixels(box.Min.X+box.Max.X)/2, pixels(box.Min.Y+box.Max.Y)/2
	scale := min(width/pixels(box.Max.X-box.Min.X), height/pixels(box.Max.Y-box.Min.Y))
	sin, cos := math.Sincos(0.3 * spread())
	place := func(at fixed.Point26_6) (float32, float32) {
		dx, dy := scale*(pixels(at.X)-middleX), scale*(pixels(at.Y)-middleY)
		return c.bend.at(x+dx*cos-dy*sin, y+dx*sin+dy*cos)
	}
	shape := vector.NewRasterizer(c.picture.Rect.Dx(), c.picture.Rect.Dy())
	for _, s := range outline {
		ax, ay := place(s.Args[0])
		switch s.Op {
		case sfnt.SegmentOpMoveTo:
			shape.ClosePath()
			shape.MoveTo(ax, ay)
		case sfnt.SegmentOpLineTo:
			shape.LineTo(ax, ay)
		case sfnt.SegmentOpQuadTo:
			bx, by := place(s.Args[1])
			shape.QuadTo(ax, ay, bx, by)
		case sfnt.SegmentOpCubeTo:
			bx, by := place(s.Args[1])
			dx, dy := place(s.Args[2])
			shape.CubeTo(ax, ay, bx, by, dx, dy)
		}
	}
	c.fill(shape, ink)
	return nil
}

// stroke paints a wave of that thickness from the left edge to the right.
func (c *canvas) stroke(y, thickness float64, ink color.Color) {
	own := newBend(float64(c.picture.Rect.Dy()) * 2)
	shape := vector.NewRasterizer(c.picture.Rect.Dx(), c.picture.Rect.Dy())
	shape.MoveTo(own.at(0, y))
	for x := 0; x <= c.picture.Rect.Dx(); x += 4 {
		shape.LineTo(own.at(float64(x), y))
	}
	for x := c.picture.Rect.Dx(); x >= 0; x -= 4 {
		shape.LineTo(own.at(float64(x), y+thickness))
	}
	c.fill(shape, ink)
}

func (c *canvas) fill(shape *vector.Rasterizer, ink color.Color) {
	shape.ClosePath()
	shape.Draw(c.picture, c.picture.Bounds(), image.NewUniform(ink), image.Point{})
}

// bend is a wave along each axis that moves what it meets.
type bend struct{ height, length, phaseX, phaseY float64 }

func newBend(height float64) bend {
	return bend{height / 20, height * (0.8 + 0.2*spread()), math.Pi * spread(), math.Pi * spread()}
}

func (b bend) at(x, y float64) (float32, float32) {
	return float32(x + b.height*math.Sin(2*math.Pi*y/b.length+b.phaseX)),
		float32(y + b.height*math.Sin(2*math.Pi*x/b.length+b.phaseY))
}

// spread falls between -1 and 1.
func spread() float64 { return 2*rand.Float64() - 1 }

// between is a colour with each channel from low up to high.
func between(low, high int) color.Color {
	channel := func() uint8 { return uint8(low + rand.IntN(high-low)) }
	return color.RGBA{R: channel(), G: channel(), B: channel(), A: 255}
}

func pixels(v fixed.Int26_6) float64 { return float64(v) / 64 }
