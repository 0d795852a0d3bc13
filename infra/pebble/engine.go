package pebble

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/parleyhq/parley/domain/event"
)

// engineOptions keeps the engine small: the log is one of several stores in a
// process that should idle in 60 MiB.
func engineOptions(o Options, filesystem vfs.FS, lock *pebble.Lock) *pebble.Options {
	logger := engineLogger{o.Logger}
	opts := &pebble.Options{
		FS:                          filesystem,
		Lock:                        lock,
		Logger:                      logger,
		CacheSize:                   o.Cache,
		MemTableSize:                o.Memtable,
		DisableTableStats:           true, // they serve deletions, of which there are none
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       6,
		L0StopWritesThreshold:       1000, // one sequencer: a stall would stop everybody, reading L0 is cheap enough
		LBaseMaxBytes:               64 << 20,
		MaxOpenFiles:                500,
		BytesPerSync:                512 << 10,
		FormatMajorVersion:          pebble.FormatWALSyncChunks,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 },
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) { logger.Errorf("background: %v", err) },
			DataCorruption:  func(info pebble.DataCorruptionInfo) { logger.Errorf("corruption: %v", info) },
		},
	}
	opts.Experimental.SpanPolicyFunc = apart
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10) // names of streams that do not exist yet
		opts.Levels[i].BlockSize = 8 << 10
	}
	return opts
}

// apart keeps keys of different prefixes in different tables. Records arrive in
// the order of their keys, so their tables never overlap and move down the
// levels without being written again; only the small revision keys are merged.
// This makes appends from many writers twice as fast.
func apart(start []byte) (policy pebble.SpanPolicy, end []byte, err error) {
	if len(start) == 0 || start[0] == 0xFF {
		return policy, nil, nil
	}
	return policy, []byte{start[0] + 1}, nil
}

// engineLogger passes errors on. What the engine calls fatal is a mistake in
// the program or a file that vanished: disk keeps all errors of a disk from
// it. The engine must not go on then, and does not say which locks it holds,
// so the process ends and a restart recovers.
type engineLogger struct{ log *slog.Logger }

func (l engineLogger) Infof(string, ...any) {}

func (l engineLogger) Errorf(format string, args ...any) {
	l.log.Error("event log engine: " + fmt.Sprintf(format, args...))
}

func (l engineLogger) Fatalf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	l.log.Error("event log engine: " + text)
	panic("event log engine: " + text)
}

// readError makes event.ErrCorrupt of what the engine calls corruption.
func readError(err error) error {
	if err != nil && pebble.IsCorruptionError(err) {
		return fmt.Errorf("%w: %w", event.ErrCorrupt, err)
	}
	return err
}

// openError names the folder.
func openError(dir string, err error) error {
	switch {
	case errors.Is(err, event.ErrFull), errors.Is(err, event.ErrUnsynced):
		return fmt.Errorf("open the event log in %s: %w", dir, err)
	case pebble.IsCorruptionError(err):
		return fmt.Errorf("%w: %s: %w", event.ErrCorrupt, dir, err)
	}
	return fmt.Errorf("open the event log in %s: %w", dir, err)
}

// newestPosition is the position of the last record, 0 without one.
func newestPosition(db *pebble.DB) (position uint64, err error) {
	err = last(db, []byte{prefixRecord}, []byte{prefixRecord + 1}, func(key, _ []byte) (ok bool) {
		position, ok = positionOf(key)
		return ok
	})
	return position, err
}

// newestNumber is the last number that was given to a stream, 0 without one.
func newestNumber(db *pebble.DB) (number uint64, err error) {
	err = last(db, []byte{prefixRevision}, []byte{prefixRevision + 1}, func(key, _ []byte) (ok bool) {
		number, _, ok = revisionOf(key)
		return ok
	})
	return number, err
}

// last hands the last pair of a span to take, if there is one; take says false
// to a key that is none.
func last(db *pebble.DB, lower, upper []byte, take func(key, value []byte) bool) error {
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return readError(err)
	}
	if it.Last() && !take(it.Key(), it.Value()) {
		return errors.Join(fmt.Errorf("%w: key %x", event.ErrCorrupt, it.Key()), it.Close())
	}
	return readError(errors.Join(it.Error(), it.Close()))
}
