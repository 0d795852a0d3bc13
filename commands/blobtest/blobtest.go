package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/parleyhq/parley/commands"
)

// within bounds each case.
const within = time.Minute

// Run holds a store to the port. open returns an empty store whose life ends
// with the test.
func Run(t *testing.T, open func(t testing.TB) commands.Blobs) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, ctx context.Context, b commands.Blobs)
	}{
		{"Keep", keep},
		{"Replace", replace},
		{"Delete", remove},
		{"Absent", absent},
		{"Names", names},
		{"Size", size},
		{"Broken", broken},
		{"OpenWhileChanged", openWhileChanged},
		{"Crowd", crowd},
		{"Cancelled", cancelled},
		{"Ping", ping},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(context.Background(), within)
			defer cancel()
			c.run(t, ctx, open(t))
		})
	}
}

func put(t *testing.T, ctx context.Context, b commands.Blobs, key, content string) {
	t.Helper()
	if err := b.Put(ctx, key, "text/plain", int64(len(content)), strings.NewReader(content)); err != nil {
		t.Fatalf("put %s: %v", key, err)
	}
}

// holds checks that a key names content, or nothing where content is nil.
func holds(t *testing.T, ctx context.Context, b commands.Blobs, key string, content []byte) {
	t.Helper()
	blob, err := b.Get(ctx, key)
	if content == nil {
		if !errors.Is(err, commands.ErrNoBlob) {
			t.Errorf("get %s: %v, want ErrNoBlob", key, err)
		}
		if err == nil {
			_ = blob.Close()
		}
		return
	}
	if err != nil {
		t.Errorf("get %s: %v", key, err)
		return
	}
	got, err := io.ReadAll(blob)
	if err := errors.Join(err, blob.Close()); err != nil || !bytes.Equal(got, content) || blob.Size != int64(len(content)) {
		t.Errorf("%s: %d bytes, size %d, %v; want %d bytes", key, len(got), blob.Size, err, len(content))
	}
}

// What is kept comes back byte for byte, with its type, at any length.
func keep(t *testing.T, ctx context.Context, b commands.Blobs) {
	for i, length := range []int{0, 1, 4096, 5 << 20} {
		content := bytes.Repeat([]byte("\x00\xff\r\nx"), length/5+1)[:length]
		key := fmt.Sprintf("images/%d/full", i)
		if err := b.Put(ctx, key, "image/webp", int64(length), bytes.NewReader(content)); err != nil {
			t.Fatal(err)
		}
		holds(t, ctx, b, key, content)
		blob, err := b.Get(ctx, key)
		if err != nil {
			t.Fatal(err)
		}
		if err := blob.Close(); err != nil || blob.ContentType != "image/webp" {
			t.Errorf("type %q, %v", blob.ContentType, err)
		}
	}
}

func replace(t *testing.T, ctx context.Context, b commands.Blobs) {
	put(t, ctx, b, "a", "one, and longer")
	put(t, ctx, b, "a", "two")
	holds(t, ctx, b, "a", []byte("two"))
	if err := b.Put(ctx, "a", "image/png", 3, strings.NewReader("png")); err != nil {
		t.Fatal(err)
	}
	blob, err := b.Get(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := blob.Close(); err != nil || blob.ContentType != "image/png" {
		t.Errorf("type %q, %v", blob.ContentType, err)
	}
}

func remove(t *testing.T, ctx context.Context, b commands.Blobs) {
	put(t, ctx, b, "a", "a")
	put(t, ctx, b, "a/b", "b")
	put(t, ctx, b, "a/b/c", "c")
	for range 2 {
		if err := b.Delete(ctx, "a/b"); err != nil {
			t.Fatal(err)
		}
	}
	holds(t, ctx, b, "a", []byte("a"))
	holds(t, ctx, b, "a/b", nil)
	holds(t, ctx, b, "a/b/c", []byte("c"))
	put(t, ctx, b, "a/b", "again")
	holds(t, ctx, b, "a/b", []byte("again"))
}

func absent(t *testing.T, ctx context.Context, b commands.Blobs) {
	put(t, ctx, b, "a/b", "b")
	for _, key := range []string{"nothing", "a", "a/b/c", "no/such/folder"} {
		holds(t, ctx, b, key, nil)
		if err := b.Delete(ctx, key); err != nil {
			t.Errorf("delete %s: %v", key, err)
		}
	}
}

// Names that are not ours are refused by every verb.
func names(t *testing.T, ctx context.Context, b commands.Blobs) {
	for _, key := range []string{"", "/etc/passwd", "../a", "a/../../b", "a.b", "A", "a\x00b", strings.Repeat("a", 201)} {
		if err := b.Put(ctx, key, "text/plain", 1, strings.NewReader("a")); err == nil {
			t.Errorf("put took %q", key)
		}
		if _, err := b.Get(ctx, key); err == nil || errors.Is(err, commands.ErrNoBlob) {
			t.Errorf("get took %q: %v", key, err)
		}
		if err := b.Delete(ctx, key); err == nil {
			t.Errorf("delete took %q", key)
		}
	}
	long := strings.Repeat("a", 200)
	put(t, ctx, b, long, "x")
	holds(t, ctx, b, long, []byte("x"))
	if err := b.Put(ctx, "a", "text/html\nx", 1, strings.NewReader("a")); err == nil {
		t.Error("put took a type of two lines")
	}
}

// Content that is not as long as was said is not kept, and what was there stays.
func size(t *testing.T, ctx context.Context, b commands.Blobs) {
	put(t, ctx, b, "old", "old")
	for _, key := range []string{"old", "new"} {
		for content, said := range map[string]int64{"short": 6, "too long": 3, "x": 0, "y": -1} {
			err := b.Put(ctx, key, "text/plain", said, strings.NewReader(content))
			if !errors.Is(err, commands.ErrBlobSize) {
				t.Errorf("put %q as %d bytes: %v", content, said, err)
			}
		}
	}
	holds(t, ctx, b, "old", []byte("old"))
	holds(t, ctx, b, "new", nil)
}

// Content that breaks off is not kept, and its error is told.
func broken(t *testing.T, ctx context.Context, b commands.Blobs) {
	cut := errors.New("cut")
	put(t, ctx, b, "old", "old")
	for _, key := range []string{"old", "new"} {
		content := io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(cut))
		if err := b.Put(ctx, key, "text/plain", 6, content); !errors.Is(err, cut) {
			t.Errorf("put: %v", err)
		}
	}
	holds(t, ctx, b, "old", []byte("old"))
	holds(t, ctx, b, "new", nil)
}

// Who has opened a file reads it to its end.
func openWhileChanged(t *testing.T, ctx context.Context, b commands.Blobs) {
	content := strings.Repeat("old", 1000)
	put(t, ctx, b, "a", content)
	blob, err := b.Get(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	defer blob.Close()
	put(t, ctx, b, "a", "new")
	if err := b.Delete(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(blob); err != nil || string(got) != content {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// Writers and readers of one key never see a mixture.
func crowd(t *testing.T, ctx context.Context, b commands.Blobs) {
	const writers, rounds, length = 4, 10, 10_000
	whole := func(w int) []byte { return bytes.Repeat([]byte{byte('a' + w)}, length+w) }
	put(t, ctx, b, "a", string(whole(0)))
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for range rounds {
				content := whole(w)
				if err := b.Put(ctx, "a", "text/plain", int64(len(content)), bytes.NewReader(content)); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range rounds {
				blob, err := b.Get(ctx, "a")
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(blob)
				if err := errors.Join(err, blob.Close()); err != nil || len(got) < length || !bytes.Equal(got, whole(len(got)-length)) {
					t.Errorf("a mixture of %d bytes, %v", len(got), err)
				}
			}
		})
	}
	wg.Wait()
}

func cancelled(t *testing.T, ctx context.Context, b commands.Blobs) {
	put(t, ctx, b, "a", "a")
	over, cancel := context.WithCancel(ctx)
	cancel()
	if err := b.Put(over, "a", "text/plain", 1, strings.NewReader("b")); !errors.Is(err, context.Canceled) {
		t.Errorf("put: %v", err)
	}
	if _, err := b.Get(over, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("get: %v", err)
	}
	if err := b.Delete(over, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("delete: %v", err)
	}
	holds(t, ctx, b, "a", []byte("a"))
}

func ping(t *testing.T, ctx context.Context, b commands.Blobs) {
	if err := b.Ping(ctx); err != nil {
		t.Error(err)
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	if err := b.Ping(over); err == nil {
		t.Error("an answer after the end")
	}
}
