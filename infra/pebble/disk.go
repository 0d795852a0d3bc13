package pebble

import (
	"errors"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/parleyhq/parley/domain/event"
)

// disk stands between the engine and the file system, because the engine knows
// only one answer to a disk that is full or broken: to end the process.
//
// A full disk. Appends are admitted only while Reserve bytes are free, so that
// the engine's own files (tables, manifest, next write-ahead log) still fit. If
// something else fills the disk in between, the ballast file is given up, and
// a write that fails even then waits until there is space: the engine never
// learns of it, reads go on, appends are refused with event.ErrFull.
//
// A broken disk. After a failed write or sync nobody knows what is on the disk,
// so nothing may be acknowledged again before a restart has read it. The call
// that failed never returns to the engine, nor does any later one that would
// change the folder; reads go on.
type disk struct {
	vfs.FS
	dir     string
	reserve uint64
	size    uint64 // of the ballast
	log     *slog.Logger

	failed chan struct{} // closed after the first failed write or sync
	once   sync.Once

	full    atomic.Bool   // a write met a full disk, and no ballast was made since
	waiting atomic.Int32  // writes that wait for space
	stuck   chan struct{} // gets a token when a write begins to wait
	left    atomic.Bool   // the engine was left behind
	ballast atomic.Bool   // the ballast file is there
}

const (
	ballastName = "BALLAST"
	// spaceInterval is how often a write that waits for space tries again. No
	// file system tells when there is some.
	spaceInterval = 50 * time.Millisecond
)

func newDisk(o Options, dir string) *disk {
	d := &disk{
		FS: o.FS, dir: dir, reserve: o.Reserve, size: o.Ballast, log: o.Logger,
		failed: make(chan struct{}), stuck: make(chan struct{}, 1),
	}
	_, err := d.FS.Stat(d.PathJoin(dir, ballastName))
	d.ballast.Store(err == nil) // so that a log can be opened on a full disk
	return d
}

// guarded runs what may write through the engine, and leaves it behind when the
// disk fails or is full: it then returns event.ErrUnsynced or event.ErrFull.
func (d *disk) guarded(run func() error) error {
	done := make(chan error, 1)
	go func() { done <- run() }()
	for {
		select {
		case err := <-done:
			return err
		case <-d.failed:
			d.left.Store(true)
			return event.ErrUnsynced
		case <-d.stuck:
			if d.waiting.Load() == 0 {
				continue // an old token
			}
			d.left.Store(true)
			return event.ErrFull
		}
	}
}

// abandoned says that the engine was left behind.
func (d *disk) abandoned() bool { return d.left.Load() }

// broken is event.ErrUnsynced after a failed write or sync.
func (d *disk) broken() error {
	select {
	case <-d.failed:
		return event.ErrUnsynced
	default:
		return nil
	}
}

// admit says whether a batch of size bytes may be written: event.ErrFull when
// less than the reserve would stay free.
func (d *disk) admit(size int) error {
	if d.waiting.Load() > 0 {
		return event.ErrFull
	}
	usage, err := d.GetDiskUsage(d.dir)
	if err != nil { // unknown: the ballast is what is left
		usage.AvailBytes = math.MaxUint64
	}
	// Twice the size: once in the write-ahead log, once in a table.
	if usage.AvailBytes < d.reserve+2*uint64(size) {
		return event.ErrFull
	}
	if d.full.Load() || !d.ballast.Load() && usage.AvailBytes > d.reserve+2*d.size {
		if !d.refill() && d.full.Load() {
			return event.ErrFull
		}
	}
	return nil
}

// refill makes the ballast file, which also proves that there is space again.
func (d *disk) refill() bool {
	name := d.PathJoin(d.dir, ballastName)
	f, err := d.FS.Create(name, vfs.WriteCategoryUnspecified)
	if err == nil {
		err = errors.Join(f.Preallocate(0, int64(d.size)), f.Close())
		if errors.Is(err, syscall.EOPNOTSUPP) {
			err = nil // no ballast on this file system; the reserve is what is left
		}
	}
	if err != nil {
		_ = d.FS.Remove(name)
		return false
	}
	d.ballast.Store(true)
	if d.full.CompareAndSwap(true, false) {
		d.log.Info("the disk of the event log has space again", "folder", d.dir)
	}
	return true
}

// drop gives the ballast up.
func (d *disk) drop() {
	if !d.full.Swap(true) {
		d.log.Error("the disk of the event log is full", "folder", d.dir)
	}
	if d.ballast.Swap(false) {
		_ = d.FS.Remove(d.PathJoin(d.dir, ballastName))
	}
}

// change runs an operation that changes the folder, waits for space while the
// disk is full, and does not return when the disk is broken.
func (d *disk) change(run func() error) error {
	d.parkIfOver()
	err := run()
	if err == nil || !fatal(err) {
		return err
	}
	if isFull(err) {
		d.drop()
		err = run()
		if isFull(err) {
			err = d.waitForSpace(run)
		}
	}
	if err != nil && fatal(err) {
		d.fail(err)
		park()
	}
	return err
}

func (d *disk) waitForSpace(run func() error) error {
	d.waiting.Add(1)
	defer d.waiting.Add(-1)
	for {
		select {
		case d.stuck <- struct{}{}:
		default:
		}
		timer := time.NewTimer(spaceInterval)
		select {
		case <-d.failed:
			park()
		case <-timer.C:
		}
		d.parkIfOver()
		if err := run(); !isFull(err) {
			return err
		}
	}
}

func (d *disk) fail(err error) {
	d.once.Do(func() {
		d.log.Error("the disk of the event log failed; nothing is written until a restart", "folder", d.dir, "error", err)
		close(d.failed)
	})
}

func (d *disk) parkIfOver() {
	if d.left.Load() || d.broken() != nil {
		park()
	}
}

// park never returns. The engine would end the process, or go on with a log of
// which nobody knows what is on the disk.
func park() { select {} }

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// fatal says whether the error leaves open what is on the disk. Names that are
// there or not there are part of the engine's business.
func fatal(err error) bool {
	return !errors.Is(err, syscall.ENOENT) && !errors.Is(err, syscall.EEXIST) && !errors.Is(err, syscall.ENOTEMPTY)
}
