package projections

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strings"
	"sync"

	"github.com/parleyhq/parley/domain/event"
)

// Errors of Rebuild.
var (
	ErrNotReady   = errors.New("projections: the projector's first generation is still being built")
	ErrRebuilding = errors.New("projections: a rebuild is under way")
)

// Rebuild fills a new generation beside the live one, from the start of the
// log, catches up past the live one and swaps: no read fails or sees an older
// state. progress (may be nil) is told positions after every batch. A rebuild
// that fails or is cancelled leaves everything as it was. Run has begun before.
// Errors: ErrNotReady, ErrRebuilding, those of Run.
func (r *Runner) Rebuild(ctx context.Context, progress func(done, head uint64)) error {
	if !r.live.Load() {
		return ErrNotReady
	}
	if !r.rebuild.TryLock() {
		return ErrRebuilding
	}
	defer r.rebuild.Unlock()
	defer r.build.end()
	g, err := r.create(ctx, r.besides())
	if err != nil {
		return err
	}
	err = r.retry(ctx, func() (bool, error) { return r.fill(ctx, g, progress) })
	if err == nil {
		err = r.inTurn(ctx, func() error { return r.replace(ctx, g) })
	}
	if err == nil {
		return nil
	}
	// Swapping to what is live drops the unfinished one.
	return errors.Join(err, r.inTurn(context.WithoutCancel(ctx), func() error {
		return r.cfg.Generations.Swap(context.WithoutCancel(ctx), r.current.name, nil)
	}))
}

// besides is a new name for a generation like current.
func (r *Runner) besides() string {
	r.turn <- struct{}{}
	defer func() { <-r.turn }()
	// the name without the suffix that an earlier rebuild gave it
	name := r.current.name[:len(r.cfg.Projector.Name)+1]
	digest, _, _ := strings.Cut(r.current.name[len(name):], "_")
	var suffix [4]byte
	_, _ = rand.Read(suffix[:]) // never fails
	return name + digest + "_" + hex.EncodeToString(suffix[:])
}

// fill folds the log into g until it has caught up.
func (r *Runner) fill(ctx context.Context, g *generation, progress func(done, head uint64)) (moved bool, err error) {
	if err := g.load(ctx); err != nil {
		return false, err
	}
	s := r.open(ctx, g.seen)
	defer s.close()
	for {
		b, err := s.next(ctx, r.cfg.BatchWait)
		if err != nil {
			return moved, err
		}
		if err := g.apply(ctx, b.items, b.position); err != nil {
			return moved, err
		}
		s.release(b)
		moved = true
		if err := r.build.tell(ctx, r.cfg.Store, g.seen, progress); err != nil {
			return moved, err
		}
		if b.caughtUp {
			return moved, nil
		}
	}
}

// replace brings g past current, while that stands still, and swaps.
func (r *Runner) replace(ctx context.Context, g *generation) error {
	var b batch
	for rec, err := range r.cfg.Store.All(ctx, g.seen, event.Filter{}) {
		if err != nil {
			return err
		}
		if rec.Position > r.current.seen {
			break
		}
		i, err := r.prepare(ctx, rec)
		if err != nil {
			return err
		}
		if b.add(&i); b.full(r.cfg.BatchSize) {
			if err := g.apply(ctx, b.items, b.position); err != nil {
				return err
			}
			b = batch{}
		}
	}
	if err := g.apply(ctx, b.items, max(b.position, r.current.seen)); err != nil {
		return err
	}
	if err := r.cfg.Generations.Swap(ctx, g.name, nil); err != nil {
		return err
	}
	r.current = g
	r.visible.reach(g.seen)
	r.cfg.Log.Info("projector swapped", "projector", r.cfg.Projector.Name, "generation", g.name, "position", g.seen)
	return nil
}

// Rebuilding says how far the generation is that is being built, if one is.
func (r *Runner) Rebuilding() (done, head uint64, building bool) {
	r.build.mu.Lock()
	defer r.build.mu.Unlock()
	return r.build.done, r.build.head, r.build.building
}

type progress struct {
	mu         sync.Mutex
	building   bool
	done, head uint64
}

func (p *progress) tell(ctx context.Context, store event.Store, done uint64, f func(done, head uint64)) error {
	head, err := store.Head(ctx)
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.building, p.done, p.head = true, done, max(head, done)
	p.mu.Unlock()
	if f != nil {
		f(done, max(head, done))
	}
	return nil
}

func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.building = false
}
