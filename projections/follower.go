package projections

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/parleyhq/parley/domain/event"
)

// FollowerConfig is what a Follower needs. Zero values of the settings mean
// the defaults given.
type FollowerConfig struct {
	Projection string // as people name it: "tables"
	Family     string // what its leader announces: Projector.Family
	Store      event.Store
	Hub        *Hub          // run by whoever made it
	RetryMin   time.Duration // first pause after the log failed, doubled up to RetryMax; 100 ms
	RetryMax   time.Duration // 10 s
	Log        *slog.Logger  // nothing
}

// Follower is a projection in a process that only answers from it: another
// one leads. Its methods may be called from any goroutine; Run once, by one.
type Follower struct {
	standing
	cfg FollowerConfig
}

var _ Projection = (*Follower)(nil)

// NewFollower starts nothing.
func NewFollower(cfg FollowerConfig) *Follower {
	cfg.RetryMin = cmp.Or(cfg.RetryMin, 100*time.Millisecond)
	cfg.RetryMax = cmp.Or(cfg.RetryMax, 10*time.Second)
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	return &Follower{standing: standing{store: cfg.Store}, cfg: cfg}
}

// Name implements Standing.
func (f *Follower) Name() string { return f.cfg.Projection }

// Run hears of the leader until ctx ends, and then returns nil.
func (f *Follower) Run(ctx context.Context) error {
	defer f.end()
	wait := pauses{first: f.cfg.RetryMin, longest: f.cfg.RetryMax}
	for {
		err := f.begin(ctx)
		if err == nil {
			break
		}
		f.cfg.Log.Warn("the log does not say where it ends", "projection", f.cfg.Projection, "error", err)
		if !wait.wait(ctx) {
			return nil
		}
	}
	defer f.cfg.Hub.Follow(f.cfg.Family, f.reach)()
	<-ctx.Done()
	return nil
}
