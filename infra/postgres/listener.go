package postgres

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// listener is the one connection, outside the pool, on which this process
// hears what others notify. It begins with the first who wants to hear, and
// makes a new connection whenever one breaks.
type listener struct {
	p *Postgres

	mu     sync.Mutex
	newest map[string]uint64 // positions by name
	ears   map[*ear]bool
	cancel context.CancelFunc
	ended  chan struct{} // nil before the first
}

// maxHeard bounds what waits for one who listens. Beyond it, the newest of each
// name is told instead, as after a broken connection.
const maxHeard = 4096

// ear is somebody who listens.
type ear struct {
	mu    sync.Mutex
	heard []position    // in the order in which they came
	wake  chan struct{} // of one place
	free  bool          // a lease was given up
}

type position struct {
	name string
	at   uint64
}

func newListener(p *Postgres) *listener {
	return &listener{p: p, newest: map[string]uint64{}, ears: map[*ear]bool{}}
}

func (l *listener) progressChannel() string { return l.p.stateSchema + "_progress" }
func (l *listener) leaseChannel() string    { return l.p.stateSchema + "_lease" }

// listen begins to listen until stop is called. What is known is told at once.
func (l *listener) listen() (e *ear, stop func()) {
	e = &ear{wake: make(chan struct{}, 1)}
	l.mu.Lock()
	defer l.mu.Unlock()
	e.hear(l.all()...)
	l.ears[e] = true
	if l.ended == nil {
		var ctx context.Context
		ctx, l.cancel = context.WithCancel(context.Background())
		l.ended = make(chan struct{})
		go l.run(ctx)
	}
	return e, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.ears, e)
	}
}

func (l *listener) close() {
	l.mu.Lock()
	ended := l.ended
	l.mu.Unlock()
	if ended != nil {
		l.cancel()
		<-ended
	}
}

func (l *listener) run(ctx context.Context) {
	defer close(l.ended)
	pause := l.p.options.RetryFirst
	for {
		heard, err := l.hear(ctx)
		if ctx.Err() != nil {
			return
		}
		if heard {
			pause = l.p.options.RetryFirst
		}
		l.p.options.Log.Warn("Postgres' notifications are interrupted", "pause", pause, "error", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		// Who waits for a position waits for this, long after the server is back.
		pause = min(2*pause, l.p.options.RetryLongest, l.p.options.LeaseTTL/3)
	}
}

// hear listens on one connection until it breaks; heard says that it did at
// all.
func (l *listener) hear(ctx context.Context) (heard bool, err error) {
	c, err := pgx.ConnectConfig(ctx, l.p.pool.Config().ConnConfig)
	if err != nil {
		return false, err
	}
	defer func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.p.options.ConnectTimeout)
		defer cancel()
		_ = c.Close(last)
	}()
	listen := "LISTEN " + quoted(l.progressChannel()) + "; LISTEN " + quoted(l.leaseChannel())
	if err := c.PgConn().Exec(ctx, listen).Close(); err != nil {
		return false, err
	}
	for {
		// First after listening, so that nothing lies between; then whenever it
		// was silent, which also finds out whether the connection is alive.
		if err := l.read(ctx, c, !heard); err != nil {
			return heard, err
		}
		heard = true
		if err := l.wait(ctx, c); err != nil {
			return heard, err
		}
	}
}

// read reads the newest positions, and tells those that are news, or all.
func (l *listener) read(ctx context.Context, c *pgx.Conn, all bool) error {
	within, cancel := context.WithTimeout(ctx, l.p.options.LeaseTTL)
	defer cancel()
	results, err := c.PgConn().Exec(within, l.p.in(`SELECT name, position FROM {state}.progress ORDER BY name`)).ReadAll()
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, row := range results[0].Rows {
		at, err := strconv.ParseUint(string(row[1]), 10, 63)
		if err != nil {
			return err
		}
		if all || at > l.newest[string(row[0])] {
			l.tell(position{string(row[0]), at})
		}
	}
	return nil
}

// wait hears notifications until there was none for the time of a lease.
func (l *listener) wait(ctx context.Context, c *pgx.Conn) error {
	for {
		within, cancel := context.WithTimeout(ctx, l.p.options.LeaseTTL)
		n, err := c.WaitForNotification(within)
		silent := within.Err() != nil && ctx.Err() == nil
		cancel()
		if err != nil && silent && !c.IsClosed() {
			return nil
		}
		if err != nil {
			return err
		}
		if n.Channel == l.leaseChannel() {
			l.freed()
			continue
		}
		name, text, _ := strings.Cut(n.Payload, " ")
		at, err := strconv.ParseUint(text, 10, 63)
		if err != nil {
			return errors.New("not one of our notifications: " + n.Payload)
		}
		l.mu.Lock()
		if known, ok := l.newest[name]; !ok || at > known { // else it was read before
			l.tell(position{name, at})
		}
		l.mu.Unlock()
	}
}

// tell tells everybody of a position. The caller holds mu.
func (l *listener) tell(x position) {
	l.newest[x.name] = x.at
	for e := range l.ears {
		if !e.hear(x) {
			e.restart(l.all())
		}
	}
}

// all are the newest positions, in the order of their names. The caller holds
// mu.
func (l *listener) all() []position {
	var all []position
	for _, name := range slices.Sorted(maps.Keys(l.newest)) {
		all = append(all, position{name, l.newest[name]})
	}
	return all
}

// freed tells everybody that a lease was given up.
func (l *listener) freed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for e := range l.ears {
		e.mu.Lock()
		e.free = true
		e.mu.Unlock()
		e.rouse()
	}
}

// hear takes what is to be told; false where too much waits.
func (e *ear) hear(news ...position) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	defer e.rouse()
	if len(e.heard) >= maxHeard {
		return false
	}
	e.heard = append(e.heard, news...)
	return true
}

func (e *ear) restart(all []position) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = all
}

// take is what waits.
func (e *ear) take() (heard []position, free bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	heard, free = e.heard, e.free
	e.heard, e.free = nil, false
	return heard, free
}

func (e *ear) rouse() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}
