package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/projections"
	"github.com/parleyhq/parley/readmodels"
)

// leases implements projections.Leases: a row for each name says who leads,
// in which term and until when. Only the database's clock says when that is
// over; the leader itself counts from before it asked, so that it stops first.
type leases struct{ p *Postgres }

// fence is one term.
type fence struct {
	p     *Postgres
	name  string
	token int64
}

var errTaken = errors.New("postgres: the lease is held")

// Lead implements projections.Leases.
func (l leases) Lead(ctx context.Context, name string, f func(context.Context, projections.Fence) error) error {
	holder := uuid.NewString()
	e, stop := l.p.listener.listen()
	defer stop()
	for {
		asked := time.Now()
		token, err := l.take(ctx, name, holder)
		if err == nil {
			stop()
			return l.lead(ctx, fence{l.p, name, token}, asked, f)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !errors.Is(err, errTaken) {
			l.p.options.Log.Warn("a lease cannot be taken", "lease", name, "error", err)
		}
		if err := l.pause(ctx, e); err != nil {
			return err
		}
	}
}

// take takes over what nobody holds. It does not wait long for the transaction
// of a leader who does not answer: the session of that one will end.
func (l leases) take(ctx context.Context, name, holder string) (token int64, err error) {
	err = l.p.terms.Batch(ctx, func(b readmodels.Batch) error {
		if err := b.Exec(ctx, `SET LOCAL lock_timeout = `+strconv.FormatInt(max(1, l.third().Milliseconds()), 10)); err != nil {
			return err
		}
		taken, err := list(ctx, b, l.p.in(`INSERT INTO {state}.lease (name, token, holder, expires)
			VALUES (?, 1, ?, clock_timestamp() + CAST(? AS interval))
			ON CONFLICT (name) DO UPDATE SET token = lease.token + 1, holder = excluded.holder, expires = excluded.expires
			WHERE lease.expires <= clock_timestamp() RETURNING CAST(token AS text)`), name, holder, l.ttl())
		if err != nil {
			return err
		}
		if len(taken) == 0 {
			return errTaken
		}
		token, err = strconv.ParseInt(taken[0][0], 10, 64)
		return err
	})
	return token, err
}

func (l leases) ttl() string {
	return strconv.FormatInt(l.p.options.LeaseTTL.Milliseconds(), 10) + " milliseconds"
}

func (l leases) third() time.Duration { return l.p.options.LeaseTTL / 3 }

// pause waits a third of a lease, or until some lease was given up. The jitter
// keeps those who wait from asking together.
func (l leases) pause(ctx context.Context, e *ear) error {
	timer := time.NewTimer(l.third() + rand.N(l.third()/4+1)) //nolint:gosec // no secret
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			return nil
		case <-e.wake:
			_, free := e.take()
			if free {
				return nil
			}
		}
	}
}

// lead runs f for one term.
func (l leases) lead(ctx context.Context, f fence, asked time.Time, do func(context.Context, projections.Fence) error) error {
	term, cancel := context.WithCancelCause(ctx)
	renewed := make(chan struct{})
	lost := false
	go func() {
		defer close(renewed)
		if l.renew(term, f, asked) {
			lost = true
			cancel(fmt.Errorf("%w: lease %s", projections.ErrDeposed, f.name))
		}
	}()
	defer l.release(ctx, f)
	err := func() error {
		defer func() { // also when it panics
			cancel(nil)
			<-renewed
		}()
		return do(term, f)
	}()
	if lost {
		return fmt.Errorf("%w: lease %s", projections.ErrDeposed, f.name)
	}
	return err
}

// renew renews until the term ends; lost says that it ended for it, or that it
// was over by then: whoever was stopped may find that out last.
func (l leases) renew(term context.Context, f fence, asked time.Time) (lost bool) {
	pause := l.third()
	end := time.NewTimer(time.Until(asked.Add(l.p.options.LeaseTTL)))
	defer end.Stop()
	over := func() bool { return time.Since(asked) >= l.p.options.LeaseTTL }
	for {
		select {
		case <-term.Done():
			return over()
		case <-end.C:
			return true
		case <-time.After(pause):
		}
		now := time.Now()
		within, cancel := context.WithDeadline(term, asked.Add(l.p.options.LeaseTTL))
		kept, err := l.extend(within, f)
		cancel()
		switch {
		case term.Err() != nil:
			return over()
		case err == nil && !kept:
			return true
		case err == nil:
			asked, pause = now, l.third()
			end.Reset(time.Until(asked.Add(l.p.options.LeaseTTL)))
		default:
			l.p.options.Log.Warn("a lease is not renewed yet", "lease", f.name, "error", err)
			pause = min(l.third(), l.p.options.RetryFirst)
		}
	}
}

// extend makes the term longer; false where another one has begun.
func (l leases) extend(ctx context.Context, f fence) (kept bool, err error) {
	err = l.p.terms.Batch(ctx, func(b readmodels.Batch) error {
		found, err := list(ctx, b, l.p.in(`UPDATE {state}.lease SET expires = clock_timestamp() + CAST(? AS interval)
			WHERE name = ? AND token = ? RETURNING name`), l.ttl(), f.name, f.token)
		kept = len(found) > 0
		return err
	})
	return kept, err
}

// release gives the lead up at once, if it is still held.
func (l leases) release(ctx context.Context, f fence) {
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.third())
	defer cancel()
	err := l.p.terms.Batch(within, func(b readmodels.Batch) error {
		err := b.Exec(within, l.p.in(`UPDATE {state}.lease SET expires = '-infinity' WHERE name = ? AND token = ?`), f.name, f.token)
		if err != nil {
			return err
		}
		return b.Exec(within, `SELECT pg_notify(?, ?)`, l.p.listener.leaseChannel(), f.name)
	})
	if err != nil {
		l.p.options.Log.Warn("a lease is not given up, and ends by itself", "lease", f.name, "error", err)
	}
}

// Check implements projections.Fence, for batches of the same database. What
// fails may be found out as late as the commit, like everything of a batch.
func (f fence) Check(ctx context.Context, b readmodels.Batch) error {
	return b.Exec(ctx, f.p.in(`SELECT {state}.fence(CAST(? AS text), CAST(? AS bigint))`), f.name, f.token)
}
