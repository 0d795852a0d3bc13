package postgres

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/parleyhq/parley/readmodels"
)

// Generations keeps each generation of a family in a schema <prefix>_<name>,
// and which one is live in the state's schema.
type Generations struct {
	p      *Postgres
	family string
}

// pins counts the answers of this process that read a generation, by name.
type pins struct {
	looking sync.RWMutex // read-locked while Live looks up a name and pins it

	mu    sync.Mutex
	count map[string]int
}

func (x *pins) add(name string, by int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.count[name] += by; x.count[name] == 0 {
		delete(x.count, name)
	}
}

func (x *pins) has(name string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.count[name] > 0
}

// settle waits for those who are looking up a name.
func (x *pins) settle() {
	x.looking.Lock()
	defer x.looking.Unlock()
}

var _ readmodels.Generations = (*Generations)(nil)

// What is reserved under the prefix.
var reserved = []string{"state", "keys"}

var goodName = regexp.MustCompile(`^[a-z0-9_]+$`)

// maxName is how long names may be in Postgres, in bytes: what is longer is
// cut without a word.
const maxName = 63

func (g *Generations) named(name string) error {
	if !goodName.MatchString(name) || slices.Contains(reserved, name) || len(g.schema(name)) > maxName {
		return fmt.Errorf("postgres: %q is no name for a generation", name)
	}
	return nil
}

// Generations are those of a family: of one projector with one layout of its
// tables, so that another release has others. As long as this process runs,
// the family is kept.
func (p *Postgres) Generations(family string) *Generations {
	p.presence.of(family)
	return &Generations{p: p, family: family}
}

func (g *Generations) schema(name string) string { return g.p.options.Prefix + "_" + name }

// Create implements readmodels.Generations. Errors: what else bears that name
// is not touched.
func (g *Generations) Create(ctx context.Context, name string, schema []string) (readmodels.DB, error) {
	if err := g.named(name); err != nil {
		return nil, err
	}
	if err := g.p.terms.Batch(ctx, func(b readmodels.Batch) error { return g.found(ctx, b, name) }); err != nil {
		return nil, fmt.Errorf("postgres: generation %s: %w", name, err)
	}
	db := &DB{p: g.p, schema: g.schema(name), turn: newTurn()}
	err := db.Batch(ctx, func(b readmodels.Batch) error {
		for _, s := range schema {
			if err := b.Exec(ctx, s); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("postgres: schema of %s: %w", name, err)
	}
	return db, nil
}

// found makes the schema of a generation, or finds it. What waits to be
// dropped is dropped first.
func (g *Generations) found(ctx context.Context, b readmodels.Batch, name string) error {
	if err := b.Exec(ctx, `SELECT pg_advisory_xact_lock(CAST(? AS bigint))`, g.p.makingLock); err != nil {
		return err
	}
	known, err := list(ctx, b, g.p.in(`SELECT family, CAST(retired AS text) FROM {state}.generation WHERE name = ?`), name)
	if err != nil {
		return err
	}
	schema := quoted(g.schema(name))
	switch {
	case len(known) == 0:
		if err := b.Exec(ctx, `CREATE SCHEMA `+schema); err != nil { // fails where it is somebody else's
			return err
		}
		return b.Exec(ctx, g.p.in(`INSERT INTO {state}.generation (name, family, retired) VALUES (?, ?, 0)`), name, g.family)
	case known[0][0] != g.family:
		return fmt.Errorf("it belongs to the family %s", known[0][0])
	case known[0][1] != "0" && g.p.pins.has(name):
		return errors.New("it is being dropped")
	case known[0][1] != "0":
		if err := b.Exec(ctx, `DROP SCHEMA IF EXISTS `+schema+` CASCADE`); err != nil {
			return err
		}
		if err := b.Exec(ctx, g.p.in(`UPDATE {state}.generation SET retired = 0 WHERE name = ?`), name); err != nil {
			return err
		}
	}
	return b.Exec(ctx, `CREATE SCHEMA IF NOT EXISTS `+schema) // somebody may have dropped it by hand
}

// resolve finds the live generation of a family and sets the path to it for
// this transaction; it gives an empty text where there is none, or no more.
const resolve = `SELECT set_config('search_path', coalesce((SELECT quote_ident('{prefix}_' || name) FROM {state}.live
	WHERE family = $1 AND to_regnamespace(quote_ident('{prefix}_' || name)) IS NOT NULL), ''), true)`

// Live implements readmodels.Generations. This process keeps the generation
// until release; where another one drops it before, queries fail with
// readmodels.ErrUnavailable.
func (g *Generations) Live(ctx context.Context) (readmodels.DB, string, func(), error) {
	g.p.pins.looking.RLock()
	defer g.p.pins.looking.RUnlock()
	name, err := g.p.show(ctx, g.p.in(`SELECT name FROM {state}.live
		WHERE family = ? AND to_regnamespace(quote_ident('{prefix}_' || name)) IS NOT NULL`), g.family)
	if err != nil {
		return nil, "", nil, err
	}
	if name == "" {
		return nil, "", nil, readmodels.ErrNoGeneration
	}
	g.p.pins.add(name, 1)
	return &DB{p: g.p, schema: g.schema(name), turn: newTurn()}, name, sync.OnceFunc(func() { g.p.pins.add(name, -1) }), nil
}

// ReadLive implements readmodels.Generations: which generation is live is
// looked up in the snapshot that is read, so that whatever was announced by
// the new one is seen, whichever process made it live.
func (g *Generations) ReadLive(ctx context.Context, f func(readmodels.Reader) error) error {
	return (&DB{p: g.p, family: g.family}).Read(ctx, f)
}

// Swap implements readmodels.Generations: within and the change are one
// transaction. What cannot be dropped yet, because somebody reads it, is
// dropped later.
func (g *Generations) Swap(ctx context.Context, name string, within func(context.Context, readmodels.Batch) error) error {
	if err := g.named(name); err != nil {
		return err
	}
	db := &DB{p: g.p, schema: g.schema(name)}
	err := db.Batch(ctx, func(b readmodels.Batch) error {
		if within != nil {
			if err := within(ctx, b); err != nil {
				return err
			}
		}
		known, err := list(ctx, b, g.p.in(`INSERT INTO {state}.live (family, name) SELECT family, name FROM {state}.generation
			WHERE name = ? AND family = ? AND retired = 0
			ON CONFLICT (family) DO UPDATE SET name = excluded.name RETURNING name`), name, g.family)
		if err == nil && len(known) == 0 {
			err = errors.New("it was not created")
		}
		if err != nil {
			return err
		}
		return b.Exec(ctx, g.p.in(`UPDATE {state}.generation SET retired = 1 WHERE family = ? AND name <> ?`), g.family, name)
	})
	if err != nil {
		return fmt.Errorf("postgres: swap to %s: %w", name, err)
	}
	swapped, err := g.p.now(ctx)
	if err != nil {
		return err
	}
	g.p.pins.settle()
	return g.p.dropRetired(ctx, g.family, swapped)
}

// dropRetired drops what nobody reads any more of a family's generations that
// were retired before a time.
func (p *Postgres) dropRetired(ctx context.Context, family, before string) error {
	retired, err := list(ctx, p.terms, p.in(`SELECT name FROM {state}.generation WHERE family = ? AND retired = 1`), family)
	if err != nil || len(retired) == 0 {
		return err
	}
	if ok, err := p.drained(ctx, before); err != nil || !ok {
		return err
	}
	for _, row := range retired {
		if p.pins.has(row[0]) {
			continue
		}
		if err := p.drop(ctx, row[0], ` AND retired = 1`); err != nil && !errors.Is(err, readmodels.ErrUnavailable) {
			return err
		}
	}
	return nil
}

// now is the time of the database.
func (p *Postgres) now(ctx context.Context) (string, error) {
	return p.show(ctx, `SELECT CAST(clock_timestamp() AS text)`)
}

// drained waits until every transaction has ended that began before a time:
// it may have looked up a generation that is live no more. false: not within
// the time that is set for it.
func (p *Postgres) drained(ctx context.Context, before string) (bool, error) {
	const pause = 10 * time.Millisecond
	deadline := time.Now().Add(p.options.DropWait)
	for {
		busy, err := p.show(ctx, `SELECT CAST(count(*) AS text) FROM pg_stat_activity WHERE datname = current_database()
			AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND xact_start <= CAST(? AS timestamptz)`, before)
		if err != nil || busy == "0" {
			return err == nil, err
		}
		if time.Now().After(deadline) {
			return false, nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// drop drops a generation, if it is still as the condition says. It waits for
// nobody: who reads it goes on, and it stays for another time.
func (p *Postgres) drop(ctx context.Context, name, condition string) error {
	err := p.terms.Batch(ctx, func(b readmodels.Batch) error {
		if err := b.Exec(ctx, `SELECT pg_advisory_xact_lock(CAST(? AS bigint))`, p.makingLock); err != nil {
			return err
		}
		gone, err := list(ctx, b, p.in(`DELETE FROM {state}.generation WHERE name = ?`+condition+` RETURNING name`), name)
		if err != nil || len(gone) == 0 {
			return err
		}
		if err := b.Exec(ctx, `SET LOCAL lock_timeout = '100ms'`); err != nil {
			return err
		}
		return b.Exec(ctx, `DROP SCHEMA IF EXISTS `+quoted(p.options.Prefix+"_"+name)+` CASCADE`)
	})
	if err != nil {
		return fmt.Errorf("postgres: drop %s: %w", name, err)
	}
	return nil
}

// list gathers the rows of a query, all of whose columns are texts.
func list(ctx context.Context, r readmodels.Reader, query string, args ...any) (all [][]string, err error) {
	found, err := r.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	for found.Next() {
		values := [2]string{}
		row, into := values[:], []any{&values[0], &values[1]}
		if n := found.(*rows).columns(); n < len(row) {
			row, into = row[:n], into[:n]
		}
		if err := found.Scan(into...); err != nil {
			return nil, errors.Join(err, found.Close())
		}
		all = append(all, row)
	}
	return all, errors.Join(found.Err(), found.Close())
}
