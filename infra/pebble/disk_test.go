package pebble_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/pebble"
)

// A disk with too little space refuses appends and nothing else, and takes them
// again by itself.
func TestFullDiskRefusesAppends(t *testing.T) {
	t.Parallel()
	filesystem := vfs.NewMem()
	space := func(bytes uint64) { filesystem.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: bytes}) }
	space(1 << 30)
	l := open(t, "log", pebble.Options{FS: filesystem})
	for range 3 {
		space(1 << 30)
		before := mustAppend(t, l)
		space(1 << 20)
		if _, err := appendOne(t.Context(), l); !errors.Is(err, event.ErrFull) {
			t.Fatalf("got %v, want %v", err, event.ErrFull)
		}
		if got := count(t, l); got != before {
			t.Fatalf("the log has %d records, want %d", got, before)
		}
	}
}

// A disk that fills between the look at its space and the write makes the write
// wait, refuses what comes after, and then goes on where it was.
func TestDiskFillsDuringAnAppend(t *testing.T) {
	t.Parallel()
	disk := &faultyDisk{fault: syscall.ENOSPC}
	l := open(t, "log", pebble.Options{FS: errorfs.Wrap(vfs.NewMem(), disk)})
	before := mustAppend(t, l)
	disk.on.Store(true)
	var waiting sync.WaitGroup
	waiting.Go(func() {
		if _, err := appendOne(t.Context(), l); err != nil {
			t.Errorf("the append that waited for space: %v", err)
		}
	})
	pebble.WaitStuck(l)
	if _, err := appendOne(t.Context(), l); !errors.Is(err, event.ErrFull) {
		t.Errorf("got %v, want %v", err, event.ErrFull)
	}
	if got := count(t, l); got != before {
		t.Errorf("the log has %d records while the disk is full, want %d", got, before)
	}
	disk.on.Store(false)
	waiting.Wait()
	for { // the wait ends a moment after its append
		if _, err := appendOne(t.Context(), l); err == nil {
			break
		} else if !errors.Is(err, event.ErrFull) {
			t.Fatal(err)
		}
	}
	if got := count(t, l); got != before+2 {
		t.Errorf("the log has %d records, want %d", got, before+2)
	}
}

// A log can be closed while the disk is full, and holds everything afterwards.
func TestCloseOnAFullDisk(t *testing.T) {
	t.Parallel()
	disk := &faultyDisk{fault: syscall.ENOSPC}
	filesystem := vfs.NewMem()
	l, err := pebble.Open("log", pebble.Options{FS: errorfs.Wrap(filesystem, disk)})
	if err != nil {
		t.Fatal(err)
	}
	before := mustAppend(t, l)
	disk.on.Store(true)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-disk.hit(); cancel() }()
	if _, err := appendOne(ctx, l); err == nil {
		t.Fatal("an append went through to a full disk")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := count(t, open(t, "log", pebble.Options{FS: filesystem})); got < before {
		t.Fatalf("the log has %d records, want %d", got, before)
	}
}

// Invariant 1: whichever sync fails, nothing is acknowledged afterwards, reads
// go on, and what was acknowledged is there after a restart and a power loss.
func TestFailedSyncStopsAppends(t *testing.T) {
	t.Parallel()
	for n := range int64(rounds(40)) {
		failSync(t, n)
	}
}

func failSync(t *testing.T, n int64) {
	filesystem := vfs.NewCrashableMem()
	disk := &faultyDisk{fault: syscall.EIO, syncs: true}
	opts := pebble.Options{FS: errorfs.Wrap(filesystem, disk), Memtable: 32 << 10}
	l, err := pebble.Open("log", opts)
	if err != nil {
		t.Fatal(err)
	}
	disk.after.Store(n)
	disk.on.Store(true)
	acknowledged := uint64(0)
	for {
		r, err := l.Append(t.Context(), "s-1", event.Any, oneEvent(3000))
		if err != nil {
			if !errors.Is(err, event.ErrUnsynced) {
				t.Fatalf("sync %d failed: got %v, want %v", n, err, event.ErrUnsynced)
			}
			break
		}
		acknowledged = r.Position
	}
	disk.on.Store(false)
	if _, err := appendOne(t.Context(), l); !errors.Is(err, event.ErrUnsynced) {
		t.Fatalf("after sync %d failed: got %v, want %v", n, err, event.ErrUnsynced)
	}
	// The sync may have been that of a table, and the append's own have gone
	// well: then it is there, although nobody was told.
	if got := count(t, l); got < acknowledged || got > acknowledged+1 {
		t.Fatalf("after sync %d failed, %d records can be read, want %d", n, got, acknowledged)
	}
	crashed := filesystem.CrashClone(vfs.CrashCloneCfg{})
	if err := l.Close(); !errors.Is(err, event.ErrUnsynced) {
		t.Fatalf("close: got %v", err)
	}
	again, err := pebble.Open("log", pebble.Options{FS: crashed})
	if err != nil {
		t.Fatalf("open after sync %d failed: %v", n, err)
	}
	if got := count(t, again); got < acknowledged {
		t.Fatalf("sync %d failed: %d records after a restart, want %d", n, got, acknowledged)
	}
	mustAppend(t, again)
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

// A disk that fails while the log is opened is an error of Open, not the end of
// the process.
func TestDiskFailsWhileOpening(t *testing.T) {
	t.Parallel()
	for n := range int64(12) {
		for fault, want := range map[error]error{syscall.EIO: event.ErrUnsynced, syscall.ENOSPC: event.ErrFull} {
			filesystem := vfs.NewMem()
			l, err := pebble.Open("log", pebble.Options{FS: filesystem})
			if err != nil {
				t.Fatal(err)
			}
			before := mustAppend(t, l)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			disk := &faultyDisk{fault: fault, syncs: fault == syscall.EIO}
			disk.after.Store(n)
			disk.on.Store(true)
			l, err = pebble.Open("log", pebble.Options{FS: errorfs.Wrap(filesystem, disk)})
			if err == nil {
				_ = l.Close()
			} else if !errors.Is(err, want) && !errors.Is(err, fault) {
				t.Fatalf("operation %d: got %v, want %v", n, err, want)
			}
			if got := count(t, open(t, "log", pebble.Options{FS: filesystem})); got != before {
				t.Fatalf("the log has %d records, want %d", got, before)
			}
		}
	}
}

// faultyDisk fails writes, or syncs, while it is on, from the after-th on.
type faultyDisk struct {
	fault error
	syncs bool
	on    atomic.Bool
	after atomic.Int64
	once  sync.Once
	seen  chan struct{}
}

// hit is closed when the fault is met for the first time.
func (d *faultyDisk) hit() chan struct{} {
	d.once.Do(func() { d.seen = make(chan struct{}) })
	return d.seen
}

func (d *faultyDisk) String() string { return "faulty disk" }

func (d *faultyDisk) MaybeError(op errorfs.Op) error {
	if !d.on.Load() || strings.HasSuffix(op.Path, "LOCK") {
		return nil
	}
	switch op.Kind {
	case errorfs.OpFileSync, errorfs.OpFileSyncData:
		if !d.syncs {
			return nil
		}
	case errorfs.OpFileWrite, errorfs.OpFilePreallocate:
		if d.syncs {
			return nil
		}
	default:
		return nil
	}
	switch n := d.after.Add(-1); {
	case n >= 0:
		return nil
	case n == -1:
		close(d.hit())
	}
	return d.fault
}

func oneEvent(size int) []event.Event {
	return []event.Event{{ID: uuid.New(), Type: "t.v1", ContentType: event.ContentBinary, Data: make([]byte, size)}}
}

func appendOne(ctx context.Context, l *pebble.Log) (event.Result, error) {
	return l.Append(ctx, fmt.Sprint("s-", uuid.New()), event.NoStream, oneEvent(100))
}

// mustAppend appends and returns how many records the log has.
func mustAppend(t *testing.T, l *pebble.Log) uint64 {
	t.Helper()
	r, err := appendOne(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	return r.Position
}

// count reads the whole log.
func count(t *testing.T, l *pebble.Log) (n uint64) {
	t.Helper()
	for _, err := range l.All(t.Context(), 0, event.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}
