package smtp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/infra/smtp"
	"github.com/parleyhq/parley/infra/sqlite"
	"github.com/parleyhq/parley/readmodels"
)

// patience bounds every wait for a condition.
const patience = time.Minute

func state(t *testing.T, path string) readmodels.DB {
	t.Helper()
	db, err := sqlite.OpenState(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// deliverer is a mail server as a function; it counts what it was given.
type deliverer struct {
	f func(ctx context.Context, m commands.Mail) error

	mu  sync.Mutex
	got []string // subjects, in order of success
	ids []uuid.UUID
}

func (d *deliverer) Deliver(ctx context.Context, m commands.Mail, _ time.Time, id uuid.UUID) error {
	if d.f != nil {
		if err := d.f(ctx, m); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.got, d.ids = append(d.got, m.Subject), append(d.ids, id)
	return nil
}

func (d *deliverer) delivered() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.got)
}

// clock is a time that the test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// journal is a log that can be read while it is written.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

func newOutbox(t *testing.T, db readmodels.DB, to smtp.Deliverer, cfg smtp.OutboxConfig) *smtp.Outbox {
	t.Helper()
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Poll == 0 {
		cfg.Poll = 5 * time.Millisecond
	}
	cfg.NewID = func() uuid.UUID { return uuid.Must(uuid.NewV7()) }
	o, err := smtp.NewOutbox(context.Background(), db, to, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// run runs an outbox until the answer is called, or the test ends.
func run(t *testing.T, o *smtp.Outbox) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- o.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func send(t *testing.T, o *smtp.Outbox, subjects ...string) {
	t.Helper()
	for _, subject := range subjects {
		if err := o.Send(context.Background(), commands.Mail{To: "reader@example.org", Subject: subject, Text: "confidential"}); err != nil {
			t.Fatal(err)
		}
	}
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// none waits until nothing waits any more.
func none(t *testing.T, o *smtp.Outbox) {
	t.Helper()
	until(t, "no letter waits", func() bool {
		n, err := o.Waiting(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return n == 0
	})
}

// A1: a letter is on the disk when it is taken: a process that comes later
// delivers what an earlier one took.
func TestOutboxSurvives(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	before, err := sqlite.OpenState(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	send(t, newOutbox(t, before, &deliverer{}, smtp.OutboxConfig{}), "one", "two", "three")
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	to := &deliverer{}
	o := newOutbox(t, state(t, path), to, smtp.OutboxConfig{Workers: 1})
	run(t, o)
	none(t, o)
	if got := to.delivered(); !slices.Equal(got, []string{"one", "two", "three"}) {
		t.Errorf("delivered %v", got)
	}
}

// A1: what fails for now is tried again, with the same id; what is refused is
// told and given up, and the log holds neither address nor text.
func TestOutboxRetries(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	tries := map[string]int{}
	var log journal
	h := (&mailHost{rcpt: func(try int) error {
		if try <= 3 {
			return answer(451)
		}
		return nil
	}}).start(t)
	server := newServer(t, smtp.ServerConfig{URL: "smtp://" + h.address})
	to := deliverFunc(func(ctx context.Context, m commands.Mail, at time.Time, id uuid.UUID) error {
		mu.Lock()
		tries[m.Subject+id.String()]++
		mu.Unlock()
		if m.Subject == "refused" {
			return fmt.Errorf("%w: 550", smtp.ErrRefused)
		}
		return server.Deliver(ctx, m, at, id)
	})
	o := newOutbox(t, state(t, filepath.Join(t.TempDir(), "state.db")), to, smtp.OutboxConfig{
		RetryFirst: time.Millisecond, RetryLongest: 4 * time.Millisecond, Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	send(t, o, "refused", "retried")
	run(t, o)
	none(t, o)
	mu.Lock()
	defer mu.Unlock()
	if len(tries) != 2 || len(h.got()) != 1 {
		t.Errorf("tries %v, received %v", tries, h.got())
	}
	for letter, n := range tries {
		if want := map[bool]int{true: 4, false: 1}[strings.HasPrefix(letter, "retried")]; n != want {
			t.Errorf("%s: %d tries, want %d", letter, n, want)
		}
	}
	text := log.String()
	if !strings.Contains(text, "level=ERROR") || strings.Count(text, "tried again") != 3 || strings.Contains(text, "reader@") || strings.Contains(text, "confidential") {
		t.Errorf("log:\n%s", text)
	}
}

// A1: a mail server that says nothing holds up nobody who sends, and too many
// letters are refused rather than kept.
func TestOutboxDoesNotWait(t *testing.T) {
	t.Parallel()
	stuck := &deliverer{f: func(ctx context.Context, _ commands.Mail) error { <-ctx.Done(); return ctx.Err() }}
	db := state(t, filepath.Join(t.TempDir(), "state.db"))
	o := newOutbox(t, db, stuck, smtp.OutboxConfig{MaxWaiting: 20})
	stop := run(t, o)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for i := range 20 {
		if err := o.Send(ctx, commands.Mail{To: "a@example.org", Subject: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.Send(ctx, commands.Mail{To: "a@example.org"}); !errors.Is(err, smtp.ErrFull) {
		t.Errorf("one too many: %v", err)
	}
	stop() // and the letters are free for others at once
	to := &deliverer{}
	o = newOutbox(t, db, to, smtp.OutboxConfig{})
	run(t, o)
	none(t, o)
	if got := to.delivered(); len(got) != 20 {
		t.Errorf("delivered %v", got)
	}
}

// A1: several processes share the letters; each is delivered by one.
func TestOutboxesShare(t *testing.T) {
	t.Parallel()
	db := state(t, filepath.Join(t.TempDir(), "state.db"))
	to := &deliverer{}
	first := newOutbox(t, db, to, smtp.OutboxConfig{})
	var want []string
	for i := range 50 {
		want = append(want, fmt.Sprintf("%02d", i))
	}
	send(t, first, want...)
	for range 3 {
		run(t, newOutbox(t, db, to, smtp.OutboxConfig{}))
	}
	none(t, first)
	got := to.delivered()
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("delivered %v", got)
	}
}

// A1: a process that stands still with a letter in its hand loses it to
// another one when its lease is over, and cannot undo what that one did.
func TestOutboxLease(t *testing.T) {
	t.Parallel()
	db := state(t, filepath.Join(t.TempDir(), "state.db"))
	at := &clock{at: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
	holds, goOn := make(chan struct{}), make(chan struct{})
	slow := &deliverer{f: func(context.Context, commands.Mail) error {
		close(holds)
		<-goOn
		return errors.New("too late to matter")
	}}
	cfg := smtp.OutboxConfig{Now: at.now, Lease: time.Minute, Workers: 1}
	one := newOutbox(t, db, slow, cfg)
	send(t, one, "letter")
	stop := run(t, one)
	<-holds

	failures := 0
	quick := &deliverer{}
	quick.f = func(context.Context, commands.Mail) error {
		if failures++; failures == 1 {
			return errors.New("for now")
		}
		return nil
	}
	other := newOutbox(t, db, quick, cfg)
	run(t, other)
	at.pass(59 * time.Second)
	send(t, other, "another") // goes to the quick one, fails, and is due later
	until(t, "the first try", func() bool { return waitingDue(t, db, at.now()) == 0 })
	if got := quick.delivered(); len(got) != 0 {
		t.Errorf("taken before its time: %v", got)
	}
	at.pass(2 * time.Second) // the lease is over, and the failure's pause too
	until(t, "both letters", func() bool { return len(quick.delivered()) == 2 })
	close(goOn)
	stop()
	none(t, other)
	if got := quick.delivered(); len(got) != 2 {
		t.Errorf("delivered %v", got)
	}
}

// A1: a letter that nobody takes for a day is told and given up.
func TestOutboxGivesUp(t *testing.T) {
	t.Parallel()
	at := &clock{at: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
	var log journal
	down := &deliverer{f: func(context.Context, commands.Mail) error { at.pass(time.Hour); return errors.New("away") }}
	o := newOutbox(t, state(t, filepath.Join(t.TempDir(), "state.db")), down, smtp.OutboxConfig{
		Now: at.now, KeepFor: 24 * time.Hour, Log: slog.New(slog.NewTextHandler(&log, nil)), Workers: 1, RetryFirst: time.Minute, RetryLongest: time.Minute,
	})
	send(t, o, "letter")
	stop := run(t, o)
	until(t, "given up", func() bool { at.pass(time.Minute); return strings.Contains(log.String(), "level=ERROR") })
	stop()
	none(t, o)
	if n := strings.Count(log.String(), "tried again"); n < 10 || n > 23 {
		t.Errorf("%d tries within a day:\n%s", n, log.String())
	}
}

type deliverFunc func(context.Context, commands.Mail, time.Time, uuid.UUID) error

func (f deliverFunc) Deliver(ctx context.Context, m commands.Mail, at time.Time, id uuid.UUID) error {
	return f(ctx, m, at, id)
}

// waitingDue counts the letters whose time has come.
func waitingDue(t *testing.T, db readmodels.DB, now time.Time) (n int) {
	t.Helper()
	rows, err := db.Query(context.Background(), `SELECT count(*) FROM mail_outbox WHERE due <= ?`, now.UnixMilli())
	if err != nil {
		t.Fatal(err)
	}
	rows.Next()
	if err := errors.Join(rows.Scan(&n), rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	return n
}
