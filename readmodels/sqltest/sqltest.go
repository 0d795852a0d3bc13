package sqltest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parleyhq/parley/readmodels"
)

// Place is where generations are kept: Open opens it, as often as a process
// restarts, and shut closes what Open opened.
type Place interface {
	Open(t *testing.T) (g readmodels.Generations, shut func())
}

// Run checks an engine; place makes an empty place for each test.
func Run(t *testing.T, place func(t *testing.T) Place) {
	for name, test := range map[string]func(*testing.T, Place){
		"dialect":           dialect,
		"batch":             batch,
		"batches are alone": alone,
		"snapshot":          snapshot,
		"errors":            failures,
		"cancel":            cancel,
		"generations":       generations,
		"swap under load":   swapUnderLoad,
		"swap within":       swapWithin,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, place(t))
		})
	}
}

var schema = []string{
	`CREATE TABLE IF NOT EXISTS item (id text PRIMARY KEY, owner text NOT NULL, n bigint NOT NULL, note text, body bytea)`,
	`CREATE INDEX IF NOT EXISTS item_owner ON item (owner, n DESC)`,
}

const put = `INSERT INTO item (id, owner, n) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET n = excluded.n`

func create(t *testing.T, g readmodels.Generations, name string) readmodels.DB {
	t.Helper()
	db, err := g.Create(t.Context(), name, schema)
	must(t, err)
	return db
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// numbers reads one column of numbers.
func numbers(ctx context.Context, r readmodels.Reader, query string, args ...any) ([]int64, error) {
	rows, err := r.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	var all []int64
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		all = append(all, n)
	}
	return all, errors.Join(rows.Err(), rows.Close())
}

func want(t *testing.T, r readmodels.Reader, expected []int64, query string, args ...any) {
	t.Helper()
	got, err := numbers(t.Context(), r, query, args...)
	must(t, err)
	if d := cmp.Diff(expected, got); d != "" {
		t.Errorf("%s: (-want +got)\n%s", query, d)
	}
}

func dialect(t *testing.T, p Place) {
	g, shut := p.Open(t)
	defer shut()
	db := create(t, g, "a")
	ctx := t.Context()
	must(t, db.Batch(ctx, func(b readmodels.Batch) error {
		for i, note := range []any{nil, "", "äß🙂 '\x01"} {
			err := b.Exec(ctx, `INSERT INTO item (id, owner, n, note, body) VALUES (?, ?, ?, ?, ?)`,
				fmt.Sprint(i), "x", int64(i)<<40, note, []byte{0, byte(i), 255})
			if err != nil {
				return err
			}
		}
		return nil
	}))
	rows, err := db.Query(ctx, `SELECT id, n, note, body FROM item WHERE owner = ? AND n >= ? ORDER BY n DESC LIMIT ?`, "x", 0, 10)
	must(t, err)
	type item struct {
		ID   string
		N    int64
		Note *string
		Body []byte
	}
	var got []item
	for rows.Next() {
		var i item
		must(t, rows.Scan(&i.ID, &i.N, &i.Note, &i.Body))
		got = append(got, i)
	}
	must(t, errors.Join(rows.Err(), rows.Close()))
	empty, odd := "", "äß🙂 '\x01"
	expected := []item{{"2", 2 << 40, &odd, []byte{0, 2, 255}}, {"1", 1 << 40, &empty, []byte{0, 1, 255}}, {"0", 0, nil, []byte{0, 0, 255}}}
	if d := cmp.Diff(expected, got); d != "" {
		t.Errorf("rows: (-want +got)\n%s", d)
	}
	must(t, db.Batch(ctx, func(b readmodels.Batch) error {
		if err := b.Exec(ctx, put, "2", "x", 7); err != nil {
			return err
		}
		returned, err := numbers(ctx, b, `UPDATE item SET n = n + 1 WHERE id = ? RETURNING n`, "2")
		if err != nil || len(returned) != 1 || returned[0] != 8 {
			t.Errorf("RETURNING: %v, %v", returned, err)
		}
		if err := b.Exec(ctx, `INSERT INTO item (id, owner, n) SELECT id || 'c', owner, n FROM item WHERE n < ? ON CONFLICT DO NOTHING`, 9); err != nil {
			return err
		}
		return b.Exec(ctx, `DELETE FROM item WHERE id = ?`, "1")
	}))
	want(t, db, []int64{0, 0, 8, 8}, `SELECT n FROM item ORDER BY n, id`)
}

func batch(t *testing.T, p Place) {
	g, shut := p.Open(t)
	defer shut()
	db := create(t, g, "a")
	ctx := t.Context()
	boom := errors.New("boom")
	for _, fail := range []error{nil, boom} {
		err := db.Batch(ctx, func(b readmodels.Batch) error {
			for i := range 300 {
				if err := b.Exec(ctx, put, fmt.Sprint(i), "x", i); err != nil {
					return err
				}
			}
			want(t, b, []int64{300}, `SELECT count(*) FROM item`)
			if fail != nil {
				if err := b.Exec(ctx, `DELETE FROM item`); err != nil {
					return err
				}
			}
			return fail
		})
		if !errors.Is(err, fail) {
			t.Fatalf("batch ended with %v, want %v", err, fail)
		}
		want(t, db, []int64{300}, `SELECT count(*) FROM item`)
	}
}

func alone(t *testing.T, p Place) {
	g, shut := p.Open(t)
	defer shut()
	db := create(t, g, "a")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 25 {
				err := db.Batch(t.Context(), func(b readmodels.Batch) error {
					n, err := numbers(t.Context(), b, `SELECT coalesce(max(n), 0) FROM item`)
					if err != nil {
						return err
					}
					return b.Exec(t.Context(), put, "counter", "x", n[0]+1)
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	want(t, db, []int64{200}, `SELECT n FROM item`)
}

func snapshot(t *testing.T, p Place) {
	g, shut := p.Open(t)
	defer shut()
	db := create(t, g, "a")
	write := func(n int) {
		must(t, db.Batch(t.Context(), func(b readmodels.Batch) error { return b.Exec(t.Context(), put, "a", "x", n) }))
	}
	write(1)
	must(t, db.Read(t.Context(), func(r readmodels.Reader) error {
		want(t, r, []int64{1}, `SELECT n FROM item`)
		write(2)
		want(t, r, []int64{1}, `SELECT n FROM item`)
		want(t, db, []int64{2}, `SELECT n FROM item`)
		return nil
	}))
	want(t, db, []int64{2}, `SELECT n FROM item`)
}

func failures(t *testing.T, p Place) {
	g, shut := p.Open(t)
	defer shut()
	db := create(t, g, "a")
	ctx := t.Context()
	for name, f := range map[string]func(b readmodels.Batch) error{
		"not null": func(b readmodels.Batch) error { return b.Exec(ctx, put, "a", nil, 1) },
		"syntax":   func(b readmodels.Batch) error { return b.Exec(ctx, `INSERT INTO`) },
		"no table": func(b readmodels.Batch) error { _, err := numbers(ctx, b, `SELECT n FROM nowhere`); return err },
		"type":     func(b readmodels.Batch) error { return b.Exec(ctx, put, "a", struct{}{}, 1) },
	} {
		err := db.Batch(ctx, f)
		if err == nil || errors.Is(err, readmodels.ErrUnavailable) {
			t.Errorf("%s: error %v; want the statement's own", name, err)
		}
	}
	must(t, db.Batch(ctx, func(b readmodels.Batch) error { return b.Exec(ctx, put, "a", "x", 1) }))
	want(t, db, []int64{1}, `SELECT n FROM item`)
}

func cancel(t *testing.T, p Place) {
	g, shut := p.Open(t)
	defer shut()
	db := create(t, g, "a")
	ctx, stop := context.WithCancel(t.Context())
	err := db.Batch(ctx, func(b readmodels.Batch) error {
		if err := b.Exec(ctx, put, "a", "x", 1); err != nil {
			return err
		}
		stop()
		return b.Exec(ctx, put, "b", "x", 1)
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled batch ended with %v", err)
	}
	if err := db.Read(ctx, func(readmodels.Reader) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled read ended with %v", err)
	}
	want(t, db, []int64{0}, `SELECT count(*) FROM item`)
}

func generations(t *testing.T, p Place) {
	g, shut := p.Open(t)
	ctx := t.Context()
	if _, _, _, err := g.Live(ctx); !errors.Is(err, readmodels.ErrNoGeneration) {
		t.Fatalf("Live of an empty place: %v", err)
	}
	if err := g.Swap(ctx, "absent", nil); err == nil {
		t.Error("swapped to a generation that nobody created")
	}
	if _, err := g.Create(ctx, "../a B", schema); err == nil {
		t.Error("created a generation of a bad name")
	}
	fill := func(name string, n int) {
		must(t, create(t, g, name).Batch(ctx, func(b readmodels.Batch) error { return b.Exec(ctx, put, "a", "x", n) }))
	}
	fill("a", 1)
	must(t, g.Swap(ctx, "a", nil))
	fill("b", 2)
	shut()

	g, shut = p.Open(t) // a half-built generation waits beside the live one
	db, name, release, err := g.Live(ctx)
	must(t, err)
	if name != "a" {
		t.Errorf("live is %s", name)
	}
	want(t, db, []int64{1}, `SELECT n FROM item`)
	want(t, create(t, g, "b"), []int64{2}, `SELECT n FROM item`)
	must(t, g.Swap(ctx, "b", nil))
	want(t, db, []int64{1}, `SELECT n FROM item`) // whoever reads the old one may finish
	release()
	release()
	must(t, g.Swap(ctx, "b", nil))
	want(t, create(t, g, "a"), nil, `SELECT n FROM item`) // dropped
	shut()

	g, shut = p.Open(t)
	defer shut()
	db, name, release, err = g.Live(ctx)
	must(t, err)
	defer release()
	if name != "b" {
		t.Errorf("live is %s", name)
	}
	want(t, db, []int64{2}, `SELECT n FROM item`)
}

func swapUnderLoad(t *testing.T, p Place) {
	g, shut := p.Open(t)
	defer shut()
	ctx := t.Context()
	fill := func(name string, n int) {
		must(t, create(t, g, name).Batch(ctx, func(b readmodels.Batch) error { return b.Exec(ctx, put, "a", "x", n) }))
		must(t, g.Swap(ctx, name, nil))
	}
	fill("g0", 0)
	done := make(chan struct{})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			last := int64(-1)
			for {
				select {
				case <-done:
					return
				default:
				}
				db, _, release, err := g.Live(ctx)
				if err != nil {
					t.Error(err)
					return
				}
				n, err := numbers(ctx, db, `SELECT n FROM item`)
				release()
				if err != nil || len(n) != 1 || n[0] < last {
					t.Errorf("read %v, %v after %d", n, err, last)
					return
				}
				last = n[0]
			}
		})
	}
	for i := 1; i <= 10; i++ {
		fill(fmt.Sprintf("g%d", i), i)
	}
	close(done)
	group.Wait()
}
