package postgres

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// lines is a log that tells of each of its lines.
type lines struct {
	slog.Handler
	wrote chan struct{}
}

func (l lines) Enabled(context.Context, slog.Level) bool { return true }

func (l lines) Handle(context.Context, slog.Record) error {
	select {
	case l.wrote <- struct{}{}:
	default: // enough were told of
	}
	return nil
}

// O2: however long Postgres was away, positions are heard of again within a
// third of a lease, though other calls pause for longer.
func TestListensAgainSoon(t *testing.T) {
	t.Parallel()
	pool, err := pgxpool.New(t.Context(), "postgres://nobody@127.0.0.1:1/nothing?sslmode=disable") // where nobody listens
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	log := lines{slog.DiscardHandler, make(chan struct{}, 1000)}
	l := newListener(&Postgres{pool: pool, options: Options{
		RetryFirst: time.Millisecond, RetryLongest: time.Hour, LeaseTTL: 15 * time.Millisecond, ConnectTimeout: time.Second, Log: slog.New(log),
	}})
	_, stop := l.listen()
	defer l.close()
	defer stop()
	late := time.After(30 * time.Second)
	for tries := range 20 { // doubled each time, the last pause would be of minutes
		select {
		case <-log.wrote:
		case <-late:
			t.Fatalf("%d tries in 30 s", tries)
		}
	}
}
