package postgres

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/parleyhq/parley/readmodels"
)

// presence says which families this process uses, so that nobody drops them,
// and drops those that no process has used for as long as is set: of releases
// that are gone.
type presence struct {
	p      *Postgres
	every  time.Duration
	mu     sync.Mutex
	known  map[string]bool
	news   chan struct{}
	cancel context.CancelFunc
	ended  chan struct{} // nil before the first family
}

func newPresence(p *Postgres) *presence {
	return &presence{
		p: p, known: map[string]bool{}, news: make(chan struct{}, 1),
		// A process may miss some of them before it counts as gone.
		every: min(time.Minute, p.options.GenerationKeep/5),
	}
}

// of says that this process uses a family from now on.
func (s *presence) of(family string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[family] = true
	select {
	case s.news <- struct{}{}:
	default:
	}
	if s.ended == nil {
		var ctx context.Context
		ctx, s.cancel = context.WithCancel(context.Background())
		s.ended = make(chan struct{})
		go s.run(ctx)
	}
}

func (s *presence) run(ctx context.Context) {
	defer close(s.ended)
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for {
		if err := s.beat(ctx); err != nil && ctx.Err() == nil {
			s.p.options.Log.Warn("generations of other releases are not looked after", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.news:
		}
	}
}

// beat is one turn.
func (s *presence) beat(ctx context.Context) error {
	s.mu.Lock()
	mine := slices.Sorted(maps.Keys(s.known)) // always in the same order: else two processes could lock each other out
	s.mu.Unlock()
	err := s.p.terms.Batch(ctx, func(b readmodels.Batch) error {
		for _, family := range mine {
			err := b.Exec(ctx, s.p.in(`INSERT INTO {state}.family (family, seen) VALUES (?, clock_timestamp())
				ON CONFLICT (family) DO UPDATE SET seen = excluded.seen`), family)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	now, err := s.p.now(ctx)
	if err != nil {
		return err
	}
	for _, family := range mine { // what a swap could not drop
		if err := s.p.dropRetired(ctx, family, now); err != nil {
			return err
		}
	}
	return s.dropGone(ctx)
}

// dropGone drops the generations of families that nobody uses. Whoever finds
// them first does.
func (s *presence) dropGone(ctx context.Context) error {
	kept := strconv.FormatInt(s.p.options.GenerationKeep.Milliseconds(), 10)
	isGone := s.p.in(` EXISTS (SELECT 1 FROM {state}.family f WHERE f.family = generation.family
		AND f.seen < clock_timestamp() - CAST('` + kept + ` milliseconds' AS interval))`)
	gone, err := list(ctx, s.p.terms, s.p.in(`SELECT name FROM {state}.generation WHERE`)+isGone)
	if err != nil {
		return err
	}
	for _, g := range gone {
		if err := s.p.drop(ctx, g[0], ` AND`+isGone); err != nil { // unless somebody has come back
			return err
		}
		s.p.options.Log.Info("dropped a generation of a release that is gone", "generation", g[0])
	}
	return nil
}

func (s *presence) close() {
	s.mu.Lock()
	ended := s.ended
	s.mu.Unlock()
	if ended != nil {
		s.cancel()
		<-ended
	}
}
