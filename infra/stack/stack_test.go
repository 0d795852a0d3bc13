package stack

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parleyhq/parley/infra/keyring"
)

// O6: a master key is made once, with its keyring; one that is missing where a
// keyring or a setting asks for it is told and not made up.
func TestMasterKeyIsNotMadeUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ring, own, given := filepath.Join(dir, "keys.db"), filepath.Join(dir, "master.key"), filepath.Join(dir, "given.key")
	open := func(file string) error {
		r, err := openRing(ring, file, own)
		if err == nil {
			err = r.Close()
		}
		return err
	}
	if err := open(given); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), given) {
		t.Errorf("a given key that is missing: %v", err)
	}
	for range 2 {
		if err := open(""); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(own, given); err != nil {
		t.Fatal(err)
	}
	if err := open(""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the key of a keyring is missing: %v", err)
	}
	if err := open(given); err != nil {
		t.Errorf("it was moved: %v", err)
	}
	other, err := keyring.NewMasterKey()
	if err != nil {
		t.Fatal(err)
	}
	for want, key := range map[error][]byte{keyring.ErrWrongMasterKey: other, nil: []byte("short")} {
		if err := os.WriteFile(given, key, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := open(given); err == nil || want != nil && !errors.Is(err, want) || !strings.Contains(err.Error(), given) {
			t.Errorf("a wrong key: %v", err)
		}
	}
	if _, err := os.Stat(own); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a key was made: %v", err)
	}
}
