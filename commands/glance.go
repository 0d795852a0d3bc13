package commands

import "context"

// A glancer is a state with a part that is worth looking at while commands of
// its stream are being appended, which a view would wait for. Glance is that
// part as it stands: a value that nothing changes any more.
type glancer interface {
	folder
	Glance() any
}

// glance is what a stream showed when everything of its state was in the log.
type glance struct {
	shown    any
	position uint64
}

// publish renews what can be glanced at. The caller holds e.mu, and the state
// holds nothing that is not in the log.
func (e *entry) publish() {
	if g, ok := e.state.(glancer); ok {
		e.glance.Store(&glance{g.Glance(), e.position})
	}
}

// peek is view for the part of a state that can be glanced at, a V: as new as
// a view, but it waits for no append.
func peek[V any, S glancer](ctx context.Context, c *core, stream string, fresh func() S) (shown V, err error) {
	e := c.entry(stream, func() folder { return fresh() })
	if g := e.glance.Load(); g != nil && c.fresh() && (PositionFrom(ctx) <= uint64(c.seen.Load()) || PositionFrom(ctx) <= g.position) {
		return g.shown.(V), nil
	}
	err = view(ctx, c, stream, fresh, func(s S) error {
		shown = s.Glance().(V)
		return nil
	})
	return shown, err
}
