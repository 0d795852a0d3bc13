package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/parleyhq/parley/readmodels"
)

// maxStatements bounds the prepared statements of one connection.
const maxStatements = 256

// statement is one that is to be sent.
type statement struct {
	label   string // the text as it was given, for errors
	sql     string
	values  [][]byte
	formats []int16
}

// session is a connection that one goroutine holds.
type session struct {
	p    *Postgres
	conn *pgxpool.Conn
	pg   *pgconn.PgConn
	prep *prepared
	leak *time.Timer
}

// prepared are the statements that a connection knows. It lives as long as the
// connection.
type prepared struct {
	known  *simplelru.LRU[string, *pgconn.StatementDescription]
	forget []string // names to be given up with the next round trip
	made   int
}

const preparedKey = "parley" // of a connection's custom data

// session takes a connection of the pool. While none can be made it tries
// again, with pauses.
func (p *Postgres) session(ctx context.Context) (*session, error) {
	var c *pgxpool.Conn
	err := p.retry(ctx, func() (bool, error) {
		within, cancel := context.WithTimeout(ctx, p.options.CallTimeout)
		defer cancel()
		var err error
		if c, err = p.pool.Acquire(within); err != nil {
			return within.Err() == nil, fmt.Errorf("postgres: no connection: %w", unreachable(ctx, err))
		}
		return false, nil
	})
	if err != nil {
		return nil, err
	}
	s := &session{p: p, conn: c, pg: c.Conn().PgConn()}
	data := s.pg.CustomData()
	s.prep, _ = data[preparedKey].(*prepared)
	if s.prep == nil {
		s.prep = &prepared{}
		s.prep.known, _ = simplelru.NewLRU(maxStatements, func(_ string, d *pgconn.StatementDescription) {
			s.prep.forget = append(s.prep.forget, d.Name)
		})
		data[preparedKey] = s.prep
	}
	s.leak = time.AfterFunc(p.options.PoolLeak, func() {
		p.options.Log.Warn("a connection to Postgres has not been given back", "after", p.options.PoolLeak)
	})
	return s, nil
}

// unreachable is the error of a connection that was not had.
func unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %s", readmodels.ErrUnavailable, err.Error())
}

// release gives the connection back. What is still open there is rolled back;
// a connection that does not answer to that is closed.
func (s *session) release() {
	s.leak.Stop()
	if !s.pg.IsClosed() && s.pg.TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(context.Background(), s.p.options.CallTimeout)
		defer cancel()
		if err := s.pg.Exec(ctx, "ROLLBACK").Close(); err != nil {
			_ = s.conn.Conn().Close(ctx) // the pool makes another one
		}
	}
	s.conn.Release()
}

// round is one round trip: statements that were sent, whose results come in
// their order.
type round struct {
	s      *session
	ctx    context.Context // the caller's
	cancel context.CancelFunc
	pipe   *pgconn.Pipeline
	steps  []step
	now    *statement // whose result was given last
	failed *statement // the first that failed; nil: none, or it was no statement's
	err    error
}

// step is an answer that is awaited.
type step struct {
	of      *statement // nil: a statement is forgotten
	prepare string     // the name under which it is prepared; "": it is run
}

// send sends statements in one round trip. The first one that fails ends it:
// those behind it do not run.
func (s *session) send(ctx context.Context, list []statement) *round {
	within, cancel := context.WithTimeout(ctx, s.p.options.CallTimeout)
	r := &round{s: s, ctx: ctx, cancel: cancel, pipe: s.pg.StartPipeline(within)}
	for _, name := range s.prep.forget {
		r.pipe.SendDeallocate(name)
		r.steps = append(r.steps, step{})
	}
	s.prep.forget = s.prep.forget[:0]
	fresh := map[string]*pgconn.StatementDescription{}
	for i := range list {
		one := &list[i]
		d, ok := s.prep.known.Get(one.sql)
		if !ok {
			d, ok = fresh[one.sql]
		}
		if !ok {
			s.prep.made++
			// Without fields, so that the server describes what it answers.
			d = &pgconn.StatementDescription{Name: fmt.Sprintf("p%d", s.prep.made)}
			fresh[one.sql] = d
			r.pipe.SendPrepare(d.Name, one.sql, nil)
			r.steps = append(r.steps, step{of: one, prepare: d.Name})
		}
		r.pipe.SendQueryStatement(d, one.values, one.formats, nil)
		r.steps = append(r.steps, step{of: one})
	}
	if err := r.pipe.Sync(); err != nil {
		_ = r.fail(nil, err)
	}
	return r
}

// next is the result of the next statement; nil where there is none.
func (r *round) next() (*pgconn.ResultReader, error) {
	for r.err == nil && len(r.steps) > 0 {
		s := r.steps[0]
		r.steps = r.steps[1:]
		result, err := r.pipe.GetResults()
		if err == nil && result == nil {
			err = errors.New("the connection ended")
		}
		if err != nil {
			if s.of != nil {
				r.s.prep.known.Remove(s.of.sql) // it may be what fails: made for tables that have changed
			}
			return nil, r.fail(s.of, err)
		}
		switch result := result.(type) {
		case *pgconn.StatementDescription:
			result.Name = s.prepare
			r.s.prep.known.Add(s.of.sql, result)
		case *pgconn.ResultReader:
			r.now = s.of
			return result, nil
		}
	}
	return nil, r.err
}

// one reads the result of the next statement: its last row, as text. ok is
// false where there was no statement any more.
func (r *round) one() (row []string, ok bool, err error) {
	result, err := r.next()
	if err != nil || result == nil {
		return nil, false, err
	}
	for result.NextRow() {
		row = row[:0]
		for _, v := range result.Values() {
			row = append(row, string(v))
		}
	}
	if _, err := result.Close(); err != nil {
		return nil, false, r.fail(r.now, err)
	}
	return row, true, nil
}

// skip reads the results of the next n statements, or of fewer where there
// are no more.
func (r *round) skip(n int) error {
	for range n {
		if _, ok, err := r.one(); err != nil || !ok {
			return err
		}
	}
	return nil
}

// close reads what is left, and gives the first error of the round. It must be
// called before the next one.
func (r *round) close() error {
	defer r.cancel()
	_ = r.skip(len(r.steps)) // r.err has its error
	if err := r.pipe.Close(); err != nil {
		_ = r.fail(nil, err)
	}
	return r.err
}

// fail keeps the first error, with the statement to which it belongs.
func (r *round) fail(of *statement, err error) error {
	if r.err != nil {
		return r.err
	}
	err = classify(r.ctx, err)
	r.failed = of
	if of != nil {
		r.err = fmt.Errorf("postgres: %q: %w", of.label, err)
	} else {
		r.err = fmt.Errorf("postgres: %w", err)
	}
	return r.err
}
