package transfer

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/image"
)

// files copies the files of pictures that the log of the source knows, unless
// the target has them: from an earlier run, or since both are one folder.
func (c *copying) files(ctx context.Context) error {
	if c.SourceFiles == nil || c.TargetFiles == nil {
		return nil
	}
	pictures, err := c.pictures(ctx)
	if err != nil {
		return err
	}
	done := 0
	for id, n := range pictures {
		for place := range n {
			if err := c.file(ctx, commands.ImageKey(id, place)); err != nil {
				return fmt.Errorf("copy pictures: %w", err)
			}
		}
		done++
		c.Progress("pictures", done, len(pictures))
	}
	return nil
}

// pictures are those that were not removed, and how many files each has.
func (c *copying) pictures(ctx context.Context) (map[uuid.UUID]int, error) {
	catalogue := c.Codec.Catalogue()
	found := map[uuid.UUID]int{}
	types := []string{catalogue.NameOf(image.Uploaded{}), catalogue.NameOf(image.Removed{})}
	for rec, err := range c.Source.All(ctx, 0, event.Filter{Types: types}) {
		var d event.Decoded
		if err == nil {
			d, err = c.Codec.Decode(ctx, rec)
		}
		if err != nil {
			return nil, fmt.Errorf("find pictures: %w", err)
		}
		id, err := uuid.Parse(event.StreamID(rec.Stream))
		if err != nil {
			continue // nobody's
		}
		switch e := d.Payload.(type) {
		case image.Uploaded:
			found[id] = len(e.Files)
		case image.Removed:
			delete(found, id)
		}
	}
	return found, nil
}

// file copies one file; one that the source does not have is none.
func (c *copying) file(ctx context.Context, key string) error {
	there, err := c.TargetFiles.Get(ctx, key)
	if err == nil {
		return there.Close()
	}
	if !errors.Is(err, commands.ErrNoBlob) {
		return err
	}
	from, err := c.SourceFiles.Get(ctx, key)
	if errors.Is(err, commands.ErrNoBlob) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(c.TargetFiles.Put(ctx, key, from.ContentType, from.Size, from), from.Close())
}
