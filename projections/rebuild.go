package projections

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"sync"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/readmodels"
)

// Errors of what only a leader can do.
var (
	ErrNotLeading = errors.New("projections: this process does not lead")
	ErrNotReady   = errors.New("projections: the projector's first generation is still being built")
	ErrRebuilding = readmodels.ErrRebuilding
)

// leading says whether this process can change the live tables. The caller
// has its turn. Errors: ErrNotLeading, ErrNotReady.
func (r *Runner) leading() error {
	switch {
	case r.term == nil:
		return ErrNotLeading
	case !r.live.Load():
		return ErrNotReady
	}
	return nil
}

// Rebuild fills a new generation beside the live one, from the start of the
// log, catches up past the live one and swaps: no read fails or sees an older
// state. progress (may be nil) is told positions after every batch. A rebuild
// that fails, is cancelled or loses the lead leaves everything as it was.
// Errors: ErrNotLeading, ErrNotReady, ErrRebuilding, ErrDeposed, those of Run.
func (r *Runner) Rebuild(ctx context.Context, progress func(done, head uint64)) error {
	if !r.rebuild.TryLock() {
		return ErrRebuilding
	}
	defer r.rebuild.Unlock()
	defer r.build.end()
	var now *term
	err := r.inTurn(ctx, func() error {
		now = r.term
		return r.leading()
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(now.ctx, func() { cancel(ErrDeposed) })()
	err = r.rebuildIn(ctx, now, progress)
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); errors.Is(cause, ErrDeposed) {
		err = errors.Join(cause, err)
	}
	// Swapping to what is live drops the unfinished one; whoever is deposed
	// leaves that to the next leader.
	tidy := r.inTurn(context.WithoutCancel(ctx), func() error {
		return r.current.swap(context.WithoutCancel(ctx), r.cfg.Generations)
	})
	if errors.Is(tidy, ErrDeposed) {
		tidy = nil
	}
	return errors.Join(err, tidy)
}

func (r *Runner) rebuildIn(ctx context.Context, now *term, progress func(done, head uint64)) error {
	var suffix [4]byte
	_, _ = rand.Read(suffix[:]) // never fails
	g, err := r.create(ctx, r.family+"_"+hex.EncodeToString(suffix[:]), now.fence)
	if err != nil {
		return err
	}
	err = r.retry(ctx, finalOrDeposed, func() (bool, error) { return r.fill(ctx, g, progress) })
	if err != nil {
		return err
	}
	return r.inTurn(ctx, func() error { return r.replace(ctx, g) })
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
	if err := g.swap(ctx, r.cfg.Generations); err != nil {
		return err
	}
	r.current = g
	r.reach(g.seen)
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
