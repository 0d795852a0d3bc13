package postgres

import (
	"context"
	"errors"

	"github.com/parleyhq/parley/readmodels"
)

// DB is the tables of one schema. It may be used from any number of
// goroutines; batches wait for each other.
type DB struct {
	p *Postgres
	// schema is where its tables are; "" where the session finds them: those
	// of the state.
	schema string
	// family is whose live generation it reads, whatever that is at the time;
	// such a DB writes nothing.
	family string
	// shared says that other processes write there too. Then a batch is
	// serialisable, and begins again when it met another.
	shared bool
	turn   chan struct{} // held by the batch that is under way; nil: they need not wait
}

var _ readmodels.DB = (*DB)(nil)

func newTurn() chan struct{} { return make(chan struct{}, 1) }

const (
	beginRead   = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`
	beginShared = `BEGIN ISOLATION LEVEL SERIALIZABLE`
	beginAlone  = `BEGIN ISOLATION LEVEL READ COMMITTED`
	commit      = `COMMIT`
	setPath     = `SELECT set_config('search_path', $1, true)`
)

// begin makes a transaction, which nothing is sent of yet.
func (d *DB) begin(how string) *tx {
	t := &tx{p: d.p, opening: []statement{d.p.fixed(how)}}
	switch {
	case d.family != "":
		t.opening = append(t.opening, d.p.fixed(d.p.resolve, d.family))
		t.opened = func(row []string) error {
			if len(row) == 0 || row[0] == "" {
				return readmodels.ErrNoGeneration
			}
			return nil
		}
	case d.schema != "":
		t.opening = append(t.opening, d.p.fixed(setPath, quoted(d.schema)))
	}
	return t
}

// Query implements readmodels.Reader: a transaction of its own, in one round
// trip.
func (d *DB) Query(ctx context.Context, query string, args ...any) (readmodels.Rows, error) {
	r := &reader{d: d}
	found, err := r.first(ctx, query, args, d.p.fixed(commit))
	if err != nil {
		r.end()
		return nil, err
	}
	done := found.done
	found.done = func() {
		done()
		r.end()
	}
	return found, nil
}

// Read implements readmodels.DB.
func (d *DB) Read(ctx context.Context, f func(readmodels.Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := &reader{d: d}
	defer r.end()
	return f(r)
}

// reader is a snapshot. Its first query takes it, and is asked again where the
// connection turns out to be dead, or the generation to be dropped since it
// was looked up: nothing has been told of it yet.
type reader struct {
	d  *DB
	tx *tx
}

// Query implements readmodels.Reader.
func (r *reader) Query(ctx context.Context, query string, args ...any) (readmodels.Rows, error) {
	if r.tx != nil {
		return r.tx.Query(ctx, query, args...)
	}
	found, err := r.first(ctx, query, args)
	if err != nil {
		return nil, err
	}
	return found, nil
}

func (r *reader) first(ctx context.Context, query string, args []any, after ...statement) (found *rows, err error) {
	one, _, err := r.d.p.statement(query, args)
	if err != nil {
		return nil, err
	}
	moved := 0
	err = r.d.p.retry(ctx, func() (bool, error) {
		for {
			r.end()
			r.tx = r.d.begin(beginRead)
			if err := r.tx.usable(ctx); err != nil {
				return false, err
			}
			r.tx.queue = append(r.tx.queue, one)
			if found, err = r.tx.query(ctx, after...); err == nil {
				return false, nil
			}
			if moved++; moved > maxMoved || !r.moved(err) {
				return broken(err) && r.tx.begun, err
			}
		}
	})
	return found, err
}

// maxMoved bounds how often one query meets a swap.
const maxMoved = 5

// moved says that tables may be elsewhere, or others, than they were when the
// query began.
func (r *reader) moved(err error) bool {
	switch code(err) {
	case codeChangedResult:
		return true
	case codeUndefinedTable, codeUndefinedSchema:
		return r.d.family != ""
	}
	return false
}

func (r *reader) end() {
	if r.tx != nil {
		r.tx.end()
	}
}

// Batch implements readmodels.DB. Where other processes write too, f may run
// again after it met what another one wrote, or the connection broke.
func (d *DB) Batch(ctx context.Context, f func(readmodels.Batch) error) error {
	if d.family != "" {
		return errors.New("postgres: the live generation is read here, not written")
	}
	if d.turn != nil {
		select {
		case d.turn <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		defer func() { <-d.turn }()
	}
	how := beginAlone
	if d.shared {
		how = beginShared
	}
	return d.p.retry(ctx, func() (bool, error) {
		t := d.begin(how)
		defer t.end()
		err := f(t)
		if err == nil {
			err = t.commit(ctx)
		}
		return d.shared && (met(err) || broken(err) && t.begun && !t.doubt), err
	})
}

// met says that a batch met what another one wrote at the same time.
func met(err error) bool {
	c := code(err)
	return c == codeSerialization || c == codeDeadlock
}
