package files_test

import (
	"context"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/commands/blobtest"
	"github.com/parleyhq/parley/infra/files"
)

// A13
func TestBlobs(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, func(t testing.TB) commands.Blobs { return files.NewBlobs(filepath.Join(t.TempDir(), "blobs")) })
}

// A13: what failed leaves nothing, and what is kept is the operator's alone.
func TestBlobsLeaveNothing(t *testing.T) {
	t.Parallel()
	ctx, dir := context.Background(), t.TempDir()
	b := files.NewBlobs(filepath.Join(dir, "blobs"))
	if err := b.Put(ctx, "a/b", "text/plain", 9, strings.NewReader("short")); err == nil {
		t.Fatal("a short file was kept")
	}
	if err := b.Put(ctx, "a/c", "text/plain", 1, strings.NewReader("c")); err != nil {
		t.Fatal(err)
	}
	var found []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		if !d.IsDir() {
			found = append(found, path)
		}
		return nil
	})
	if want := filepath.Join(dir, "blobs", "a", "c.blob"); err != nil || len(found) != 1 || found[0] != want {
		t.Errorf("found %v, %v; want %s alone", found, err, want)
	}
}
