package pebble_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/pebble"
)

// TestMain can also be a second process that holds a log open until its
// standard input ends.
func TestMain(m *testing.M) {
	if dir := os.Getenv("PARLEY_TEST_HOLD"); dir != "" {
		l, err := pebble.Open(dir, pebble.Options{})
		fmt.Println("open:", err)
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
		if err == nil {
			err = l.Close()
		}
		fmt.Println("close:", err)
		return
	}
	os.Exit(m.Run())
}

// A folder in use is refused with one sentence that names it, whichever process
// uses it, and is free afterwards.
func TestFolderInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	holder := exec.Command(os.Args[0])
	holder.Env = append(os.Environ(), "PARLEY_TEST_HOLD="+dir)
	in, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewReader(out)
	if line, _ := said.ReadString('\n'); line != "open: <nil>\n" {
		t.Fatalf("the other process said %q", line)
	}
	refused(t, dir, pebble.ErrInUse)
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if line, _ := said.ReadString('\n'); line != "close: <nil>\n" {
		t.Fatalf("the other process said %q", line)
	}
	if err := holder.Wait(); err != nil {
		t.Fatal(err)
	}
	l := open(t, dir, pebble.Options{})
	refused(t, dir, pebble.ErrInUse)
	mustAppend(t, l)
}

// A folder of somebody else is refused and left as it is.
func TestForeignFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.txt"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, dir, pebble.ErrForeign)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("the folder now holds %v (%v)", entries, err)
	}
}

// A log of a later format is refused.
func TestUnknownFormat(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, err := pebble.Open(dir, pebble.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := pebble.SetFormat(l, 2); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	refused(t, dir, pebble.ErrForeign)
}

// A folder that cannot be made or written is refused with the reason.
func TestUnwritableFolder(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, filepath.Join(file, "log"), pebble.ErrUnwritable)
	refused(t, file, pebble.ErrUnwritable)
	refused(t, "/proc/parley-test", pebble.ErrUnwritable)
	for _, fault := range []error{syscall.EACCES, syscall.EROFS} {
		_, err := pebble.Open("log", pebble.Options{FS: sealedFolder{vfs.NewMem(), fault}})
		if !errors.Is(err, pebble.ErrUnwritable) || !errors.Is(err, fault) {
			t.Errorf("got %v", err)
		}
	}
}

// sealedFolder is a folder that can be read alone.
type sealedFolder struct {
	vfs.FS
	fault error
}

func (s sealedFolder) Create(name string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, &os.PathError{Op: "open", Path: name, Err: s.fault}
}

func refused(t *testing.T, dir string, want error) {
	t.Helper()
	l, err := pebble.Open(dir, pebble.Options{})
	if err == nil {
		_ = l.Close()
	}
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
	if text := err.Error(); !strings.Contains(text, dir) || strings.Contains(text, "\n") {
		t.Fatalf("%q is no sentence that names %s", text, dir)
	}
}

// A copy that is made while the log is written is a log, with all that was
// acknowledged before; one that was broken off is none.
func TestCheckpoint(t *testing.T) {
	t.Parallel()
	l := open(t, t.TempDir(), pebble.Options{})
	for range 100 {
		mustAppend(t, l)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 100 {
			if _, err := appendOne(t.Context(), l); err != nil {
				t.Errorf("append during a copy: %v", err)
			}
		}
	}()
	dir := filepath.Join(t.TempDir(), "copy")
	if err := l.Checkpoint(dir); err != nil {
		t.Fatal(err)
	}
	<-done
	if err := l.Checkpoint(dir); err == nil {
		t.Error("a copy went over another")
	}
	mustAppend(t, l) // a copy that failed does the log no harm
	if got := count(t, open(t, dir, pebble.Options{})); got < 100 {
		t.Errorf("the copy has %d records", got)
	}
	broken := filepath.Join(t.TempDir(), "broken")
	if err := l.Checkpoint(broken); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(broken, "EVENTLOG")); err != nil {
		t.Fatal(err)
	}
	refused(t, broken, pebble.ErrForeign)
}

// A closed log says so everywhere, and its waiting tails end.
func TestClosed(t *testing.T) {
	t.Parallel()
	l, err := pebble.Open(t.TempDir(), pebble.Options{})
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l)
	var last error
	for m, err := range l.Tail(t.Context(), 0, event.Filter{}) {
		last = err
		if m.CaughtUp {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, appended := appendOne(t.Context(), l)
	_, head := l.Head(t.Context())
	var all, stream error
	for _, err := range l.All(t.Context(), 0, event.Filter{}) {
		all = err
	}
	for _, err := range l.Stream(t.Context(), "s-1", 0, event.Forward) {
		stream = err
	}
	for what, err := range map[string]error{"tail": last, "append": appended, "head": head, "all": all, "stream": stream, "checkpoint": l.Checkpoint(t.TempDir())} {
		if !errors.Is(err, event.ErrClosed) {
			t.Errorf("%s: got %v, want %v", what, err, event.ErrClosed)
		}
	}
	if err := l.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}
