package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/parleyhq/parley/readmodels"
)

// announcements implements projections.Announcements: a row for each name, and
// a notification that Postgres delivers when the transaction commits.
type announcements struct{ p *Postgres }

// Announce implements projections.Announcements.
func (a announcements) Announce(ctx context.Context, b readmodels.Batch, name string, position uint64) error {
	if name == "" || strings.ContainsAny(name, " \x00") {
		return fmt.Errorf("postgres: %q is no name for a progress", name)
	}
	err := b.Exec(ctx, a.p.in(`INSERT INTO {state}.progress (name, position) VALUES (?, ?)
		ON CONFLICT (name) DO UPDATE SET position = excluded.position`), name, position)
	if err != nil {
		return err
	}
	return b.Exec(ctx, `SELECT pg_notify(?, ?)`, a.p.listener.progressChannel(), name+" "+strconv.FormatUint(position, 10))
}

// Follow implements projections.Announcements.
func (a announcements) Follow(ctx context.Context, reach func(name string, position uint64)) error {
	e, stop := a.p.listener.listen()
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-e.wake:
		}
		heard, _ := e.take()
		for _, x := range heard {
			if ctx.Err() != nil {
				return nil
			}
			reach(x.name, x.at)
		}
	}
}
