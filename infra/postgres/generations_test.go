//go:build stack

package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parleyhq/parley/infra/postgres"
	"github.com/parleyhq/parley/infra/postgres/postgrestest"
	"github.com/parleyhq/parley/readmodels"
)

var items = []string{`CREATE TABLE IF NOT EXISTS item (id text PRIMARY KEY, n bigint NOT NULL)`}

// fill makes a generation whose one row says n.
func fill(t *testing.T, g readmodels.Generations, name string, n int) {
	t.Helper()
	db, err := g.Create(t.Context(), name, items)
	must(t, err)
	must(t, db.Batch(t.Context(), func(b readmodels.Batch) error {
		return b.Exec(t.Context(), `INSERT INTO item (id, n) VALUES ('a', ?) ON CONFLICT (id) DO UPDATE SET n = excluded.n`, n)
	}))
}

// column reads a column of one type.
func column[T any](ctx context.Context, r readmodels.Reader, query string, args ...any) (all []T, err error) {
	rows, err := r.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var v T
		if err := rows.Scan(&v); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		all = append(all, v)
	}
	return all, errors.Join(rows.Err(), rows.Close())
}

// live is what the live generation's row says.
func live(ctx context.Context, g readmodels.Generations) (n int64, err error) {
	err = g.ReadLive(ctx, func(r readmodels.Reader) error {
		for range 2 { // two queries of one answer
			all, err := column[int64](ctx, r, `SELECT n FROM item`)
			if err == nil && (len(all) != 1 || n != 0 && n != all[0]) {
				err = fmt.Errorf("read %v after %d", all, n)
			}
			if err != nil {
				return err
			}
			n = all[0]
		}
		return nil
	})
	return n, err
}

func schemas(t *testing.T, p *postgres.Postgres) []string {
	t.Helper()
	all, err := column[string](t.Context(), p.State(), `SELECT nspname FROM pg_namespace WHERE nspname LIKE 'parley%' ORDER BY nspname`)
	must(t, err)
	return all
}

// Q7: no process reads a generation that was live before another one's swap,
// and none fails, while generations are made, swapped to and dropped.
func TestSwapsOfAnotherProcess(t *testing.T) {
	t.Parallel()
	url := postgrestest.Database(t)
	leader := postgrestest.Open(t, postgres.Options{URL: url}).Generations("f")
	fill(t, leader, "g1", 1)
	must(t, leader.Swap(t.Context(), "g1", nil))
	var swapped struct {
		sync.RWMutex
		n int64
	}
	swapped.n = 1
	done := make(chan struct{})
	var group sync.WaitGroup
	for range 2 {
		p := postgrestest.Open(t, postgres.Options{URL: url, PoolMax: 4})
		g := p.Generations("f")
		for range 4 {
			group.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
					}
					swapped.RLock()
					known := swapped.n
					swapped.RUnlock()
					if n, err := live(t.Context(), g); err != nil || n < known {
						t.Errorf("read %d, %v after the swap to %d", n, err, known)
						return
					}
				}
			})
		}
	}
	for n := 2; n <= 25; n++ {
		name := fmt.Sprint("g", n)
		fill(t, leader, name, n)
		must(t, leader.Swap(t.Context(), name, nil))
		swapped.Lock()
		swapped.n = int64(n)
		swapped.Unlock()
	}
	close(done)
	group.Wait()
}

// O2: two releases stand side by side, and that of which no process is left is
// dropped after a while; the one that is used stays.
func TestReleasesSideBySide(t *testing.T) {
	t.Parallel()
	url := postgrestest.Database(t)
	open := func() (*postgres.Postgres, func()) {
		p, err := postgres.Open(t.Context(), postgres.Options{URL: url, GenerationKeep: 3 * time.Second, PoolMax: 4})
		must(t, err)
		shut := sync.OnceFunc(func() { must(t, p.Close()) })
		t.Cleanup(shut)
		return p, shut
	}
	old, shutOld := open()
	third, _ := open()
	next, _ := open()
	for i, p := range []*postgres.Postgres{old, third, next} {
		family := fmt.Sprint("tables_", i)
		g := p.Generations(family)
		fill(t, g, family, i+1)
		must(t, g.Swap(t.Context(), family, nil))
	}
	for i, p := range []*postgres.Postgres{old, third, next} {
		if n, err := live(t.Context(), p.Generations(fmt.Sprint("tables_", i))); err != nil || n != int64(i+1) {
			t.Errorf("release %d reads %d, %v", i, n, err)
		}
	}
	shutOld()
	want := []string{"parley_keys", "parley_state", "parley_tables_1", "parley_tables_2"}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for ctx := soon(t); ; {
		if slices.Equal(schemas(t, next), want) {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("schemas: %v", schemas(t, next))
		}
	}
	if n, err := live(t.Context(), third.Generations("tables_1")); err != nil || n != 2 {
		t.Errorf("the release that is used reads %d, %v", n, err)
	}
}

// A live generation that somebody dropped by hand is built again, and what is
// not ours is left alone.
func TestSchemasOfOthers(t *testing.T) {
	t.Parallel()
	url := postgrestest.Database(t)
	g := postgrestest.Open(t, postgres.Options{URL: url}).Generations("f")
	fill(t, g, "a", 1)
	must(t, g.Swap(t.Context(), "a", nil))
	postgrestest.Exec(t, url, `DROP SCHEMA parley_a CASCADE`)
	if _, _, _, err := g.Live(t.Context()); !errors.Is(err, readmodels.ErrNoGeneration) {
		t.Errorf("Live: %v", err)
	}
	if _, err := live(t.Context(), g); !errors.Is(err, readmodels.ErrNoGeneration) {
		t.Errorf("ReadLive: %v", err)
	}
	fill(t, g, "a", 2)
	must(t, g.Swap(t.Context(), "a", nil))
	if n, err := live(t.Context(), g); err != nil || n != 2 {
		t.Errorf("built again, it reads %d, %v", n, err)
	}
	postgrestest.Exec(t, url, `CREATE SCHEMA parley_theirs`)
	for _, name := range []string{"theirs", "state", "keys"} {
		if _, err := g.Create(t.Context(), name, items); err == nil {
			t.Errorf("made a generation of %s", name)
		}
	}
	if _, err := postgrestest.Open(t, postgres.Options{URL: url}).Generations("other").Create(t.Context(), "a", items); err == nil {
		t.Error("made a generation of another family anew")
	}
}

// Text is compared byte by byte whatever the locale of the database is.
func TestTextIsComparedByBytes(t *testing.T) {
	t.Parallel()
	p := postgrestest.Open(t, postgres.Options{})
	words := []string{"b", "A", "a", "Z", "ä", "_", "1", "aa", "a-a", "B", "🙂", "z", "é", "e"}
	must(t, p.State().Batch(t.Context(), func(b readmodels.Batch) error {
		err := b.Exec(t.Context(), `CREATE TABLE word (w text PRIMARY KEY)`)
		for _, w := range words {
			err = errors.Join(err, b.Exec(t.Context(), `INSERT INTO word (w) VALUES (?)`, w))
		}
		return err
	}))
	slices.Sort(words)
	for _, query := range []string{
		`SELECT w FROM word ORDER BY w`,
		`SELECT w FROM (SELECT CAST(w AS text) AS w FROM word GROUP BY CAST(w AS text)) AS x ORDER BY w`,
		`SELECT w FROM word WHERE (w, 1) > ('', 0) UNION ALL SELECT w FROM word WHERE w < '' ORDER BY 1`,
	} {
		got, err := column[string](t.Context(), p.State(), query)
		if err != nil || !slices.Equal(got, words) {
			t.Errorf("%s: %q, %v; want %q", query, got, err, words)
		}
	}
	above, err := column[string](t.Context(), p.State(), `SELECT w FROM word WHERE w > ? ORDER BY w LIMIT 1`, "Z")
	if err != nil || above[0] != "_" {
		t.Errorf("after Z comes %q, %v", above, err)
	}
}
