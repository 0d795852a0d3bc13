package pictures

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/parleyhq/parley/domain/fault"
)

// Errors of Make.
var (
	ErrType     = fault.New(fault.Media, "image.type", "Pictures are PNG, JPEG, GIF or WebP; animated WebP is not taken.")
	ErrBroken   = fault.New(fault.Invalid, "image.broken", "This picture is damaged.")
	ErrPixels   = fault.New(fault.Invalid, "image.pixels", "This picture has too many pixels or frames.")
	ErrTooLarge = fault.New(fault.TooLarge, "image.too_large", "This picture is too large.")
	ErrBusy     = fault.New(fault.Unavailable, "unavailable.busy", "There is too much to do right now; please try again.").After(2 * time.Second)
)

// The types that are kept.
const (
	PNG  = "image/png"
	JPEG = "image/jpeg"
	GIF  = "image/gif"
)

const (
	// maxGrowth is how many times the largest upload a kept picture may take:
	// lossless pixels of what was lossy are more bytes.
	maxGrowth = 8

	// maxTaken is how many uploads there may be in memory for each that is
	// worked on.
	maxTaken = 32
)

// Limits bound what is taken, and say what is made of it.
type Limits struct {
	Size     int64         // bytes of an upload
	Pixels   int           // of a picture; of all frames of an animated one together
	Frames   int           // of an animated one
	Widths   []int         // of thumbnails
	Parallel int           // pictures worked on at once
	Wait     time.Duration // for a turn, at most
}

// Maker makes pictures, a few at once. A decoder takes at most some twenty
// bytes a pixel: a progressive JPEG's coefficients.
type Maker struct {
	limits Limits
	taken  chan struct{}
	turns  chan struct{}
}

// Picture is what is kept: the picture itself, then its thumbnails by rising
// width.
type Picture struct{ Files []File }

// File is one file of a picture.
type File struct {
	Type          string
	Width, Height int
	Content       []byte
}

// New makes a Maker.
func New(l Limits) *Maker {
	l.Parallel = max(l.Parallel, 1)
	l.Widths = slices.Clone(l.Widths)
	slices.Sort(l.Widths)
	l.Widths = slices.Compact(l.Widths)
	return &Maker{limits: l, taken: make(chan struct{}, maxTaken*l.Parallel), turns: make(chan struct{}, l.Parallel)}
}

// Enter reserves the memory of one upload until leave is called; it comes
// before its bytes are read. Errors: ErrBusy.
func (m *Maker) Enter() (leave func(), err error) {
	select {
	case m.taken <- struct{}{}:
		return func() { <-m.taken }, nil
	default:
		return nil, ErrBusy
	}
}

// Make makes the picture. Errors: ErrType, ErrBroken, ErrPixels, ErrTooLarge,
// ErrBusy, ctx's.
func (m *Maker) Make(ctx context.Context, content []byte) (Picture, error) {
	if int64(len(content)) > m.limits.Size {
		return Picture{}, ErrTooLarge
	}
	f := formatOf(content)
	if f == nil {
		return Picture{}, ErrType
	}
	if err := f.check(content, m.limits); err != nil {
		return Picture{}, err
	}
	if err := m.turn(ctx); err != nil {
		return Picture{}, err
	}
	defer func() { <-m.turns }()
	return m.make(ctx, f, content)
}

// make decodes and encodes. A decoder that panics was given something broken.
func (m *Maker) make(ctx context.Context, f *format, content []byte) (p Picture, err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			p, err = Picture{}, ErrBroken.Because(fmt.Errorf("decoding %s panicked: %v", f.name, thrown))
		}
	}()
	return m.convert(ctx, f, content)
}

func (m *Maker) convert(ctx context.Context, f *format, content []byte) (Picture, error) {
	main, pixels, err := f.convert(content, m.limits)
	if err != nil {
		return Picture{}, err
	}
	if err := ctx.Err(); err != nil { // nobody waits for the rest
		return Picture{}, err
	}
	thumbnails, err := thumbnailsOf(pixels, m.limits.Widths)
	return Picture{Files: append([]File{main}, thumbnails...)}, err
}

func (m *Maker) turn(ctx context.Context) error {
	select {
	case m.turns <- struct{}{}:
		return nil
	default:
	}
	patience := time.NewTimer(m.limits.Wait)
	defer patience.Stop()
	select {
	case m.turns <- struct{}{}:
		return nil
	case <-patience.C:
		return ErrBusy
	case <-ctx.Done():
		return ctx.Err()
	}
}
