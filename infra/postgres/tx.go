package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/parleyhq/parley/readmodels"
)

// Bounds of what a batch keeps before it sends it.
const (
	maxQueued      = 2000    // statements
	maxQueuedBytes = 4 << 20 // of their arguments
)

// errOpenRows is a programmer's mistake: a connection answers one thing at a
// time.
var errOpenRows = errors.New("postgres: the rows of an earlier query are not closed")

// tx is one transaction. It begins with the first statement that is sent.
type tx struct {
	p       *Postgres
	s       *session    // nil until then, and after the end
	begun   bool        // something was sent
	opening []statement // BEGIN and what must come behind it
	opened  func(row []string) error
	queue   []statement
	bytes   int
	making  bool // holds the lock of whoever makes things
	reading bool // rows are open
	doubt   bool // the end was sent and not answered: how it went is known to the server alone
	err     error
}

// Exec implements readmodels.Batch: the statement waits in the queue.
func (t *tx) Exec(ctx context.Context, query string, args ...any) error {
	if err := t.usable(ctx); err != nil {
		return err
	}
	one, ddl, err := t.p.statement(query, args)
	if err != nil {
		return err
	}
	if ddl && !t.making { // others may be making the same now
		t.making = true
		t.queue = append(t.queue, t.p.fixed(`SELECT pg_advisory_xact_lock($1)`, t.p.makingLock))
	}
	t.queue = append(t.queue, one)
	for _, v := range one.values {
		t.bytes += len(v)
	}
	if len(t.queue) < maxQueued && t.bytes < maxQueuedBytes {
		return nil
	}
	return t.flush(ctx)
}

// Query implements readmodels.Reader: it sends what waits, and itself.
func (t *tx) Query(ctx context.Context, query string, args ...any) (readmodels.Rows, error) {
	if err := t.usable(ctx); err != nil {
		return nil, err
	}
	one, _, err := t.p.statement(query, args)
	if err != nil {
		return nil, err
	}
	t.queue = append(t.queue, one)
	r, err := t.query(ctx)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// usable says why nothing can be sent any more, or now.
func (t *tx) usable(ctx context.Context) error {
	switch {
	case t.err != nil:
		return t.err
	case ctx.Err() != nil:
		return ctx.Err()
	case t.reading:
		return errOpenRows
	}
	return nil
}

// flush sends what waits.
func (t *tx) flush(ctx context.Context) error {
	if len(t.queue) == 0 {
		return nil
	}
	ending := t.queue[len(t.queue)-1].label == commit
	r, err := t.send(ctx)
	if err == nil {
		err = r.close()
	}
	// What the server refuses before it comes to the end, it has not ended.
	t.doubt = ending && err != nil && t.begun && (code(err) == "" || r == nil || r.failed == nil || r.failed.label == commit)
	return t.failed(err)
}

// query sends what waits, whose last statement gives rows, and what comes
// after it.
func (t *tx) query(ctx context.Context, after ...statement) (*rows, error) {
	n := len(t.queue)
	t.queue = append(t.queue, after...)
	r, err := t.send(ctx)
	if err != nil {
		return nil, t.failed(err)
	}
	if err := r.skip(n - 1); err != nil {
		_ = r.close()
		return nil, t.failed(err)
	}
	result, err := r.next()
	if err != nil {
		_ = r.close()
		return nil, t.failed(err)
	}
	t.reading = true
	return &rows{round: r, result: result, types: t.s.conn.Conn().TypeMap(), done: func() {
		t.reading = false
		_ = t.failed(r.err)
	}}, nil
}

// send sends what waits, before the first of it what opens the transaction,
// whose results it reads. The round is closed where there is an error.
func (t *tx) send(ctx context.Context) (*round, error) {
	opening := t.opening
	if t.s == nil {
		s, err := t.p.session(ctx)
		if err != nil {
			return nil, err
		}
		t.s = s
	}
	t.opening, t.begun = nil, true
	r := t.s.send(ctx, append(opening, t.queue...))
	t.queue, t.bytes = t.queue[:0], 0
	for i := range opening {
		row, _, err := r.one()
		if err == nil && i == len(opening)-1 && t.opened != nil {
			err = t.opened(row)
		}
		if err != nil {
			_ = r.close()
			return r, err
		}
	}
	return r, nil
}

// failed keeps the first error: after it, nothing more can happen here.
func (t *tx) failed(err error) error {
	if err != nil && t.err == nil {
		t.err = err
	}
	return err
}

// commit sends what waits, and the end.
func (t *tx) commit(ctx context.Context) error {
	if err := t.usable(ctx); err != nil {
		return err
	}
	if !t.begun && len(t.queue) == 0 {
		return nil // nothing was done
	}
	t.queue = append(t.queue, t.p.fixed(commit))
	return t.flush(ctx)
}

// end gives the connection back; what was not committed is rolled back.
func (t *tx) end() {
	if t.s != nil {
		t.s.release()
		t.s = nil
	}
	if t.err == nil {
		t.err = errors.New("postgres: the transaction has ended")
	}
}

// statement makes one of the common subset ready to be sent.
func (p *Postgres) statement(query string, args []any) (one statement, ddl bool, err error) {
	text := p.dialect.text(query)
	if text.asks != len(args) {
		return one, false, fmt.Errorf("postgres: %q: %d arguments for %d parameters", query, len(args), text.asks)
	}
	values, formats, err := parameters(args)
	if err != nil {
		return one, false, fmt.Errorf("postgres: %q: %w", query, err)
	}
	return statement{label: query, sql: text.sql, values: values, formats: formats}, text.ddl, nil
}

// fixed makes one of this package ready; its arguments are texts.
func (p *Postgres) fixed(sql string, args ...string) statement {
	one := statement{label: sql, sql: sql}
	for _, a := range args {
		one.values = append(one.values, []byte(a))
	}
	return one
}
