package bleve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"

	"github.com/parleyhq/parley/readmodels"
)

// lockWait is how long opening waits for another process that has the index;
// the data folder belongs to one process, so that is one which is just ending.
const lockWait = "5s"

// Engine keeps each generation in <dir>/<name> and the name of a family's live
// one in <dir>/<family>.live.
type Engine struct {
	dir string
	log *slog.Logger

	mu   sync.Mutex
	open map[string]*Index
	live map[string]string // by family, as far as known
}

var _ readmodels.SearchEngine = (*Engine)(nil)

var goodName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

const liveSuffix = ".live"

// Open opens the indexes kept in dir, which is made if absent. One process at
// a time may have it open. log is told of indexes that are thrown away.
func Open(dir string, log *slog.Logger) (*Engine, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("bleve: %w", err)
	}
	return &Engine{dir: dir, log: log, open: map[string]*Index{}, live: map[string]string{}}, nil
}

func (e *Engine) folder(name string) string    { return filepath.Join(e.dir, name) }
func (e *Engine) pointer(family string) string { return filepath.Join(e.dir, family+liveSuffix) }

// Create implements readmodels.SearchEngine.
func (e *Engine) Create(_ context.Context, name string) (readmodels.SearchIndex, error) {
	if !goodName.MatchString(name) {
		return nil, fmt.Errorf("bleve: %q is no name for a generation", name)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	i, err := e.get(name)
	if !errors.Is(err, readmodels.ErrNoGeneration) {
		return i, err
	}
	fields, err := newMapping()
	if err != nil {
		return nil, fmt.Errorf("bleve: mapping: %w", err)
	}
	made, err := bleve.NewUsing(e.folder(name), fields, scorch.Name, scorch.Name, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: bleve: create %s: %w", readmodels.ErrUnavailable, name, err)
	}
	i = newIndex(made)
	e.open[name] = i
	return i, nil
}

// get opens what is there of a generation; ErrNoGeneration where that is
// nothing, or nothing that can be used, which is removed then.
func (e *Engine) get(name string) (*Index, error) {
	if i := e.open[name]; i != nil {
		return i, nil
	}
	if err := register(); err != nil {
		return nil, fmt.Errorf("bleve: %w", err)
	}
	if _, err := os.Stat(e.folder(name)); errors.Is(err, os.ErrNotExist) {
		return nil, readmodels.ErrNoGeneration
	}
	found, err := e.load(name)
	if err == nil {
		i := newIndex(found)
		e.open[name] = i
		return i, nil
	}
	if transient(err) {
		return nil, fmt.Errorf("%w: bleve: open %s: %w", readmodels.ErrUnavailable, name, err)
	}
	e.log.Error("a search index is damaged and will be built again", "index", e.folder(name), "error", err)
	if err := os.RemoveAll(e.folder(name)); err != nil {
		return nil, fmt.Errorf("%w: bleve: remove %s: %w", readmodels.ErrUnavailable, name, err)
	}
	return nil, readmodels.ErrNoGeneration
}

// load opens an index whose checksums hold. bleve maps its files into memory
// and believes them: a flipped bit would be a panic much later.
func (e *Engine) load(name string) (found bleve.Index, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // of a file that ends before what it says is in it
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	if err := checkFiles(e.folder(name)); err != nil {
		return nil, err
	}
	return bleve.OpenUsing(e.folder(name), map[string]any{"bolt_timeout": lockWait})
}

// Live implements readmodels.SearchEngine.
func (e *Engine) Live(_ context.Context, family string) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	name, _, err := e.liveOf(family)
	return name, err
}

func (e *Engine) liveOf(family string) (string, *Index, error) {
	name := e.live[family]
	if name == "" {
		text, err := os.ReadFile(e.pointer(family))
		if errors.Is(err, os.ErrNotExist) {
			return "", nil, readmodels.ErrNoGeneration
		}
		if err != nil {
			return "", nil, fmt.Errorf("%w: bleve: %w", readmodels.ErrUnavailable, err)
		}
		if name = strings.TrimSpace(string(text)); !goodName.MatchString(name) {
			e.log.Error("a file names no search index; one will be built", "file", e.pointer(family))
			return "", nil, readmodels.ErrNoGeneration
		}
	}
	i, err := e.get(name)
	if err != nil {
		return "", nil, err
	}
	e.live[family] = name
	return name, i, nil
}

// Search implements readmodels.SearchEngine.
func (e *Engine) Search(ctx context.Context, family string, q readmodels.SearchQuery) ([]readmodels.Place, error) {
	e.mu.Lock()
	_, i, err := e.liveOf(family)
	if err == nil {
		i.readers.Add(1)
	}
	e.mu.Unlock()
	if err != nil {
		return nil, err
	}
	defer i.readers.Done()
	if len(q.Words) == 0 {
		return nil, nil
	}
	return i.find(ctx, q)
}

// Swap implements readmodels.SearchEngine. As one process has the folder,
// what other families left there is dropped too.
func (e *Engine) Swap(_ context.Context, family, name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, err := e.get(name); err != nil {
		return fmt.Errorf("bleve: swap to %s: %w", name, err)
	}
	if err := replace(e.pointer(family), name+"\n"); err != nil {
		return fmt.Errorf("%w: bleve: swap to %s: %w", readmodels.ErrUnavailable, name, err)
	}
	clear(e.live)
	e.live[family] = name
	return e.sweep(family, name)
}

// sweep removes everything but a family's live generation.
func (e *Engine) sweep(family, name string) error {
	entries, err := os.ReadDir(e.dir)
	if err != nil {
		return fmt.Errorf("bleve: %w", err)
	}
	var errs []error
	for _, entry := range entries {
		switch other := entry.Name(); {
		case other == name || other == family+liveSuffix:
		case entry.IsDir():
			errs = append(errs, e.drop(other))
		default:
			errs = append(errs, os.Remove(e.folder(other)))
		}
	}
	return errors.Join(errs...)
}

// Drop implements readmodels.SearchEngine.
func (e *Engine) Drop(_ context.Context, name string) error {
	if !goodName.MatchString(name) {
		return fmt.Errorf("bleve: %q is no name for a generation", name)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, live := range e.live {
		if live == name {
			return fmt.Errorf("bleve: generation %s is live", name)
		}
	}
	return e.drop(name)
}

// drop closes a generation when its last search is done; that is soon.
func (e *Engine) drop(name string) error {
	var err error
	if i := e.open[name]; i != nil {
		delete(e.open, name)
		err = i.close()
	}
	return errors.Join(err, os.RemoveAll(e.folder(name)))
}

// Close closes every generation, when the searches under way are done.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var errs []error
	for name, i := range e.open {
		errs = append(errs, i.close())
		delete(e.open, name)
	}
	return errors.Join(errs...)
}
