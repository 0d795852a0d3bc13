package sqltest

import (
	"context"
	"errors"
	"testing"

	"github.com/parleyhq/parley/readmodels"
)

// swapWithin swaps under a condition: its error leaves everything as it was,
// and what it writes is there with the swap.
func swapWithin(t *testing.T, p Place) {
	g, shut := p.Open(t)
	defer shut()
	ctx := t.Context()
	create(t, g, "a")
	must(t, g.Swap(ctx, "a", nil))
	must(t, create(t, g, "b").Batch(ctx, func(b readmodels.Batch) error { return b.Exec(ctx, put, "a", "x", 1) }))
	note := func(n int, outcome error) func(context.Context, readmodels.Batch) error {
		return func(ctx context.Context, b readmodels.Batch) error {
			return errors.Join(b.Exec(ctx, put, "note", "x", n), outcome)
		}
	}
	live := func(name string, notes []int64) {
		t.Helper()
		db, is, release, err := g.Live(ctx)
		must(t, err)
		defer release()
		if is != name {
			t.Errorf("live is %s, want %s", is, name)
		}
		want(t, db, notes, `SELECT n FROM item WHERE id = 'note'`)
	}
	refused := errors.New("refused")
	if err := g.Swap(ctx, "b", note(1, refused)); !errors.Is(err, refused) {
		t.Errorf("a swap whose condition fails: %v", err)
	}
	live("a", nil)
	want(t, create(t, g, "b"), []int64{1}, `SELECT n FROM item`) // it was not dropped, nor written
	must(t, g.Swap(ctx, "b", note(2, nil)))
	live("b", []int64{2})
	if err := g.Swap(ctx, "absent", note(1, nil)); err == nil {
		t.Error("swapped to a generation that nobody created")
	}
}
