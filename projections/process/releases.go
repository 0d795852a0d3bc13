package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/readmodels"
)

// ErrOldRelease says that the community's log may hold events which this
// release cannot read.
var ErrOldRelease = errors.New("this release is too old for the community")

const leaveTimeout = 2 * time.Second // to strike a process off the list when it stops

// ReleasesConfig is what Releases need.
type ReleasesConfig struct {
	DB        readmodels.DB // of the state
	Commands  *commands.Commands
	Catalogue *event.Catalogue
	Node      string // name of this process among all others
	Roles     []string
	Version   string
	TTL       time.Duration // a process that was silent for this long is gone
	Every     time.Duration // how often it is looked, while a release is being rolled out too
	Now       func() time.Time
	Log       *slog.Logger
}

// Releases lets processes of two releases work together. Every process keeps
// itself on a list, with the types of events that it can read. A type that is
// new is written only after all on the list can read it, which the log then
// says once and for ever; a process that cannot read what the log allows does
// not begin, and stops if it has begun at that very moment.
type Releases struct {
	cfg   ReleasesConfig
	types string // JSON
}

const nodeTable = `CREATE TABLE IF NOT EXISTS node (
	id text PRIMARY KEY, roles text NOT NULL, version text NOT NULL, types text NOT NULL, seen_at bigint NOT NULL)`

// NewReleases makes the list if it is not there.
func NewReleases(ctx context.Context, cfg ReleasesConfig) (*Releases, error) {
	err := cfg.DB.Batch(ctx, func(b readmodels.Batch) error { return b.Exec(ctx, nodeTable) })
	if err != nil {
		return nil, fmt.Errorf("list of processes: %w", err)
	}
	var names []string
	for _, d := range cfg.Catalogue.Definitions() {
		names = append(names, d.Name)
	}
	slices.Sort(names)
	types, err := json.Marshal(names)
	return &Releases{cfg: cfg, types: string(types)}, err
}

// Begin puts this process on the list and looks where the release stands; it
// is called before anything is written or read. Errors: ErrOldRelease.
func (r *Releases) Begin(ctx context.Context) error {
	// First on the list, then a look at the log: whoever enables a type looks
	// the other way round, so one of the two sees the other.
	if err := r.appear(ctx); err != nil {
		return err
	}
	_, err := r.look(ctx)
	return err
}

// Run keeps the process on the list until ctx ends, and enables what all can
// read. Errors: ErrOldRelease.
func (r *Releases) Run(ctx context.Context) error {
	defer r.leave(ctx)
	beat := time.NewTicker(min(r.cfg.TTL/3, r.cfg.Every))
	defer beat.Stop()
	seen := r.cfg.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-beat.C:
		}
		var err error
		if now := r.cfg.Now(); now.Sub(seen) >= r.cfg.TTL/3 {
			if err = r.appear(ctx); err == nil {
				seen = now
			}
		}
		if err == nil {
			_, err = r.look(ctx)
		}
		if errors.Is(err, ErrOldRelease) {
			return err
		}
		if err != nil && ctx.Err() == nil {
			r.cfg.Log.Warn("where the release stands is not known", "error", err)
		}
	}
}

// look compares the release with the log, and enables what is pending once
// everybody on the list can read it.
func (r *Releases) look(ctx context.Context) (commands.Release, error) {
	release, err := r.cfg.Commands.CheckRelease(ctx)
	if err != nil {
		return release, err
	}
	if len(release.Unknown) > 0 {
		return release, fmt.Errorf("%w: it cannot read %s; start the newest release that ran here, or a newer one", ErrOldRelease, strings.Join(release.Unknown, ", "))
	}
	if len(release.Pending) == 0 {
		return release, nil
	}
	behind, err := r.behind(ctx, release.Pending)
	if err != nil || behind != "" {
		if behind != "" {
			r.cfg.Log.Debug("new types of events wait for an older process", "process", behind)
		}
		return release, err
	}
	if err := r.cfg.Commands.EnableTypes(ctx); err != nil {
		return release, err
	}
	if release.Begun { // on a new log all types are, which is no news
		r.cfg.Log.Info("new types of events may be written", "types", release.Pending)
	}
	return r.cfg.Commands.CheckRelease(ctx)
}

// behind is a living process that cannot read all of types; "" when all can.
func (r *Releases) behind(ctx context.Context, types []string) (node string, err error) {
	rows, err := r.cfg.DB.Query(ctx, `SELECT id, types FROM node WHERE seen_at > ? ORDER BY id`, r.cfg.Now().Add(-r.cfg.TTL).UnixMilli())
	if err != nil {
		return "", err
	}
	for rows.Next() && err == nil && node == "" {
		var id, list string
		var known []string
		if err = rows.Scan(&id, &list); err == nil {
			err = json.Unmarshal([]byte(list), &known)
		}
		if slices.ContainsFunc(types, func(name string) bool { return !slices.Contains(known, name) }) {
			node = id
		}
	}
	return node, errors.Join(err, rows.Err(), rows.Close())
}

func (r *Releases) appear(ctx context.Context) error {
	now := r.cfg.Now()
	return r.cfg.DB.Batch(ctx, func(b readmodels.Batch) error {
		// Whoever was gone for this long does not come back under its name.
		if err := b.Exec(ctx, `DELETE FROM node WHERE seen_at < ?`, now.Add(-10*r.cfg.TTL).UnixMilli()); err != nil {
			return err
		}
		return b.Exec(ctx, `INSERT INTO node (id, roles, version, types, seen_at) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET roles = excluded.roles, version = excluded.version, types = excluded.types, seen_at = excluded.seen_at`,
			r.cfg.Node, strings.Join(r.cfg.Roles, ","), r.cfg.Version, r.types, now.UnixMilli())
	})
}

func (r *Releases) leave(ctx context.Context) {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
	defer cancel()
	err := r.cfg.DB.Batch(last, func(b readmodels.Batch) error {
		return b.Exec(last, `DELETE FROM node WHERE id = ?`, r.cfg.Node)
	})
	if err != nil {
		r.cfg.Log.Warn("this process stays on the list until it counts as gone", "error", err)
	}
}
