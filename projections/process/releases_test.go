package process

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/readmodels"
)

// waved is what the next release writes.
type waved struct {
	At uuid.UUID `json:"at"`
}

// nextRelease is this release and one type more.
func nextRelease(t *testing.T, of *event.Catalogue) *event.Catalogue {
	t.Helper()
	c, err := event.NewCatalogue(of.Definitions(), []event.Definition{event.Of[waved]("wave.waved.v1", event.People, nil)})
	must(t, err)
	return c
}

type rollout struct {
	*world
	state readmodels.DB
	clock time.Time
}

func newRollout(t *testing.T) *rollout {
	w := newWorld(t)
	return &rollout{w, newState(t), time.UnixMilli(1_000_000)}
}

// node is a process of a release; its commands see the log through a codec of
// that release.
func (r *rollout) node(name string, catalogue *event.Catalogue) (*Releases, *commands.Commands) {
	r.t.Helper()
	cfg := commands.Defaults()
	c, err := commands.New(cfg, commands.Deps{Store: r.log, Codec: event.NewCodec(catalogue, r.ring), Keyring: r.ring, Log: slog.New(slog.DiscardHandler)})
	must(r.t, err)
	r.t.Cleanup(func() { c.Close(context.Background()) })
	n, err := NewReleases(r.t.Context(), ReleasesConfig{
		DB: r.state, Commands: c, Catalogue: catalogue, Node: name, Roles: []string{"api"}, Version: name,
		TTL: 30 * time.Second, Every: time.Second, Now: func() time.Time { return r.clock }, Log: slog.New(slog.DiscardHandler),
	})
	must(r.t, err)
	return n, c
}

func (r *rollout) pending(c *commands.Commands) []string {
	r.t.Helper()
	release, err := c.CheckRelease(r.t.Context())
	must(r.t, err)
	return release.Pending
}

// O2: what only the new release can read is not written while a process of the
// old one is there; it is as soon as that has gone; and then the old release
// does not begin any more.
func TestO2_NewTypesWaitForOldProcesses(t *testing.T) {
	t.Parallel()
	for name, gone := range map[string]func(r *rollout, old *Releases){
		"stopped": func(r *rollout, old *Releases) { old.leave(r.t.Context()) },
		"killed":  func(r *rollout, _ *Releases) { r.clock = r.clock.Add(31 * time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRollout(t)
			old, oldCommands := r.node("old", r.codec.Catalogue())
			must(t, old.Begin(t.Context()))
			if p := r.pending(oldCommands); len(p) > 0 {
				t.Errorf("alone, and yet %v wait", p)
			}
			next, nextCommands := r.node("next", nextRelease(t, r.codec.Catalogue()))
			must(t, next.Begin(t.Context()))
			for range 2 {
				if p := r.pending(nextCommands); len(p) != 1 || p[0] != "wave.waved.v1" {
					t.Errorf("beside the old release %v wait", p)
				}
				_, err := next.look(t.Context())
				must(t, err)
			}
			must(t, old.Begin(t.Context())) // the old one may come back as long as nothing new is written
			gone(r, old)
			_, err := next.look(t.Context())
			must(t, err)
			if p := r.pending(nextCommands); len(p) > 0 {
				t.Errorf("the old release has gone, and yet %v wait", p)
			}
			late, _ := r.node("late", r.codec.Catalogue())
			if err := late.Begin(t.Context()); !errors.Is(err, ErrOldRelease) || !strings.Contains(err.Error(), "wave.waved.v1") {
				t.Errorf("the old release begins again: %v", err)
			}
			if err := old.Run(t.Context()); !errors.Is(err, ErrOldRelease) {
				t.Errorf("the old release goes on: %v", err)
			}
		})
	}
}

// O2: however many begin at once on an empty log, types are enabled once.
func TestO2_TypesAreEnabledOnce(t *testing.T) {
	t.Parallel()
	r := newRollout(t)
	var all []chan error
	for i := range 8 {
		n, _ := r.node(string(rune('a'+i)), r.codec.Catalogue())
		done := make(chan error, 1)
		all = append(all, done)
		go func() { done <- n.Begin(context.Background()) }()
	}
	for _, done := range all {
		must(t, <-done)
	}
	count := 0
	for _, err := range r.log.Stream(t.Context(), "log-types", 0, event.Forward) {
		must(t, err)
		count++
	}
	if count != 1 {
		t.Errorf("enabled %d times", count)
	}
}
