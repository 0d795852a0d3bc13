package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/readmodels"
)

// DueName is what the leader's lease of Due is called.
const DueName = "due"

const dueBatch = 100 // posts read at once

// DueConfig is what Due needs.
type DueConfig struct {
	Commands *commands.Commands
	Reads    *readmodels.Tables
	Leases   projections.Leases
	Every    time.Duration // between two looks for what is due
	Now      func() time.Time
	Log      *slog.Logger

	RetryMin, RetryMax time.Duration // pauses after a failure
}

// Due publishes scheduled posts when their time has come. One process leads.
//
// The tables say what is due. They may be behind, and a leader that was paused
// may come late: each post's own stream decides whether it is published, once,
// whoever asks how often. So there is nothing to remember, and what became due
// while nobody led is published by whoever leads next.
type Due struct{ cfg DueConfig }

// NewDue starts nothing.
func NewDue(cfg DueConfig) *Due { return &Due{cfg} }

// Run publishes or stands by until ctx ends. What fails is tried again.
func (d *Due) Run(ctx context.Context) error {
	l := leader{d.cfg.Leases, DueName, "scheduled posts wait for now", d.cfg.Log, d.cfg.RetryMin, d.cfg.RetryMax}
	_ = l.run(ctx, func(ctx context.Context, _ projections.Fence, well func()) error {
		for {
			if err := d.sweep(ctx); err != nil {
				return fmt.Errorf("publish what is due: %w", err)
			}
			well()
			if !sleep(ctx, d.cfg.Every) {
				return ctx.Err()
			}
		}
	})
	return nil // nothing is left to say of a sweep that the end cut off
}

// sweep publishes all that is due, the longest due first. A post that cannot
// be published for a reason of its own keeps no other one waiting.
func (d *Due) sweep(ctx context.Context) error {
	now := d.cfg.Now()
	for after := (readmodels.DueKey{}); ; {
		var due []readmodels.DueKey
		err := d.cfg.Reads.Read(ctx, func(r readmodels.Reader) (err error) {
			due, err = readmodels.DuePosts(ctx, r, now, after, dueBatch)
			return err
		})
		if errors.Is(err, readmodels.ErrNoGeneration) {
			return nil // the tables are being built, and there is nothing to see yet
		}
		if err != nil {
			return err
		}
		for _, one := range due {
			_, err := d.cfg.Commands.PublishDue(ctx, one.ID)
			if err != nil && (ctx.Err() != nil || outage(err)) {
				return err
			}
			if err != nil {
				d.cfg.Log.Error("a scheduled post is not published", "post", one.ID, "error", err)
			}
			after = one
		}
		if len(due) < dueBatch {
			return nil
		}
	}
}
