package commands

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands/pictures"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/image"
)

// ErrImageUnknown is a picture that was never uploaded by this account, or for
// something else.
var ErrImageUnknown = fault.New(fault.Invalid, "image.unknown", "There is no such picture of yours.")

// ImageRules bound pictures.
type ImageRules struct {
	pictures.Limits
	Keep time.Duration // how long one stays that nothing names
}

// DefaultImages are the documented ones.
func DefaultImages() ImageRules {
	return ImageRules{
		Limits: pictures.Limits{
			Size: 5 << 20, Pixels: 40_000_000, Frames: 500, Widths: []int{96, 320, 960}, Parallel: 2, Wait: 10 * time.Second,
		},
		Keep: 24 * time.Hour,
	}
}

// UploadImage is a picture as it was sent.
type UploadImage struct {
	Purpose image.Purpose
	Content []byte
}

// ImageUploaded is the picture as it is kept.
type ImageUploaded struct {
	image.Picture
	Purpose  image.Purpose
	Position uint64
}

// MaxUpload is the most bytes of a picture that is sent.
func (c *Commands) MaxUpload() int64 { return c.cfg.Images.Size }

// EnterUpload reserves the memory of one upload until leave is called; it
// comes before its bytes are read. Errors: pictures.ErrBusy.
func (c *Commands) EnterUpload() (leave func(), err error) { return c.pictures.Enter() }

// UploadImage makes what is kept of a picture, notes it and keeps its files.
// The event comes first: files that no event names would never be found again,
// and a picture whose files did not follow is one that nobody uses.
// Errors: those of pictures.Make; the purpose; storage.
func (c *Commands) UploadImage(ctx context.Context, by Actor, in UploadImage) (ImageUploaded, error) {
	made, err := c.pictures.Make(ctx, in.Content)
	if err != nil {
		return ImageUploaded{}, err
	}
	e := image.Uploaded{Owner: by.Account, Purpose: in.Purpose, Name: randomName()}
	for _, f := range made.Files {
		sum := sha256.Sum256(f.Content)
		e.Files = append(e.Files, image.File{Type: f.Type, Width: f.Width, Height: f.Height, Bytes: int64(len(f.Content))})
		e.Hashes = append(e.Hashes, sum[:])
	}
	if in.Purpose == image.Post { // it may come to stand in an anonymous one
		e.Owner, e.HiddenOwner = c.newID(), by.Account
		if err := c.deps.Keyring.EnsurePseudonym(ctx, e.Owner, by.Account); err != nil {
			return ImageUploaded{}, fmt.Errorf("key of a pseudonym: %w", err)
		}
	}
	id := c.newID()
	out, err := change(acting(ctx, by, e.Owner), c.core, image.Stream(id), image.New, func(i *image.Image) ([]event.Data, error) {
		return i.Upload(e), nil
	})
	if err != nil {
		return ImageUploaded{}, err
	}
	if err := c.keepImage(ctx, id, made); err != nil {
		undo := context.WithoutCancel(ctx) // bounded by the append's own time
		_, undone := c.RemoveImage(WithActor(undo, event.System), id, out.Revision)
		return ImageUploaded{}, errors.Join(err, undone)
	}
	picture := image.Picture{ID: id, Name: e.Name, Files: e.Files, Hashes: e.Hashes}
	return ImageUploaded{Picture: picture, Purpose: in.Purpose, Position: out.Position}, nil
}

// keepImage keeps a picture's files.
func (c *Commands) keepImage(ctx context.Context, id uuid.UUID, p pictures.Picture) error {
	for n, f := range p.Files {
		err := c.deps.Blobs.Put(ctx, ImageKey(id, n), f.Type, int64(len(f.Content)), bytes.NewReader(f.Content))
		if err != nil {
			return unkept(err)
		}
	}
	return nil
}

// unkept says to the caller what an error of Blobs means for them.
func unkept(err error) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, syscall.ENOSPC):
		return unavailable(errors.Join(event.ErrFull, err))
	}
	return fault.New(fault.Unavailable, "storage.unavailable", "Files cannot be kept or read right now.").After(time.Second).Because(err)
}

// ImageKey names the n-th file of a picture among Blobs. The two digits, which
// are random, keep folders from holding too many files.
func ImageKey(id uuid.UUID, n int) string {
	name := id.String()
	return "images/" + name[len(name)-2:] + "/" + name + "-" + strconv.Itoa(n)
}

// randomName is 128 bits that nobody guesses.
func randomName() string {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // never fails
	return hex.EncodeToString(raw)
}

// OpenImage opens the n-th file of a picture; who may see it was asked before.
// Errors: fault.ErrNotFound, storage.
func (c *Commands) OpenImage(ctx context.Context, id uuid.UUID, n int) (Blob, error) {
	b, err := c.deps.Blobs.Get(ctx, ImageKey(id, n))
	if errors.Is(err, ErrNoBlob) {
		return b, fault.ErrNotFound
	}
	if err != nil {
		return b, unkept(err)
	}
	return b, nil
}

// Images are those of some pictures that can be shown, from their own streams.
func (c *Commands) Images(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]image.Picture, error) {
	found := make(map[uuid.UUID]image.Picture, len(ids))
	for _, id := range ids {
		err := view(ctx, c.core, image.Stream(id), image.New, func(i *image.Image) error {
			if i.There() {
				found[id] = i.Picture(id)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// naming is how pictures are about to be named.
type naming struct {
	as       image.Used
	purposes []image.Purpose
}

func namedFor(purposes ...image.Purpose) naming { return naming{purposes: purposes} }

// mayName is nil when all ids are pictures that account may name so, and
// ErrImageUnknown with that field otherwise.
func (c *Commands) mayName(ctx context.Context, account uuid.UUID, field string, n naming, ids ...uuid.UUID) error {
	for _, id := range ids {
		err := view(ctx, c.core, image.Stream(id), image.New, func(i *image.Image) error {
			return n.check(i, account, field)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (n naming) check(i *image.Image, account uuid.UUID, field string) error {
	if !i.MayUse(account, n.as, n.purposes...) {
		return ErrImageUnknown.With(fault.Field(field, "unknown"))
	}
	return nil
}

// nameImages is mayName, and notes that the pictures are named, before they
// are: so none is removed between here and there. A command that fails after it
// has only kept them for longer.
func (c *Commands) nameImages(ctx context.Context, by Actor, field string, n naming, ids ...uuid.UUID) error {
	for _, id := range ids {
		var owner uuid.UUID
		err := view(ctx, c.core, image.Stream(id), image.New, func(i *image.Image) error {
			owner = i.Owner
			return n.check(i, by.Account, field)
		})
		if err != nil {
			return err
		}
		_, err = change(acting(ctx, by, owner), c.core, image.Stream(id), image.New, func(i *image.Image) ([]event.Data, error) {
			if err := n.check(i, by.Account, field); err != nil {
				return nil, err
			}
			return i.Use(n.as, c.now(), c.cfg.Images.Keep/2), nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// RemoveImage removes a picture that nothing names, as whoever asks saw it at
// revision; who uses it meanwhile keeps it.
func (c *Commands) RemoveImage(ctx context.Context, id uuid.UUID, revision uint64) (Outcome, error) {
	return change(ctx, c.core, image.Stream(id), image.New, func(i *image.Image) ([]event.Data, error) {
		return i.Remove(revision), nil
	})
}

// DeleteImageFiles deletes what Removed left behind; again does no harm.
func (c *Commands) DeleteImageFiles(ctx context.Context, id uuid.UUID, files int) error {
	for n := range files {
		if err := c.deps.Blobs.Delete(ctx, ImageKey(id, n)); err != nil {
			return unkept(err)
		}
	}
	return nil
}
