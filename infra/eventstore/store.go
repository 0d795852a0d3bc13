package eventstore

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"github.com/parleyhq/parley/domain/event"
)

// lanes are the BatchAppend calls that appends are spread over. A server takes
// the batches of one call in turn; of one stream they come in one lane.
const lanes = 8

// Options of Open. URL must be set; the zero value of the rest is good.
type Options struct {
	// URL is a connection string of the official clients:
	// esdb://user:password@host:2113, esdb+discover:// or several hosts for a
	// cluster, ?tls=false without TLS. Of a cluster the leader is used.
	URL string

	ConnectTimeout time.Duration // how long Open tries; 0: 10 s
	AppendTimeout  time.Duration // how long an append tries, lost answers included; 0: 10 s
	ReadTimeout    time.Duration // how long a read bears silence; tails bear any; 0: 10 s
	BackoffMin     time.Duration // the first wait before something is tried again; 0: 50 ms
	BackoffMax     time.Duration // the longest such wait; 0: 2 s
	Log            *slog.Logger  // nil: nothing is logged
}

func (o Options) withDefaults() Options {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&o.ConnectTimeout, 10 * time.Second},
		{&o.AppendTimeout, 10 * time.Second},
		{&o.ReadTimeout, 10 * time.Second},
		{&o.BackoffMin, 50 * time.Millisecond},
		{&o.BackoffMax, 2 * time.Second},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Store is the log on a server. Open makes it.
type Store struct {
	opts  Options
	link  *link
	lanes [lanes]*lane
	seed  maphash.Seed

	written atomic.Uint64 // newest position that an append of ours had

	life    context.Context // ends with Close
	end     context.CancelFunc
	running sync.WaitGroup // of lanes
}

var _ event.Store = (*Store)(nil)

// Open connects and makes sure that the server can do what is needed.
// Errors: a URL that is none; a server that does not answer for
// ConnectTimeout, refuses the credentials, or is older than 22.10.
func Open(ctx context.Context, opts Options) (*Store, error) {
	s := &Store{opts: opts.withDefaults(), seed: maphash.MakeSeed()}
	var err error
	if s.link, err = newLink(s.opts); err != nil {
		return nil, err
	}
	s.life, s.end = context.WithCancel(context.Background())
	for i := range s.lanes {
		s.lanes[i] = newLane(s, uint64(i))
		s.running.Go(s.lanes[i].run)
	}
	if err := s.greet(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// greet tries the connection until it works.
func (s *Store) greet(ctx context.Context) error {
	trying, cancel := context.WithTimeout(ctx, s.opts.ConnectTimeout)
	defer cancel()
	for pause := s.pause(); ; {
		err := s.link.check(trying)
		if err == nil {
			_, err = s.headOnce(trying)
		}
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case !transient(err):
			return fmt.Errorf("event store %s: %w", s.link.name, err)
		}
		if pause.wait(trying) != nil {
			return fmt.Errorf("event store %s does not answer: %w", s.link.name, err)
		}
	}
}

// Close ends whatever is under way with event.ErrClosed and closes the
// connection. An append under way took effect or not.
func (s *Store) Close() error {
	s.end()
	s.running.Wait()
	return s.link.close()
}

// during is ctx, ended too when the store is closed.
func (s *Store) during(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	unhook := context.AfterFunc(s.life, cancel)
	return ctx, func() { unhook(); cancel() }
}

// over says why a call of that context must end; nil if it need not.
func (s *Store) over(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.life.Err() != nil {
		return event.ErrClosed
	}
	return nil
}

// client is a connection and the service on it.
func (s *Store) client(ctx context.Context) (*connection, streams.StreamsClient, error) {
	c, err := s.link.get(ctx)
	if err != nil {
		return nil, nil, err
	}
	return c, streams.NewStreamsClient(c), nil
}

// pause is the wait between two tries. It doubles up to its bound, and varies
// so that those who lost the server together do not come back together.
type pause struct {
	min, max, next time.Duration
}

func (s *Store) pause() *pause { return &pause{min: s.opts.BackoffMin, max: s.opts.BackoffMax} }

func (p *pause) reset() { p.next = 0 }

// fresh says that nothing was waited for yet.
func (p *pause) fresh() bool { return p.next == 0 }

// wait waits, at most until ctx ends, whose error it returns.
func (p *pause) wait(ctx context.Context) error {
	p.next = min(max(2*p.next, p.min), p.max)
	t := time.NewTimer(p.next/2 + rand.N(p.next/2+1))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
