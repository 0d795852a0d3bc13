package readmodels

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

const lastSeenTable = `CREATE TABLE IF NOT EXISTS session_seen (session text PRIMARY KEY, at bigint NOT NULL)`

const lastSeenIndex = `CREATE INDEX IF NOT EXISTS session_seen_at ON session_seen (at)`

// maxLastSeen bounds how many sessions are noted between two writes; others
// are as old as their last refresh says.
const maxLastSeen = 100_000

// LastSeenConfig times the notes.
type LastSeenConfig struct {
	DB    DB            // the state: it is in no log
	Every time.Duration // between two writes
	Keep  time.Duration // a note older than that is of no session that lives
	Now   func() time.Time
	Log   *slog.Logger
}

// LastSeen remembers when sessions were used. What was noted since the last
// write is lost with the process.
type LastSeen struct {
	cfg LastSeenConfig

	mu    sync.Mutex
	noted map[uuid.UUID]time.Time // since the last write
}

// NewLastSeen makes the table if it is not there.
func NewLastSeen(ctx context.Context, cfg LastSeenConfig) (*LastSeen, error) {
	err := cfg.DB.Batch(ctx, func(b Batch) error {
		return cmp.Or(b.Exec(ctx, lastSeenTable), b.Exec(ctx, lastSeenIndex))
	})
	if err != nil {
		return nil, fmt.Errorf("when sessions were used: %w", err)
	}
	return &LastSeen{cfg: cfg, noted: map[uuid.UUID]time.Time{}}, nil
}

// Note remembers that a session was used. It waits for nothing.
func (l *LastSeen) Note(session uuid.UUID, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.noted[session]; known || len(l.noted) < maxLastSeen {
		l.noted[session] = at
	}
}

// Run writes down what was noted, until ctx ends, and then once more.
func (l *LastSeen) Run(ctx context.Context) error {
	ticks := time.NewTicker(l.cfg.Every)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.cfg.Every)
			defer cancel()
			l.write(last)
			return nil
		case <-ticks.C:
			l.write(ctx)
		}
	}
}

func (l *LastSeen) write(ctx context.Context) {
	l.mu.Lock()
	noted := l.noted
	l.noted = make(map[uuid.UUID]time.Time, len(noted))
	l.mu.Unlock()
	// In one order, so that nodes do not lock each other's rows crosswise.
	order := slices.SortedFunc(maps.Keys(noted), func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	for part := range slices.Chunk(order, 500) {
		err := l.cfg.DB.Batch(ctx, func(b Batch) error {
			for _, id := range part {
				err := b.Exec(ctx, `INSERT INTO session_seen (session, at) VALUES (?, ?)
					ON CONFLICT (session) DO UPDATE SET at = excluded.at WHERE session_seen.at < excluded.at`, id.String(), millis(noted[id]))
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			l.cfg.Log.WarnContext(ctx, "when sessions were used is not written down", "sessions", len(order), "error", err)
			return
		}
	}
	err := l.cfg.DB.Batch(ctx, func(b Batch) error {
		return b.Exec(ctx, `DELETE FROM session_seen WHERE at < ?`, millis(l.cfg.Now().Add(-l.cfg.Keep)))
	})
	if err != nil {
		l.cfg.Log.WarnContext(ctx, "notes of sessions that are over stay", "error", err)
	}
}

// Of is when each of the sessions was used last, as far as that is known: by
// this process until now, by others until they last wrote it down.
func (l *LastSeen) Of(ctx context.Context, sessions ...uuid.UUID) (map[uuid.UUID]time.Time, error) {
	seen := make(map[uuid.UUID]time.Time, len(sessions))
	if len(sessions) == 0 {
		return seen, nil
	}
	args := make([]any, len(sessions))
	for i, id := range sessions {
		args[i] = id.String()
	}
	rows, err := collect(ctx, l.cfg.DB, scanSeen, `SELECT session, at FROM session_seen WHERE session IN (`+marks(len(args))+`)`, args...)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		seen[r.session] = r.at
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range sessions {
		if at, ok := l.noted[id]; ok && at.After(seen[id]) {
			seen[id] = at
		}
	}
	return seen, nil
}

type seenRow struct {
	session uuid.UUID
	at      time.Time
}

func scanSeen(rows Rows) (seenRow, error) {
	var id string
	var at int64
	err := rows.Scan(&id, &at)
	return seenRow{idOf(id), fromMillis(at)}, err
}
