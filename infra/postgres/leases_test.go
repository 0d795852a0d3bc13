//go:build stack

package postgres_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/parleyhq/parley/infra/postgres"
	"github.com/parleyhq/parley/infra/postgres/postgrestest"
	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/readmodels"
)

const (
	ttl      = 2 * time.Second // a starved machine must renew it
	patience = time.Minute     // bounds every wait for what must happen
)

func newProcess(t *testing.T, url string) *postgres.Postgres {
	t.Helper()
	return leasing(t, url, ttl)
}

func leasing(t *testing.T, url string, ttl time.Duration) *postgres.Postgres {
	t.Helper()
	return postgrestest.Open(t, postgres.Options{URL: url, LeaseTTL: ttl, PoolMax: 5})
}

// soon bounds what a test waits for.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// O2: one leads at a time, each gives the lead up at once, and terms follow
// each other: nobody has the patience for a lease that must end by itself.
func TestOneLeadsAtATime(t *testing.T) {
	t.Parallel()
	url := postgrestest.Database(t)
	var leading, terms atomic.Int32
	var group sync.WaitGroup
	for range 3 {
		p := leasing(t, url, 2*patience)
		group.Go(func() {
			for range 4 {
				err := p.Leases().Lead(soon(t), "one", func(context.Context, projections.Fence) error {
					if leading.Add(1) != 1 {
						t.Error("two lead at once")
					}
					terms.Add(1)
					leading.Add(-1)
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if terms.Load() != 12 {
		t.Errorf("%d terms", terms.Load())
	}
}

// A leader that goes on keeps the lead for longer than a lease, with its fence
// held in one transaction after the other; and the error of its work is Lead's.
func TestLeadIsRenewed(t *testing.T) {
	t.Parallel()
	p := newProcess(t, postgrestest.Database(t))
	boom := errors.New("boom")
	err := p.Leases().Lead(soon(t), "one", func(ctx context.Context, f projections.Fence) error {
		for end := time.Now().Add(3 * ttl); time.Now().Before(end); {
			err := p.State().Batch(ctx, func(b readmodels.Batch) error { return f.Check(ctx, b) })
			if err != nil {
				return err
			}
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Error(err)
	}
}

// Invariant 5: whoever lost the lead writes nothing any more, into whichever
// schema, also where it finds out at the commit alone.
func TestDeposedLeaderWritesNothing(t *testing.T) {
	t.Parallel()
	url := postgrestest.Database(t)
	old, next := newProcess(t, url), newProcess(t, url)
	g := old.Generations("f")
	db, err := g.Create(t.Context(), "a", []string{`CREATE TABLE IF NOT EXISTS item (id text PRIMARY KEY)`})
	must(t, err)
	ctx := soon(t)
	err = old.Leases().Lead(ctx, "one", func(term context.Context, stale projections.Fence) error {
		// as if the database had taken this process for dead
		postgrestest.Exec(t, url, `UPDATE parley_state.lease SET expires = '-infinity'`)
		led := make(chan error, 1)
		go func() {
			led <- next.Leases().Lead(ctx, "one", func(context.Context, projections.Fence) error { return nil })
		}()
		if err := <-led; err != nil {
			return err
		}
		for what, target := range map[string]readmodels.DB{"generation": db, "state": old.State()} {
			err := target.Batch(ctx, func(b readmodels.Batch) error {
				if err := stale.Check(ctx, b); err != nil {
					return err
				}
				return b.Exec(ctx, `CREATE TABLE late (id text)`)
			})
			if !errors.Is(err, projections.ErrDeposed) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if err := g.Swap(ctx, "a", stale.Check); !errors.Is(err, projections.ErrDeposed) {
			t.Errorf("swap: %v", err)
		}
		<-term.Done() // it finds out when it wants to renew
		return term.Err()
	})
	if !errors.Is(err, projections.ErrDeposed) {
		t.Errorf("Lead: %v", err)
	}
	if _, _, _, err := g.Live(ctx); !errors.Is(err, readmodels.ErrNoGeneration) {
		t.Errorf("Live: %v", err)
	}
}

// stoppedLeader makes this test binary the process of TestStoppedLeaderIsCutOff:
// it names the database.
const stoppedLeader = "PARLEY_STOPPED_LEADER"

// TestStoppedLeader is that process: it leads, and stands amid a transaction
// until it is told to go on.
func TestStoppedLeader(t *testing.T) {
	url := os.Getenv(stoppedLeader)
	if url == "" {
		return // it is for the test below
	}
	p := newProcess(t, url)
	ctx := soon(t)
	lead := func(_ context.Context, f projections.Fence) error {
		return p.Keys().Batch(ctx, func(b readmodels.Batch) error {
			if err := f.Check(ctx, b); err != nil {
				return err
			}
			rows, err := b.Query(ctx, `SELECT 1`) // what was checked is sent now, and locked
			if err != nil {
				return err
			}
			if err := rows.Close(); err != nil {
				return err
			}
			fmt.Println("checked")
			if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
				return err
			}
			return b.Exec(ctx, `CREATE TABLE late (id text)`)
		})
	}
	if err := p.Leases().Lead(ctx, "one", lead); errors.Is(err, projections.ErrDeposed) {
		fmt.Println("deposed")
	} else {
		fmt.Println("not deposed:", err)
	}
}

// A leader that stops amid a transaction in which it checked its fence keeps
// nobody from leading for ever: the database ends its session. Woken, it
// writes nothing.
func TestStoppedLeaderIsCutOff(t *testing.T) {
	t.Parallel()
	url := postgrestest.Database(t)
	next, ctx := newProcess(t, url), soon(t)
	old := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestStoppedLeader$")
	old.Env = append(os.Environ(), stoppedLeader+"="+url)
	in, err := old.StdinPipe()
	must(t, err)
	out, err := old.StdoutPipe()
	must(t, err)
	must(t, old.Start())
	said := bufio.NewScanner(out)
	word := func() string {
		t.Helper()
		if !said.Scan() {
			t.Fatal("the other process ended")
		}
		return said.Text()
	}
	if got := word(); got != "checked" {
		t.Fatal(got)
	}
	must(t, old.Process.Signal(syscall.SIGSTOP))
	began := time.Now()
	must(t, next.Leases().Lead(ctx, "one", func(context.Context, projections.Fence) error { return nil }))
	if took := time.Since(began); took < ttl/2 || took > 5*ttl {
		t.Errorf("it took over after %v; a lease is %v", took, ttl)
	}
	must(t, old.Process.Signal(syscall.SIGCONT))
	_, err = fmt.Fprintln(in, "on")
	must(t, err)
	if got := word(); got != "deposed" {
		t.Errorf("the stopped one: %s", got)
	}
	for said.Scan() { // to its end
	}
	must(t, old.Wait())
	rows, err := next.Keys().Query(ctx, `SELECT to_regclass('late') IS NULL`)
	must(t, err)
	var absent bool
	for rows.Next() {
		must(t, rows.Scan(&absent))
	}
	must(t, rows.Close())
	if !absent {
		t.Error("what it wrote late is there")
	}
}

// Whoever is cut off from the database stops leading by its own clock, before
// anybody else may lead.
func TestLeaderCutOffStopsInTime(t *testing.T) {
	t.Parallel()
	url := postgrestest.Database(t)
	p := newProcess(t, url)
	err := p.Leases().Lead(soon(t), "one", func(term context.Context, _ projections.Fence) error {
		began := time.Now()
		postgrestest.Exec(t, url, `ALTER TABLE parley_state.lease RENAME TO elsewhere`) // no renewal succeeds
		<-term.Done()
		if took := time.Since(began); took > ttl+ttl/3 {
			t.Errorf("it led on for %v", took)
		}
		if cause := context.Cause(term); !errors.Is(cause, projections.ErrDeposed) {
			t.Errorf("cause: %v", cause)
		}
		return nil
	})
	if !errors.Is(err, projections.ErrDeposed) {
		t.Error(err)
	}
}

// told gathers what a follower is told.
type told struct {
	mu   sync.Mutex
	all  []string
	more chan struct{}
}

func follow(t *testing.T, p *postgres.Postgres) *told {
	t.Helper()
	x := &told{more: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- p.Announcements().Follow(ctx, func(name string, position uint64) {
			x.mu.Lock()
			x.all = append(x.all, fmt.Sprint(name, position))
			x.mu.Unlock()
			select {
			case x.more <- struct{}{}:
			default:
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return x
}

// until waits for something to be told and gives all that was.
func (x *told) until(t *testing.T, last string) []string {
	t.Helper()
	ctx := soon(t)
	for {
		x.mu.Lock()
		all := append([]string(nil), x.all...)
		x.mu.Unlock()
		if len(all) > 0 && all[len(all)-1] == last {
			return all
		}
		select {
		case <-x.more:
		case <-ctx.Done():
			t.Fatalf("%s was not told: %v", last, all)
		}
	}
}

// again waits until a word was told twice.
func (x *told) again(t *testing.T, word string) {
	t.Helper()
	ctx := soon(t)
	for {
		x.mu.Lock()
		times := 0
		for _, w := range x.all {
			if w == word {
				times++
			}
		}
		x.mu.Unlock()
		if times > 1 {
			return
		}
		select {
		case <-x.more:
		case <-ctx.Done():
			t.Fatalf("%s was told %d times", word, times)
		}
	}
}

func announce(t *testing.T, p *postgres.Postgres, name string, position uint64) {
	t.Helper()
	// a batch may meet the end of a connection
	ctx := soon(t)
	must(t, p.State().Batch(ctx, func(b readmodels.Batch) error {
		return p.Announcements().Announce(ctx, b, name, position)
	}))
}

// Followers hear the newest of each at once, later ones in their order, nothing
// of what was rolled back, and all of it again after their connection broke.
func TestAnnouncements(t *testing.T) {
	t.Parallel()
	url := postgrestest.Database(t)
	leader, other := newProcess(t, url), newProcess(t, url)
	announce(t, leader, "b", 1)
	announce(t, leader, "a", 7)
	announce(t, leader, "b", 2)
	x := follow(t, other)
	if got := x.until(t, "b2"); fmt.Sprint(got) != "[a7 b2]" {
		t.Errorf("at once: %v", got)
	}
	boom := errors.New("boom")
	err := leader.State().Batch(t.Context(), func(b readmodels.Batch) error {
		return errors.Join(leader.Announcements().Announce(t.Context(), b, "b", 99), boom)
	})
	if !errors.Is(err, boom) {
		t.Fatal(err)
	}
	for i := uint64(3); i < 200; i++ {
		announce(t, leader, "b", i)
	}
	announce(t, leader, "a", 8)
	got := x.until(t, "a8")
	for i, word := range got[2 : len(got)-1] {
		if word != fmt.Sprint("b", i+3) {
			t.Fatalf("at %d: %v", i, word)
		}
	}
	postgrestest.Exec(t, url, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	announce(t, leader, "a", 9)
	x.again(t, "b199")
	announce(t, leader, "c", 1)
	x.until(t, "c1")
}
