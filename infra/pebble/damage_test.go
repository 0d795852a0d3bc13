package pebble_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/pebble"
)

// Invariant 1, and "a record that fails its checksum refuses the start": a
// flipped bit anywhere in the folder is an error or does nothing. It never
// alters an event, and never loses one in silence.
func TestEveryFlippedBitIsFound(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"closed", "killed", "young"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			files, want := damageFixture(t, end)
			random := rand.New(rand.NewPCG(1, 2))
			for name, content := range files {
				for i := range min(len(content), rounds(40)) {
					at := i // a small file byte by byte
					if len(content) > rounds(40) {
						at = random.IntN(len(content))
					}
					tryFlip(t, files, name, at, byte(1)<<random.IntN(8), want)
				}
			}
		})
	}
}

// A damaged write-ahead log names file and offset.
func TestDamageNamesFileAndOffset(t *testing.T) {
	t.Parallel()
	files, _ := damageFixture(t, "killed")
	newest := ""
	for name, content := range files {
		if strings.HasSuffix(name, ".log") && len(content) > 2000 && name > newest {
			newest = name
		}
	}
	filesystem := folderOf(t, files, newest, 1000, 0xFF)
	_, err := pebble.Open("log", pebble.Options{FS: filesystem, Ballast: 1})
	if !errors.Is(err, event.ErrCorrupt) || !strings.Contains(err.Error(), newest+" is damaged at offset ") {
		t.Errorf("got %v", err)
	}
}

// tryFlip opens a copy of the folder with one bit flipped.
func tryFlip(t *testing.T, files map[string][]byte, name string, at int, bit byte, want []event.Record) {
	t.Helper()
	l, err := pebble.Open("log", pebble.Options{FS: folderOf(t, files, name, at, bit), Ballast: 1})
	if err != nil {
		return
	}
	defer l.Close()
	var got []event.Record
	for r, err := range l.All(t.Context(), 0, event.Filter{}) {
		if err != nil {
			return
		}
		got = append(got, r)
	}
	if !reflect.DeepEqual(want, got) {
		t.Fatalf("bit %x at %d of %d in %s: no error, but %d records instead of %d, or other ones", bit, at, len(files[name]), name, len(got), len(want))
	}
}

// damageFixture is the content of a folder with tables and a write-ahead log,
// and the records in it.
func damageFixture(t *testing.T, end string) (map[string][]byte, []event.Record) {
	t.Helper()
	filesystem := vfs.NewMem()
	opts := pebble.Options{FS: filesystem, Memtable: 32 << 10, Ballast: 1}
	if end == "young" { // killed with its very first file still in use
		opts.Memtable = 0
	}
	l, err := pebble.Open("log", opts)
	if err != nil {
		t.Fatal(err)
	}
	fill := func(from, to int) {
		for i := from; i < to; i++ {
			es := make([]event.Event, 1+i%3)
			for j := range es {
				es[j] = event.Event{ID: uuid.New(), Type: "test.happened.v1", Data: fmt.Appendf(nil, `{"n":%d,"text":"%s"}`, i, strings.Repeat("x", i%200))}
			}
			if _, err := l.Append(t.Context(), fmt.Sprint("s-", i%17), event.Any, es); err != nil {
				t.Fatal(err)
			}
		}
	}
	fill(0, 500)
	var want []event.Record
	for r, err := range l.All(t.Context(), 0, event.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, r)
	}
	if end == "closed" {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return contentOf(t, filesystem), want
	}
	pebble.WaitSealed(l)
	files := contentOf(t, filesystem)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return files, want
}

func contentOf(t *testing.T, filesystem vfs.FS) map[string][]byte {
	t.Helper()
	names, err := filesystem.List("log")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, name := range names {
		f, err := filesystem.Open("log/" + name)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(f)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		files[name] = b
	}
	return files
}

// folderOf is the folder with some bits of one byte flipped.
func folderOf(t *testing.T, files map[string][]byte, flipped string, at int, bits byte) vfs.FS {
	t.Helper()
	filesystem := vfs.NewMem()
	if err := filesystem.MkdirAll("log", 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		f, err := filesystem.Create("log/"+name, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		b := append([]byte(nil), content...)
		if name == flipped {
			b[at] ^= bits
		}
		_, err = f.Write(b)
		if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return filesystem
}
