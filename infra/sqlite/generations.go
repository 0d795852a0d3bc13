package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/parleyhq/parley/readmodels"
)

// Generations keeps each generation in <dir>/<name>.db and the live one's
// name in <dir>/live.
type Generations struct {
	dir string

	mu   sync.Mutex
	open map[string]*generation
	live string // "" before the first Swap
}

type generation struct {
	db     *DB
	refs   int  // answers that read it
	doomed bool // to be dropped when refs is 0
}

var _ readmodels.Generations = (*Generations)(nil)

// Names also have to be good names of schemas in Postgres.
var goodName = regexp.MustCompile(`^[a-z0-9_]{1,63}$`)

// OpenGenerations opens the generations kept in dir, which is made if absent.
// One process at a time may have it open.
func OpenGenerations(dir string) (*Generations, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	g := &Generations{dir: dir, open: map[string]*generation{}}
	name, err := os.ReadFile(g.pointer())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	g.live = strings.TrimSpace(string(name))
	if g.live != "" && !goodName.MatchString(g.live) {
		return nil, fmt.Errorf("sqlite: %s names %q, which is no generation", g.pointer(), g.live)
	}
	return g, nil
}

func (g *Generations) pointer() string         { return filepath.Join(g.dir, "live") }
func (g *Generations) file(name string) string { return filepath.Join(g.dir, name+".db") }

// Create implements readmodels.Generations.
func (g *Generations) Create(ctx context.Context, name string, schema []string) (readmodels.DB, error) {
	if !goodName.MatchString(name) {
		return nil, fmt.Errorf("sqlite: %q is no name for a generation", name)
	}
	g.mu.Lock()
	gen, err := g.get(ctx, name)
	g.mu.Unlock() // reads of the live one must not wait for the schema
	if err != nil {
		return nil, err
	}
	if err := gen.db.Ensure(ctx, schema...); err != nil {
		return nil, fmt.Errorf("sqlite: schema of %s: %w", name, err)
	}
	return gen.db, nil
}

func (g *Generations) get(ctx context.Context, name string) (*generation, error) {
	if gen := g.open[name]; gen != nil {
		if gen.doomed {
			return nil, fmt.Errorf("sqlite: generation %s is being dropped", name)
		}
		return gen, nil
	}
	db, err := open(ctx, g.file(name), "NORMAL")
	if err != nil {
		return nil, err
	}
	gen := &generation{db: db}
	g.open[name] = gen
	return gen, nil
}

// Live implements readmodels.Generations.
func (g *Generations) Live(ctx context.Context) (readmodels.DB, string, func(), error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	name := g.live
	if name == "" {
		return nil, "", nil, readmodels.ErrNoGeneration
	}
	if g.open[name] == nil {
		if _, err := os.Stat(g.file(name)); err != nil { // deleted by hand: to be built again
			return nil, "", nil, readmodels.ErrNoGeneration
		}
	}
	gen, err := g.get(ctx, name)
	if err != nil {
		return nil, "", nil, err
	}
	gen.refs++
	return gen.db, name, sync.OnceFunc(func() { g.release(name, gen) }), nil
}

// ReadLive implements readmodels.Generations.
func (g *Generations) ReadLive(ctx context.Context, f func(readmodels.Reader) error) error {
	db, _, release, err := g.Live(ctx)
	if err != nil {
		return err
	}
	defer release()
	return db.Read(ctx, f)
}

func (g *Generations) release(name string, gen *generation) {
	g.mu.Lock()
	gen.refs--
	last := gen.doomed && gen.refs == 0
	g.mu.Unlock()
	if last {
		_ = g.drop(name, gen) // what stays on the disk goes at the next Swap
	}
}

// Swap implements readmodels.Generations: within runs in a transaction of the
// generation right before the change. Files that an earlier process left in
// dir are dropped too.
func (g *Generations) Swap(ctx context.Context, name string, within func(context.Context, readmodels.Batch) error) error {
	if within != nil {
		if err := g.prepare(ctx, name, within); err != nil {
			return err
		}
	}
	victims, err := g.doom(name)
	if err != nil {
		return err
	}
	for other, gen := range victims {
		if err := g.drop(other, gen); err != nil {
			return fmt.Errorf("sqlite: drop %s: %w", other, err)
		}
	}
	return g.sweep()
}

// prepare runs within in a transaction of a generation that may be swapped to.
func (g *Generations) prepare(ctx context.Context, name string, within func(context.Context, readmodels.Batch) error) error {
	g.mu.Lock()
	gen := g.open[name]
	ok := gen != nil && !gen.doomed
	g.mu.Unlock()
	if !ok {
		return notCreated(name)
	}
	return gen.db.Batch(ctx, func(b readmodels.Batch) error { return within(ctx, b) })
}

func notCreated(name string) error { return fmt.Errorf("sqlite: generation %q was not created", name) }

// doom makes name live and gives the others that nobody reads.
func (g *Generations) doom(name string) (map[string]*generation, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if gen := g.open[name]; gen == nil || gen.doomed {
		return nil, notCreated(name)
	}
	if err := g.point(name); err != nil {
		return nil, fmt.Errorf("sqlite: swap to %s: %w", name, err)
	}
	g.live = name
	victims := map[string]*generation{}
	for other, gen := range g.open {
		if other == name || gen.doomed {
			continue
		}
		gen.doomed = true
		if gen.refs == 0 {
			victims[other] = gen
		}
	}
	return victims, nil
}

// point makes name live on the disk, all or nothing.
func (g *Generations) point(name string) error {
	temp := g.pointer() + ".new"
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(name + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp, g.pointer()); err != nil {
		return err
	}
	dir, err := os.Open(g.dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// drop closes and removes a doomed generation; that takes its time, so nobody
// else waits for it.
func (g *Generations) drop(name string, gen *generation) error {
	err := errors.Join(gen.db.Close(), remove(g.file(name)))
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.open, name)
	return err
}

func remove(file string) error {
	var err error
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if e := os.Remove(file + suffix); e != nil && !errors.Is(e, os.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// sweep removes files that nobody has open.
func (g *Generations) sweep() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	files, err := filepath.Glob(g.file("*"))
	if err != nil {
		return err
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".db")
		if g.open[name] == nil {
			err = errors.Join(err, remove(file))
		}
	}
	return err
}

// Close closes every generation. Nothing may be reading any more.
func (g *Generations) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	var err error
	for name, gen := range g.open {
		err = errors.Join(err, gen.db.Close())
		delete(g.open, name)
	}
	return err
}
