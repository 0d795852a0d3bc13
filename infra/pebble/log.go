package pebble

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/parleyhq/parley/domain/event"
)

// Options of Open. The zero value is good.
type Options struct {
	FS     vfs.FS           // the file system; nil: the machine's
	Now    func() time.Time // the log's clock, for events without a time; nil: time.Now
	Logger *slog.Logger     // nil: nothing is logged

	MaxEvent int // bytes of data and metadata of one event; 0: event.MaxSize. A server for others leaves them room for fields of their own.

	Cache    int64  // bytes of block cache; 0: 8 MiB
	Memtable uint64 // bytes of a memtable, of which up to four exist under load; 0: 4 MiB
	Streams  int    // newest revisions kept in memory; 0: 16,384, at least 2 × maxGroup
	Reserve  uint64 // appends are refused when less than this is free on the disk; 0: 8 MiB
	Verify   uint64 // bytes of the newest tables that Open reads against their checksums; 0: 256 MiB
	Ballast  uint64 // bytes of a file that is given up when the disk fills all the same; 0: 4 MiB
}

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MaxEvent == 0 {
		o.MaxEvent = event.MaxSize
	}
	if o.Cache == 0 {
		o.Cache = 8 << 20
	}
	if o.Memtable == 0 {
		o.Memtable = 4 << 20
	}
	if o.Streams == 0 {
		o.Streams = 16 << 10
	}
	o.Streams = max(o.Streams, 2*maxGroup)
	if o.Reserve == 0 {
		o.Reserve = 8 << 20
	}
	if o.Verify == 0 {
		o.Verify = 256 << 20
	}
	if o.Ballast == 0 {
		o.Ballast = 4 << 20
	}
	return o
}

// Log is the embedded log. It implements event.Store; Open makes it.
type Log struct {
	opts Options
	dir  string
	db   *pebble.DB
	disk *disk
	lock *folder

	queue   chan *request // bounded by maxGroup
	flights chan flight   // bounded by maxFlights
	seq     *sequencer

	head atomic.Uint64 // newest durable position
	ring *ring

	closing chan struct{} // closed when Close begins
	stopped chan struct{} // closed when the sequencer and the finisher are done
	once    sync.Once
	result  error // of the one Close

	reading sync.RWMutex // held for reading by whoever uses db, for writing to close it
	closed  bool
}

var _ event.Store = (*Log)(nil)

// Open opens the log in the folder dir and makes it if there is none. The
// folder belongs to the log alone.
//
// Errors, each one sentence that names the folder: ErrInUse, ErrUnwritable,
// ErrForeign; event.ErrCorrupt where something acknowledged is missing or
// fails its checksum, with file and offset; event.ErrFull and
// event.ErrUnsynced when the disk does not take what an opening writes.
func Open(dir string, opts Options) (*Log, error) {
	o := opts.withDefaults()
	f, err := openFolder(o.FS, dir)
	if err != nil {
		return nil, err
	}
	l := &Log{
		opts: o, dir: dir, lock: f, disk: newDisk(o, dir),
		queue:   make(chan *request, maxGroup),
		flights: make(chan flight, maxFlights),
		closing: make(chan struct{}),
		stopped: make(chan struct{}),
	}
	if err := l.start(f); err != nil {
		return nil, errors.Join(err, f.release(l.disk.abandoned()))
	}
	return l, nil
}

// start opens the engine, checks what it finds and begins to sequence.
func (l *Log) start(f *folder) error {
	if err := check(l, f.lock); err != nil {
		return err
	}
	if err := l.disk.guarded(func() (err error) {
		l.db, err = pebble.Open(l.dir, engineOptions(l.opts, l.disk, f.lock))
		return err
	}); err != nil {
		return openError(l.dir, err)
	}
	if err := l.recover(); err != nil {
		return errors.Join(err, l.disk.guarded(l.db.Close))
	}
	if !l.disk.ballast.Load() {
		l.disk.refill()
	}
	go l.run()
	return nil
}

// recover reads where the log ends and, in a new one, writes the format.
func (l *Log) recover() error {
	if err := l.checkFormat(); err != nil {
		return err
	}
	head, err := newestPosition(l.db)
	if err != nil {
		return fmt.Errorf("read the head of the event log in %s: %w", l.dir, err)
	}
	numbers, err := newestNumber(l.db)
	if err != nil {
		return fmt.Errorf("read the newest stream of the event log in %s: %w", l.dir, err)
	}
	l.head.Store(head)
	l.ring = newRing(head)
	l.seq, err = newSequencer(l, head, numbers)
	return err
}

func (l *Log) checkFormat() error {
	v, closer, err := l.db.Get(formatKey())
	if errors.Is(err, pebble.ErrNotFound) {
		return l.writeFormat()
	}
	if err != nil {
		return readError(err)
	}
	defer closer.Close()
	if got, n := ordered(v); n == 0 || got != format {
		return fmt.Errorf("%w: %s holds an event log of format %d; this program knows format %d", ErrForeign, l.dir, got, format)
	}
	return nil
}

func (l *Log) writeFormat() error {
	if head, err := newestPosition(l.db); err != nil || head != 0 {
		return errors.Join(err, fmt.Errorf("%w: %s has no format version", event.ErrCorrupt, l.dir))
	}
	return l.disk.guarded(func() error {
		return l.db.Set(formatKey(), appendOrdered(nil, format), pebble.Sync)
	})
}

// Head is the position of the newest durable event, 0 when there is none.
func (l *Log) Head(ctx context.Context) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := l.use(); err != nil {
		return 0, err
	}
	defer l.reading.RUnlock()
	return l.head.Load(), nil
}

// Checkpoint makes a consistent copy of the log in the folder dir, which must
// not exist, while the log is in use. What was acknowledged before the call is
// in it. It hard-links where it can, so it is cheap on the same file system. A
// copy that was broken off is refused by Open.
func (l *Log) Checkpoint(dir string) error {
	if err := l.use(); err != nil {
		return err
	}
	defer l.reading.RUnlock()
	if err := l.db.Checkpoint(dir, pebble.WithFlushedWAL()); err != nil {
		return fmt.Errorf("copy the event log to %s: %w", dir, err)
	}
	return mark(l.opts.FS, dir)
}

// use lets the caller use db until it calls reading.RUnlock.
func (l *Log) use() error {
	l.reading.RLock()
	if l.closed {
		l.reading.RUnlock()
		return event.ErrClosed
	}
	return nil
}

// Close ends appends and tails with event.ErrClosed, waits for what is being
// written and gives the folder free. A second call returns what the first did.
//
// After a failed sync, and when the disk is so full that the engine cannot end
// its work, the engine is left as it is: everything acknowledged is on the disk
// already, and nothing of it touches the folder any more.
func (l *Log) Close() error {
	l.once.Do(func() {
		close(l.closing)
		err := l.disk.guarded(func() error {
			<-l.stopped
			l.reading.Lock()
			l.closed = true
			l.reading.Unlock()
			return l.db.Close()
		})
		if errors.Is(err, event.ErrFull) {
			err = nil
		}
		l.reading.Lock()
		l.closed = true
		l.reading.Unlock()
		l.result = errors.Join(err, l.lock.release(l.disk.abandoned()))
	})
	return l.result
}
