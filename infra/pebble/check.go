package pebble

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"

	"github.com/parleyhq/parley/domain/event"
)

// check looks at an existing log before it is opened for writing, so that a
// damaged one is refused as it was found. It compares what the engine can read
// with what the write-ahead log says was durable, and reads the newest tables
// against their checksums.
//
// What it cannot see: damage to the last batch of a log that was killed within
// sealAfter of it, which looks like a write cut short; and damage in tables
// beyond Options.Verify, which a read finds.
func check(l *Log, lock *pebble.Lock) (err error) {
	defer func() {
		if r := recover(); r != nil { // the engine met something that it thought impossible
			err = fmt.Errorf("%w: %s: %v", event.ErrCorrupt, l.dir, r)
		}
	}()
	desc, err := pebble.Peek(l.dir, l.opts.FS)
	if err != nil {
		return damaged(l.dir, evidence{}, err)
	}
	e, err := examine(l.opts.FS, l.dir)
	if err != nil {
		return err
	}
	if !desc.Exists {
		if e.durable > 0 {
			return damaged(l.dir, e, errors.New("its manifest is missing"))
		}
		return nil
	}
	opts := engineOptions(l.opts, l.opts.FS, lock)
	opts.ReadOnly = true
	db, err := pebble.Open(l.dir, opts)
	if err != nil {
		return damaged(l.dir, e, err)
	}
	return errors.Join(compare(l, db, e), verify(l, db, opts), db.Close())
}

// compare holds what can be read to what was durable.
func compare(l *Log, db *pebble.DB, e evidence) error {
	head, err := newestPosition(db)
	if err != nil {
		return damaged(l.dir, e, err)
	}
	if head < e.durable {
		return damaged(l.dir, e, fmt.Errorf("position %d was durable, but the log ends at %d", e.durable, head))
	}
	for _, first := range e.firsts {
		if first < 2 || first-1 > head {
			continue
		}
		if _, err := idAt(db, first-1); err != nil {
			return damaged(l.dir, e, err)
		}
	}
	return nil
}

// damaged is event.ErrCorrupt, with file and offset as far as they are known.
func damaged(dir string, e evidence, err error) error {
	where := dir
	if e.damage != "" {
		where = e.damage
	}
	return fmt.Errorf("%w: %s: %w", event.ErrCorrupt, where, err)
}

// verify reads the newest tables against their checksums.
func verify(l *Log, db *pebble.DB, opts *pebble.Options) error {
	levels, err := db.SSTables()
	if err != nil {
		return damaged(l.dir, evidence{}, err)
	}
	tables := slices.Concat(levels...)
	slices.SortFunc(tables, func(a, b pebble.SSTableInfo) int { return cmp.Compare(b.BackingSSTNum, a.BackingSSTNum) })
	paths := make(chan string)
	errs := make([]error, runtime.GOMAXPROCS(0))
	var readers sync.WaitGroup
	for i := range errs {
		readers.Go(func() {
			for path := range paths {
				errs[i] = errors.Join(errs[i], verifyTable(l, path, opts.MakeReaderOptions()))
			}
		})
	}
	size := uint64(0)
	for _, t := range tables {
		if size += t.Size; size > l.opts.Verify {
			break
		}
		paths <- l.opts.FS.PathJoin(l.dir, fmt.Sprintf("%s.sst", t.BackingSSTNum))
	}
	close(paths)
	readers.Wait()
	return errors.Join(errs...)
}

// verifyTable reads one table. The engine's error names the block by its
// offset.
func verifyTable(l *Log, path string, opts sstable.ReaderOptions) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %s: %v", event.ErrCorrupt, path, r)
		}
	}()
	file, err := l.opts.FS.Open(path)
	if err != nil {
		return damaged(path, evidence{}, err)
	}
	readable, err := sstable.NewSimpleReadable(file)
	if err != nil {
		return damaged(path, evidence{}, errors.Join(err, file.Close()))
	}
	r, err := sstable.NewReader(context.Background(), readable, opts)
	if err != nil {
		return damaged(path, evidence{}, err)
	}
	if err := r.ValidateBlockChecksums(); err != nil {
		return errors.Join(damaged(path, evidence{}, err), r.Close())
	}
	return r.Close()
}
