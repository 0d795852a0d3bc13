package smtp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/readmodels"
)

// OutboxConfig bounds what waits, and for how long.
type OutboxConfig struct {
	Workers      int           // letters that this process delivers at a time; 4
	MaxWaiting   int           // letters; 10,000
	KeepFor      time.Duration // from Send on; a letter older than this is given up; 24 h
	Lease        time.Duration // longer than a delivery can take, clocks' differences too; then others try; 2 min
	RetryFirst   time.Duration // after a failure, twice as long after each further one; 1 s
	RetryLongest time.Duration // 10 min
	Poll         time.Duration // how often letters of others, and late ones, are looked for; 1 s
	WriteTimeout time.Duration // of noting what became of a letter, also while stopping; 5 s

	Now   func() time.Time
	NewID func() uuid.UUID // version 7
	Log   *slog.Logger
}

// Deliverer hands one letter over; see Server.
type Deliverer interface {
	Deliver(ctx context.Context, m commands.Mail, at time.Time, id uuid.UUID) error
}

// ErrFull says that too many letters wait: the mail server has been away for
// long.
var ErrFull = errors.New("smtp: too many letters wait")

// due is when the next try may begin: while one is under way, that is the end
// of its lease. tries tells whoever noted it last from who was late.
const outboxTable = `CREATE TABLE IF NOT EXISTS mail_outbox (id text PRIMARY KEY, recipient text NOT NULL, subject text NOT NULL,
	body text NOT NULL, taken bigint NOT NULL, due bigint NOT NULL, tries bigint NOT NULL)`

const outboxIndex = `CREATE INDEX IF NOT EXISTS mail_outbox_due ON mail_outbox (due)`

// Outbox is a commands.Mailer. Several processes may share its table: each
// letter is one worker's at a time.
type Outbox struct {
	cfg  OutboxConfig
	db   readmodels.DB
	to   Deliverer
	wake chan struct{} // a letter has come; as many as there are workers
}

var _ commands.Mailer = (*Outbox)(nil)

// NewOutbox makes the table if it is not there.
func NewOutbox(ctx context.Context, db readmodels.DB, to Deliverer, cfg OutboxConfig) (*Outbox, error) {
	setDefault(&cfg.Workers, 4)
	setDefault(&cfg.MaxWaiting, 10_000)
	setDefault(&cfg.KeepFor, 24*time.Hour)
	setDefault(&cfg.Lease, 2*time.Minute)
	setDefault(&cfg.RetryFirst, time.Second)
	setDefault(&cfg.RetryLongest, 10*time.Minute)
	setDefault(&cfg.Poll, time.Second)
	setDefault(&cfg.WriteTimeout, 5*time.Second)
	err := db.Batch(ctx, func(b readmodels.Batch) error {
		return errors.Join(b.Exec(ctx, outboxTable), b.Exec(ctx, outboxIndex))
	})
	if err != nil {
		return nil, fmt.Errorf("letters that wait: %w", err)
	}
	return &Outbox{cfg: cfg, db: db, to: to, wake: make(chan struct{}, cfg.Workers)}, nil
}

// Send takes a letter: it survives a crash when Send returns. Errors: ErrFull,
// the database's.
func (o *Outbox) Send(ctx context.Context, m commands.Mail) error {
	id, now := o.cfg.NewID().String(), o.cfg.Now().UnixMilli()
	err := o.db.Batch(ctx, func(b readmodels.Batch) error {
		waiting, err := count(ctx, b)
		if err != nil {
			return err
		}
		if waiting >= o.cfg.MaxWaiting {
			return ErrFull
		}
		return b.Exec(ctx, `INSERT INTO mail_outbox (id, recipient, subject, body, taken, due, tries) VALUES (?, ?, ?, ?, ?, ?, 0)`,
			id, m.To, m.Subject, m.Text, now, now)
	})
	if err != nil {
		return fmt.Errorf("take a letter: %w", err)
	}
	select {
	case o.wake <- struct{}{}:
	default: // all workers are called already
	}
	return nil
}

// Waiting is how many letters were taken and not delivered yet.
func (o *Outbox) Waiting(ctx context.Context) (int, error) { return count(ctx, o.db) }

func count(ctx context.Context, r readmodels.Reader) (n int, err error) {
	rows, err := r.Query(ctx, `SELECT count(*) FROM mail_outbox`)
	if err != nil {
		return 0, err
	}
	if rows.Next() {
		err = rows.Scan(&n)
	}
	return n, errors.Join(err, rows.Err(), rows.Close())
}

// Run delivers letters until ctx ends, those of other processes too. It is
// called once.
func (o *Outbox) Run(ctx context.Context) error {
	var workers errgroup.Group
	for range o.cfg.Workers {
		workers.Go(func() error { o.work(ctx); return nil })
	}
	return workers.Wait()
}

func (o *Outbox) work(ctx context.Context) {
	for ctx.Err() == nil {
		l, err := o.lease(ctx)
		switch {
		case err == nil && l != nil:
			o.deliver(ctx, l)
			continue
		case err != nil && ctx.Err() == nil:
			o.cfg.Log.Warn("letters that wait cannot be read", "error", err)
		}
		pause := time.NewTimer(o.cfg.Poll + rand.N(o.cfg.Poll/4+1)) //nolint:gosec // no secret
		select {
		case <-ctx.Done():
		case <-pause.C:
		case <-o.wake:
		}
		pause.Stop()
	}
}

// waiting is a letter that is this worker's until its lease ends.
type waiting struct {
	commands.Mail
	id           uuid.UUID
	taken, tries int64
}

// lease takes the letter that has been due for longest; nil where none is.
// The outer condition on due is for engines whose statements meet: whoever
// comes second looks again and finds the letter taken.
func (o *Outbox) lease(ctx context.Context) (l *waiting, err error) {
	now := o.cfg.Now()
	err = o.db.Batch(ctx, func(b readmodels.Batch) error {
		l = nil // the transaction may run again
		rows, err := b.Query(ctx, `UPDATE mail_outbox SET due = ?, tries = tries + 1
			WHERE due <= ? AND id IN (SELECT id FROM mail_outbox WHERE due <= ? ORDER BY due, id LIMIT 1)
			RETURNING id, recipient, subject, body, taken, tries`, now.Add(o.cfg.Lease).UnixMilli(), now.UnixMilli(), now.UnixMilli())
		if err != nil {
			return err
		}
		if rows.Next() {
			l = new(waiting)
			err = rows.Scan(&l.id, &l.To, &l.Subject, &l.Text, &l.taken, &l.tries)
		}
		return errors.Join(err, rows.Err(), rows.Close())
	})
	return l, err
}

// deliver tries once and notes what became of it.
func (o *Outbox) deliver(ctx context.Context, l *waiting) {
	taken := time.UnixMilli(l.taken)
	err := o.to.Deliver(ctx, l.Mail, taken, l.id)
	log := o.cfg.Log.With("letter", l.id, "tries", l.tries)
	now, again := o.cfg.Now(), time.Time{}
	switch {
	case err == nil:
	case errors.Is(err, ErrRefused):
		log.Error("a letter was refused, and is given up", "error", err)
	case ctx.Err() != nil:
		again = now // no fault of the letter's or the server's
	case now.Sub(taken) >= o.cfg.KeepFor:
		log.Error("a letter could not be delivered for too long, and is given up", "error", err)
	default:
		again = now.Add(o.backOff(l.tries))
		log.Warn("a letter was not delivered, and is tried again", "at", again, "error", err)
	}
	// What was done must be noted, also while stopping: or it is done twice.
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.cfg.WriteTimeout)
	defer cancel()
	if err := o.note(within, l, again); err != nil {
		log.Warn("what became of a letter was not noted; it is tried again", "error", err)
	}
}

// note deletes a letter that has come to its end, or says when to try again;
// nothing if somebody else has taken it over since.
func (o *Outbox) note(ctx context.Context, l *waiting, again time.Time) error {
	return o.db.Batch(ctx, func(b readmodels.Batch) error {
		if again.IsZero() {
			return b.Exec(ctx, `DELETE FROM mail_outbox WHERE id = ? AND tries = ?`, l.id.String(), l.tries)
		}
		return b.Exec(ctx, `UPDATE mail_outbox SET due = ? WHERE id = ? AND tries = ?`, again.UnixMilli(), l.id.String(), l.tries)
	})
}

// backOff doubles with each try, up to the longest, with up to a quarter more
// so that letters that failed together do not come back together.
func (o *Outbox) backOff(tries int64) time.Duration {
	d := o.cfg.RetryFirst
	for i := int64(1); i < tries && d < o.cfg.RetryLongest; i++ {
		d *= 2
	}
	d = min(d, o.cfg.RetryLongest)
	return d + rand.N(d/4+1) //nolint:gosec // no secret
}
