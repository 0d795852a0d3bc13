package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/image"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/readmodels"
)

// ImagesName is what the leader's lease and the checkpoint of Images are called.
const ImagesName = "images"

const (
	idleBatch = 100         // pictures removed at once
	sweepMost = time.Minute // between two looks for pictures to remove
)

// ImagesConfig is what Images needs.
type ImagesConfig struct {
	Store      event.Store
	Codec      *event.Codec
	Commands   *commands.Commands
	Reads      *readmodels.Tables
	Checkpoint Checkpoint // how far files were deleted
	Leases     projections.Leases
	Keep       time.Duration // how long a picture is kept that nothing names
	Now        func() time.Time
	Log        *slog.Logger

	RetryMin, RetryMax time.Duration // pauses after a failure
}

// Images removes pictures that nothing has named for a while, and deletes the
// files of whatever was removed, by whomever. One process leads.
//
// The tables say which pictures are idle; they may be behind, so the picture's
// own stream decides: whoever is about to name it says so there first. Files
// are deleted after the event, from a checkpoint that may be behind.
type Images struct{ cfg ImagesConfig }

// NewImages starts nothing.
func NewImages(cfg ImagesConfig) *Images { return &Images{cfg} }

// Run works or stands by until ctx ends. What fails is tried again.
func (i *Images) Run(ctx context.Context) error {
	l := leader{i.cfg.Leases, ImagesName, "pictures are not removed for now", i.cfg.Log, i.cfg.RetryMin, i.cfg.RetryMax}
	_ = l.run(ctx, func(ctx context.Context, fence projections.Fence, well func()) error {
		both, term := errgroup.WithContext(ctx)
		var caughtUp atomic.Bool // one half that goes well does not make up for the other
		both.Go(func() error { return i.follow(term, fence, func() { caughtUp.Store(true) }) })
		both.Go(func() error {
			return i.sweep(term, func() {
				if caughtUp.Load() {
					well()
				}
			})
		})
		return both.Wait()
	})
	return nil // the next one to lead does what the end cut off
}

// sweep removes idle pictures now and then, and tells of each time.
func (i *Images) sweep(ctx context.Context, done func()) error {
	every := min(max(i.cfg.Keep/4, 100*time.Millisecond), sweepMost)
	for {
		more, err := i.sweepOnce(ctx)
		if errors.Is(err, readmodels.ErrNoGeneration) { // a folder that was only imported into has no tables yet
			if !sleep(ctx, i.cfg.RetryMin) {
				return ctx.Err()
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("remove pictures: %w", err)
		}
		done()
		if !more && !sleep(ctx, every) {
			return ctx.Err()
		}
	}
}

// sweepOnce removes some, and says whether there were as many as it takes.
func (i *Images) sweepOnce(ctx context.Context) (more bool, err error) {
	var idle []readmodels.IdleImage
	err = i.cfg.Reads.Read(ctx, func(r readmodels.Reader) (err error) {
		idle, err = readmodels.IdleImages(ctx, r, i.cfg.Now().Add(-i.cfg.Keep), idleBatch)
		return err
	})
	if err != nil {
		return false, err
	}
	removed := 0
	for _, one := range idle {
		out, err := i.cfg.Commands.RemoveImage(commands.WithActor(ctx, event.System), one.ID, one.Revision)
		if err != nil {
			return false, err
		}
		if out.Changed {
			removed++
		}
	}
	return removed == idleBatch, nil // fewer: the tables have yet to see what was done
}

// follow deletes the files of removed pictures, in the order of the log, and
// tells when there are no more.
func (i *Images) follow(ctx context.Context, fence projections.Fence, caughtUp func()) error {
	lives, err := loadEpochs(ctx, i.cfg.Store)
	if err != nil {
		return err
	}
	epoch, from, err := i.cfg.Checkpoint.Load(ctx)
	if err != nil {
		return fmt.Errorf("checkpoint of images: %w", err)
	}
	if epoch != lives.newest().id {
		from = 0
	}
	catalogue := i.cfg.Codec.Catalogue()
	removed := event.Filter{Types: versions(catalogue, catalogue.NameOf(image.Removed{}))}
	for m, err := range i.cfg.Store.Tail(ctx, from, removed) {
		if err != nil {
			return err
		}
		if m.CaughtUp {
			caughtUp()
			continue
		}
		if err := i.delete(ctx, m.Record); err != nil {
			return err
		}
		if err := i.cfg.Checkpoint.Save(ctx, fence, lives.newest().id, m.Position); err != nil {
			return fmt.Errorf("checkpoint of images: %w", err)
		}
	}
	return errors.New("the log's tail ended")
}

func (i *Images) delete(ctx context.Context, rec event.Record) error {
	d, err := i.cfg.Codec.Decode(ctx, rec)
	if err != nil {
		return err
	}
	id, err := uuid.Parse(event.StreamID(rec.Stream))
	if err != nil {
		i.cfg.Log.Error("a removed picture has no id", "position", rec.Position)
		return nil
	}
	e, _ := d.Payload.(image.Removed)
	return i.cfg.Commands.DeleteImageFiles(ctx, id, e.Files)
}
