package captcha

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"sync"

	base64captcha "github.com/mojocn/base64Captcha"
)

// Painter is a commands.Painter. It is safe for use at once.
type Painter struct {
	width, height int

	once          sync.Once // reads the fonts, megabytes that an idle process need not have
	text, clutter *base64captcha.DriverString
}

// fonts are those of the library whose characters cannot be taken for each
// other: no outlines, no ornaments.
var fonts = []string{"RitaSmith.ttf", "chromohv.ttf", "wqy-microhei.ttc"}

// specks is how many light characters lie behind the text.
const specks = 6

var quick = png.Encoder{CompressionLevel: png.BestSpeed}

var (
	clear = &color.RGBA{}
	paper = &color.RGBA{R: 246, G: 246, B: 242, A: 255}
)

// New makes a painter of pictures of that size, in pixels.
func New(width, height int) *Painter { return &Painter{width: width, height: height} }

func (p *Painter) prepare() {
	lines := base64captcha.OptionShowHollowLine | base64captcha.OptionShowSlimeLine | base64captcha.OptionShowSineLine
	p.text = base64captcha.NewDriverString(p.height, p.width, 0, 0, 0, "", clear, nil, fonts)
	p.clutter = base64captcha.NewDriverString(p.height, p.width, specks, lines, 0, "", paper, nil, fonts)
}

// Paint implements commands.Painter. The text lies upon the clutter, and its
// colours are kept apart from the clutter's: the library's are as they fall,
// light text on light paper too.
func (p *Painter) Paint(text string) ([]byte, error) {
	p.once.Do(p.prepare)
	ink, err := layer(p.text, text)
	if err != nil {
		return nil, err
	}
	picture, err := layer(p.clutter, " ")
	if err != nil {
		return nil, err
	}
	for i := 0; i+3 < len(ink.Pix); i += 4 {
		darken(ink.Pix[i : i+3])
		lighten(picture.Pix[i : i+3])
	}
	draw.Draw(picture, picture.Bounds(), ink, image.Point{}, draw.Over)
	var out bytes.Buffer
	if err := quick.Encode(&out, picture); err != nil {
		return nil, fmt.Errorf("encode a captcha: %w", err)
	}
	return out.Bytes(), nil
}

// layer is one picture of the library.
func layer(d *base64captcha.DriverString, text string) (*image.NRGBA, error) {
	item, err := d.DrawCaptcha(text)
	if err != nil {
		return nil, fmt.Errorf("paint a captcha: %w", err)
	}
	var raw bytes.Buffer
	if _, err := item.WriteTo(&raw); err != nil {
		return nil, fmt.Errorf("paint a captcha: %w", err)
	}
	decoded, err := png.Decode(&raw)
	if err != nil {
		return nil, fmt.Errorf("paint a captcha: %w", err)
	}
	out := image.NewNRGBA(decoded.Bounds())
	draw.Draw(out, out.Bounds(), decoded, decoded.Bounds().Min, draw.Src)
	return out, nil
}

// Means of the channels, of 255.
const (
	darkest  = 96  // that ink has at most
	lightest = 160 // that clutter has at least
)

// darken scales a colour down to ink.
func darken(rgb []uint8) {
	mean := (int(rgb[0]) + int(rgb[1]) + int(rgb[2])) / 3
	if mean <= darkest {
		return
	}
	for i, c := range rgb {
		rgb[i] = uint8(int(c) * darkest / mean)
	}
}

// lighten moves a colour towards white.
func lighten(rgb []uint8) {
	mean := (int(rgb[0]) + int(rgb[1]) + int(rgb[2])) / 3
	if mean >= lightest {
		return
	}
	for i, c := range rgb {
		rgb[i] = uint8(255 - (255-int(c))*(255-lightest)/(255-mean))
	}
}
