package postgres

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"regexp"
	"strconv"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/parleyhq/parley/projections"
)

// Options are what Open needs. Zero values of all but URL mean the defaults
// given.
type Options struct {
	URL    string // postgres://…; parameters that pgx knows may stand in it
	Prefix string // of the schemas' names; "parley"

	PoolMax  int           // connections at most; 50
	PoolIdle time.Duration // after which an unused one is closed; 300 s
	PoolLeak time.Duration // after which one that is not given back is logged; 60 s

	ConnectTimeout time.Duration // of one connection; 5 s
	CallTimeout    time.Duration // of one statement with its rows, and of waiting for a connection; 30 s
	Retries        int           // of what failed and may be done again; 6; below 0: none
	RetryFirst     time.Duration // pause before the first of them, doubled up to RetryLongest; 50 ms
	RetryLongest   time.Duration // 2 s

	LeaseTTL       time.Duration // of a leader that does not renew, and of a transaction that is left open; 10 s
	GenerationKeep time.Duration // how long generations stay of which no process is left; 24 h
	DropWait       time.Duration // how long a swap waits for readers before it leaves the dropping for later; 5 s

	Log *slog.Logger // nothing
}

var goodPrefix = regexp.MustCompile(`^[a-z][a-z0-9_]{0,19}$`)

func (o *Options) fill() error {
	if o.Prefix == "" {
		o.Prefix = "parley"
	}
	if !goodPrefix.MatchString(o.Prefix) {
		return fmt.Errorf("postgres: %q is no prefix: 1 to 20 of a–z, 0–9 and _, a letter first", o.Prefix)
	}
	if o.PoolMax <= 0 {
		o.PoolMax = 50
	}
	if o.Retries == 0 {
		o.Retries = 6
	}
	for d, standard := range map[*time.Duration]time.Duration{
		&o.PoolIdle: 300 * time.Second, &o.PoolLeak: 60 * time.Second,
		&o.ConnectTimeout: 5 * time.Second, &o.CallTimeout: 30 * time.Second,
		&o.RetryFirst: 50 * time.Millisecond, &o.RetryLongest: 2 * time.Second,
		&o.LeaseTTL: 10 * time.Second, &o.GenerationKeep: 24 * time.Hour, &o.DropWait: 5 * time.Second,
	} {
		if *d <= 0 {
			*d = standard
		}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

// Postgres is one database, as one process uses it.
type Postgres struct {
	options  Options
	pool     *pgxpool.Pool
	retries  failsafe.Executor[bool]
	dialect  dialect
	resolve  string // the statement that finds the live generation of a family
	state    *DB
	keys     *DB
	terms    *DB // of this package's own tables: nobody waits for anybody else's batch
	pins     pins
	listener *listener
	presence *presence

	stateSchema, keySchema string
	makingLock             string // number of the advisory lock of whoever makes or drops things
}

// Open connects, and makes what is not there yet: however many processes
// start at once, it is made once. Errors: readmodels.ErrUnavailable where the
// database does not answer; what is wrong with the URL, without its password.
func Open(ctx context.Context, options Options) (*Postgres, error) {
	if err := options.fill(); err != nil {
		return nil, err
	}
	p := &Postgres{options: options, dialect: newDialect(), pins: pins{count: map[string]int{}}}
	p.stateSchema, p.keySchema = options.Prefix+"_state", options.Prefix+"_keys"
	p.makingLock = lockNumber(p.stateSchema)
	p.resolve = p.in(resolve)
	config, err := p.config()
	if err != nil {
		return nil, err
	}
	p.retries = failsafe.With(retrypolicy.NewBuilder[bool]().
		HandleIf(func(again bool, _ error) bool { return again }).
		WithBackoff(options.RetryFirst, max(options.RetryLongest, options.RetryFirst+1)).WithJitterFactor(0.2).
		WithMaxRetries(max(options.Retries, 0)).ReturnLastFailure().Build())
	if p.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	p.state = &DB{p: p, shared: true, turn: newTurn()}
	p.keys = &DB{p: p, schema: p.keySchema, shared: true, turn: newTurn()}
	p.terms = &DB{p: p}
	if err := p.prepare(ctx); err != nil {
		p.pool.Close()
		return nil, err
	}
	p.listener = newListener(p)
	p.presence = newPresence(p)
	return p, nil
}

// config says what every connection is like.
func (p *Postgres) config() (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(p.options.URL)
	if err != nil {
		// pgx names what it could not parse; a password might be in it
		return nil, errors.New("postgres: the URL is not of the form postgres://user:password@host:port/database?parameters")
	}
	config.MaxConns = int32(min(p.options.PoolMax, 1<<20)) //nolint:gosec // bounded here
	config.MaxConnIdleTime = p.options.PoolIdle
	config.PingTimeout = p.options.ConnectTimeout
	c := config.ConnConfig
	c.ConnectTimeout = p.options.ConnectTimeout
	seconds := func(d time.Duration) string { return strconv.Itoa(max(1, int(d/time.Second))) }
	millis := func(d time.Duration) string { return strconv.FormatInt(max(1, d.Milliseconds()), 10) }
	for name, value := range map[string]string{
		"application_name": p.options.Prefix,
		"search_path":      quoted(p.stateSchema),
		// A process that stops answering must not keep its locks: neither in an
		// open transaction, nor while an answer cannot be sent to it.
		"idle_in_transaction_session_timeout": millis(p.options.LeaseTTL),
		"tcp_user_timeout":                    millis(p.options.LeaseTTL),
		"tcp_keepalives_idle":                 seconds(p.options.LeaseTTL / 2),
		"tcp_keepalives_interval":             seconds(p.options.LeaseTTL / 6),
		"tcp_keepalives_count":                "3",
		"statement_timeout":                   millis(p.options.CallTimeout),
		"client_min_messages":                 "warning",
	} {
		c.RuntimeParams[name] = value
	}
	return config, nil
}

// retry calls f until it does not ask for it again, with pauses, as often as
// is set. The error is the last one of f, or the context's.
func (p *Postgres) retry(ctx context.Context, f func() (again bool, err error)) error {
	ran, again, err := false, false, error(nil)
	_, _ = p.retries.WithContext(ctx).Get(func() (bool, error) {
		ran = true
		again, err = f()
		return again, err
	})
	if !ran || again && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// lockNumber is the number of an advisory lock.
func lockNumber(name string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return strconv.FormatInt(int64(h.Sum64()), 10) //nolint:gosec // any number will do
}

// State is for what cannot be rebuilt.
func (p *Postgres) State() *DB { return p.state }

// Keys is a schema of its own for the keyring.
func (p *Postgres) Keys() Keys { return Keys{p.keys} }

// Leases says which process leads what.
func (p *Postgres) Leases() projections.Leases { return leases{p} }

// Announcements carry positions from leaders to everybody.
func (p *Postgres) Announcements() projections.Announcements { return announcements{p} }

// Ping says whether the database answers. Errors: readmodels.ErrUnavailable.
func (p *Postgres) Ping(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, p.options.ConnectTimeout)
	defer cancel()
	if err := p.pool.Ping(within); err != nil {
		return fmt.Errorf("postgres: %w", unreachable(ctx, err))
	}
	return nil
}

// Close ends what runs in the background and closes every connection, once it
// was given back. Leads and Follows have ended before. Errors: a connection
// was not given back for as long as a call may take.
func (p *Postgres) Close() error {
	p.presence.close()
	p.listener.close()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		p.pool.Close()
	}()
	select {
	case <-closed:
		return nil
	case <-time.After(p.options.CallTimeout):
		return fmt.Errorf("postgres: %d connections were not given back", p.pool.Stat().AcquiredConns())
	}
}

// Keys is the keyring's database.
type Keys struct{ *DB }

// Vacuum frees what updates and deletions of a table left behind, as far as no
// older snapshot needs it. Errors: readmodels.ErrUnavailable.
func (k Keys) Vacuum(ctx context.Context, table string) error {
	s, err := k.p.session(ctx)
	if err != nil {
		return err
	}
	defer s.release()
	within, cancel := context.WithTimeout(ctx, k.p.options.CallTimeout)
	defer cancel()
	name := quoted(k.schema) + "." + quoted(table)
	if err := s.pg.Exec(within, "VACUUM "+name).Close(); err != nil {
		return fmt.Errorf("postgres: vacuum %s: %w", name, classify(ctx, err))
	}
	return nil
}
