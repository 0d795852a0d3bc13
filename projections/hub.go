package projections

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/parleyhq/parley/readmodels"
)

// HubConfig is what a Hub needs. Zero values of the settings mean the defaults
// given.
type HubConfig struct {
	Announcements Announcements
	RetryMin      time.Duration // first pause after hearing ended, doubled up to RetryMax; 100 ms
	RetryMax      time.Duration // 10 s
	Log           *slog.Logger  // nothing
}

// Hub hears for a whole process how far leaders have come, and tells those
// who follow them here. A nil Hub hears of nothing and tells nobody: where one
// process does everything. Its methods may be called from any goroutine; Run
// once, by one.
type Hub struct {
	cfg HubConfig

	mu        sync.Mutex // held while followers are told, so that all hear in order
	newest    map[string]uint64
	followers map[string]map[*func(uint64)]struct{}
}

// NewHub starts nothing.
func NewHub(cfg HubConfig) *Hub {
	cfg.RetryMin = cmp.Or(cfg.RetryMin, 100*time.Millisecond)
	cfg.RetryMax = cmp.Or(cfg.RetryMax, 10*time.Second)
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	return &Hub{cfg: cfg, newest: map[string]uint64{}, followers: map[string]map[*func(uint64)]struct{}{}}
}

// Run hears until ctx ends, and then returns nil. It begins anew where hearing
// ends by itself.
func (h *Hub) Run(ctx context.Context) error {
	wait := pauses{first: h.cfg.RetryMin, longest: h.cfg.RetryMax}
	for {
		err := h.cfg.Announcements.Follow(ctx, func(name string, position uint64) {
			wait.reset()
			h.tell(name, position)
		})
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			err = errors.New("it ended by itself")
		}
		h.cfg.Log.Warn("announcements are not heard", "error", err)
		if !wait.wait(ctx) {
			return nil
		}
	}
}

func (h *Hub) tell(name string, position uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.newest[name] = max(h.newest[name], position)
	for reach := range h.followers[name] {
		(*reach)(position)
	}
}

// Follow tells reach of a leader's positions, the newest known at once, until
// stop is called. reach must be quick: all others wait for it.
func (h *Hub) Follow(name string, reach func(position uint64)) (stop func()) {
	if h == nil {
		return func() {}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.followers[name] == nil {
		h.followers[name] = map[*func(uint64)]struct{}{}
	}
	h.followers[name][&reach] = struct{}{}
	if newest, known := h.newest[name]; known {
		reach(newest)
	}
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.followers[name], &reach)
	}
}

// Announce tells other processes, and this one's followers, that the leader of
// that name comes to position with b's commit. Errors: the engine's.
func (h *Hub) Announce(ctx context.Context, b readmodels.Batch, name string, position uint64) error {
	if h == nil {
		return nil
	}
	return h.cfg.Announcements.Announce(ctx, b, name, position)
}
