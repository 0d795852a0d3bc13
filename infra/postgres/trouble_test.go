//go:build stack

package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parleyhq/parley/deploy/servers/servertest"
	"github.com/parleyhq/parley/infra/postgres"
	"github.com/parleyhq/parley/infra/postgres/postgrestest"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/readmodels"
)

// O2: Postgres is killed, restarted, and paused under load: whoever reads and
// writes is told that it does not answer, nothing hangs, what was acknowledged
// is there, what was not is there once at most, and afterwards everything goes
// on by itself, leads and announcements too.
func TestPostgresFails(t *testing.T) {
	t.Parallel()
	server := servertest.Start(t, servertest.Postgres)
	p := postgrestest.Open(t, postgres.Options{
		URL: postgrestest.On(t, server.URL()), LeaseTTL: time.Second, CallTimeout: 2 * time.Second, ConnectTimeout: time.Second,
		Retries: 2, PoolMax: 8,
	})
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	must(t, p.State().Batch(ctx, func(b readmodels.Batch) error {
		return b.Exec(ctx, `CREATE TABLE n (writer bigint, i bigint, PRIMARY KEY (writer, i))`)
	}))
	heard := follow(t, p)
	l := &load{t: t, p: p, done: make(chan struct{})}
	l.begin(ctx)
	for _, trouble := range []func(){
		func() { server.Kill(); server.Restart() },
		server.Restart,
		func() { server.Pause(); l.fails(ctx); server.Resume() },
	} {
		l.succeeds(ctx)
		trouble()
		l.succeeds(ctx)
	}
	close(l.done)
	l.group.Wait()
	l.check(ctx)
	announce(t, p, "end", 1)
	heard.until(t, "end1")
}

// load reads and writes until it is done.
type load struct {
	t     *testing.T
	p     *postgres.Postgres
	done  chan struct{}
	group sync.WaitGroup

	acknowledged [4]atomic.Int64 // by writer: the last i
	reads, terms atomic.Int64
	failures     atomic.Int64
}

func (l *load) begin(ctx context.Context) {
	for w := range l.acknowledged {
		l.again(ctx, func(ctx context.Context) error {
			i := l.acknowledged[w].Load() + 1
			err := l.p.State().Batch(ctx, func(b readmodels.Batch) error {
				return b.Exec(ctx, `INSERT INTO n (writer, i) VALUES (?, ?) ON CONFLICT DO NOTHING`, w, i)
			})
			if err == nil {
				l.acknowledged[w].Store(i)
			}
			return err
		})
	}
	for range 4 {
		l.again(ctx, func(ctx context.Context) error {
			_, err := column[int64](ctx, l.p.State(), `SELECT count(*) FROM n`)
			if err == nil {
				l.reads.Add(1)
			}
			return err
		})
	}
	l.again(ctx, func(ctx context.Context) error {
		err := l.p.Leases().Lead(ctx, "one", func(context.Context, projections.Fence) error {
			l.terms.Add(1)
			return nil
		})
		if errors.Is(err, projections.ErrDeposed) {
			return nil
		}
		return err
	})
}

// again calls f over and over; no call may take long, and no error may be
// another one than that the engine does not answer.
func (l *load) again(ctx context.Context, f func(context.Context) error) {
	l.group.Go(func() {
		for {
			select {
			case <-l.done:
				return
			case <-ctx.Done():
				l.t.Error(ctx.Err())
				return
			default:
			}
			began := time.Now()
			err := f(ctx)
			if took := time.Since(began); took > 45*time.Second {
				l.t.Errorf("a call took %v", took)
			}
			if err == nil {
				continue
			}
			l.failures.Add(1)
			if !errors.Is(err, readmodels.ErrUnavailable) {
				l.t.Errorf("not told that it does not answer: %v", err)
				return
			}
		}
	})
}

// succeeds waits until every kind of work has been done again.
func (l *load) succeeds(ctx context.Context) {
	l.t.Helper()
	counts := []*atomic.Int64{&l.reads, &l.terms}
	for w := range l.acknowledged {
		counts = append(counts, &l.acknowledged[w])
	}
	for i, c := range counts {
		l.grows(ctx, c, fmt.Sprint("work ", i))
	}
}

func (l *load) fails(ctx context.Context) {
	l.t.Helper()
	l.grows(ctx, &l.failures, "failures")
}

func (l *load) grows(ctx context.Context, c *atomic.Int64, what string) {
	l.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for before := c.Load(); c.Load() < before+2; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			l.t.Fatalf("%s stands still at %d", what, c.Load())
		}
	}
}

// check compares what is there with what was acknowledged.
func (l *load) check(ctx context.Context) {
	l.t.Helper()
	for w := range l.acknowledged {
		last := l.acknowledged[w].Load()
		got, err := column[int64](ctx, l.p.State(), `SELECT count(*) FROM n WHERE writer = ? AND i <= ?`, w, last)
		if err != nil || got[0] != last {
			l.t.Errorf("writer %d: %v of %d are there, %v", w, got, last, err)
		}
	}
}

// Batches of several processes are as if one came after the other.
func TestBatchesOfSeveralProcessesAreAlone(t *testing.T) {
	t.Parallel()
	url := postgrestest.Database(t)
	first := postgrestest.Open(t, postgres.Options{URL: url})
	must(t, first.State().Batch(t.Context(), func(b readmodels.Batch) error {
		return errors.Join(b.Exec(t.Context(), `CREATE TABLE n (id text PRIMARY KEY, n bigint NOT NULL)`),
			b.Exec(t.Context(), `INSERT INTO n VALUES ('a', 0)`))
	}))
	const processes, each = 3, 20
	var group sync.WaitGroup
	for range processes {
		p := postgrestest.Open(t, postgres.Options{URL: url, Retries: 30, RetryFirst: time.Millisecond, PoolMax: 2})
		group.Go(func() {
			for range each {
				err := p.State().Batch(t.Context(), func(b readmodels.Batch) error {
					n, err := column[int64](t.Context(), b, `SELECT n FROM n WHERE id = 'a'`)
					if err != nil {
						return err
					}
					return b.Exec(t.Context(), `UPDATE n SET n = ? WHERE id = 'a'`, n[0]+1)
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if n, err := column[int64](t.Context(), first.State(), `SELECT n FROM n`); err != nil || n[0] != processes*each {
		t.Errorf("%v, %v; want %d", n, err, processes*each)
	}
}

// An error of a statement that was sent with others is that statement's own,
// names it, and leaves nothing behind; the connection goes on.
func TestErrorAmidABatch(t *testing.T) {
	t.Parallel()
	p := postgrestest.Open(t, postgres.Options{PoolMax: 1})
	ctx := soon(t)
	must(t, p.State().Batch(ctx, func(b readmodels.Batch) error {
		return b.Exec(ctx, `CREATE TABLE n (n bigint PRIMARY KEY, word text)`)
	}))
	for name, wrong := range map[string]struct {
		sql  string
		args []any
	}{
		"constraint":      {`INSERT INTO n VALUES (?, 'twice')`, []any{1}},
		"type":            {`INSERT INTO n VALUES (?, 'odd')`, []any{"no number"}},
		"no such table":   {`INSERT INTO m VALUES (?)`, []any{1}},
		"a text with nul": {`INSERT INTO n VALUES (7, ?)`, []any{"a\x00b"}},
		"too few":         {`INSERT INTO n VALUES (?, ?)`, []any{1}},
		"a time":          {`INSERT INTO n VALUES (?, '')`, []any{time.Now()}},
	} {
		err := p.State().Batch(ctx, func(b readmodels.Batch) error {
			for i := range 5 {
				if err := b.Exec(ctx, `INSERT INTO n VALUES (?, ?)`, i, "word"); err != nil {
					return err
				}
			}
			if err := b.Exec(ctx, wrong.sql, wrong.args...); err != nil {
				return err
			}
			return b.Exec(ctx, `INSERT INTO n VALUES (?, ?)`, 9, "word")
		})
		if err == nil || errors.Is(err, readmodels.ErrUnavailable) || !strings.Contains(err.Error(), strings.Fields(wrong.sql)[2]) {
			t.Errorf("%s: %v", name, err)
		}
		if n, err := column[int64](ctx, p.State(), `SELECT count(*) FROM n`); err != nil || n[0] != 0 {
			t.Errorf("%s left %v, %v", name, n, err)
		}
	}
}

// Rows that are not closed, more texts than a connection keeps prepared, a
// table that is made anew with other columns, and a closed database.
func TestConnections(t *testing.T) {
	t.Parallel()
	p := postgrestest.Open(t, postgres.Options{PoolMax: 1})
	ctx := soon(t)
	state := p.State()
	must(t, state.Read(ctx, func(r readmodels.Reader) error {
		rows, err := r.Query(ctx, `SELECT 1 UNION ALL SELECT 2`)
		must(t, err)
		if _, err := r.Query(ctx, `SELECT 3`); err == nil {
			t.Error("two queries at once on one connection")
		}
		return rows.Close()
	}))
	for i := range 600 {
		n, err := column[int64](ctx, state, `SELECT CAST(? AS bigint)`+strings.Repeat(" ", i), i)
		if err != nil || n[0] != int64(i) {
			t.Fatal(n, err)
		}
	}
	for _, columns := range []string{`a bigint`, `a text, b text`, `a bigint`} {
		must(t, state.Batch(ctx, func(b readmodels.Batch) error {
			return errors.Join(b.Exec(ctx, `DROP TABLE IF EXISTS changing`), b.Exec(ctx, `CREATE TABLE changing (`+columns+`)`),
				b.Exec(ctx, `INSERT INTO changing VALUES ('1')`))
		}))
		must(t, state.Read(ctx, func(r readmodels.Reader) error {
			rows, err := r.Query(ctx, `SELECT * FROM changing`)
			if err != nil {
				return err
			}
			return rows.Close()
		}))
	}
	if err := p.Ping(ctx); err != nil {
		t.Error(err)
	}
}

// What is asked of a database that is closed, or was never there, is told.
func TestNoServer(t *testing.T) {
	t.Parallel()
	_, err := postgres.Open(t.Context(), postgres.Options{URL: "postgres://me:secret@127.0.0.1:1/x", RetryFirst: time.Millisecond, RetryLongest: 2 * time.Millisecond})
	if !errors.Is(err, readmodels.ErrUnavailable) || strings.Contains(err.Error(), "secret") {
		t.Errorf("no server: %v", err)
	}
	for _, url := range []string{"", "postgres://me:secret@:port/x", "mysql://me:secret@host/x"} {
		if _, err := postgres.Open(t.Context(), postgres.Options{URL: url, Retries: -1}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", url, err)
		}
	}
	if _, err := postgres.Open(t.Context(), postgres.Options{URL: "postgres://h/x", Prefix: "No Prefix"}); err == nil {
		t.Error("a bad prefix")
	}
	db, err := postgres.Open(t.Context(), postgres.Options{URL: postgrestest.Database(t), Retries: -1})
	must(t, err)
	must(t, db.Close())
	if _, err := db.State().Query(t.Context(), `SELECT 1`); !errors.Is(err, readmodels.ErrUnavailable) {
		t.Errorf("closed: %v", err)
	}
}
