package stack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// marker is the file by which a folder is known as ours; it holds the version
// of the folder's layout.
const (
	marker  = "parley"
	version = "parley data, layout 1\n"
)

// Errors about the data folder.
var (
	ErrForeign    = errors.New("the data folder holds something else than a Parley")
	ErrUnwritable = errors.New("the data folder cannot be written")
)

// claim makes the folder ours, or says why it cannot be.
func claim(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("%w: %w", ErrUnwritable, err)
	}
	path := filepath.Join(dir, marker)
	found, err := os.ReadFile(path)
	switch {
	case err == nil && string(found) == version:
		return nil
	case err == nil:
		return fmt.Errorf("%w, or one of another release: %s", ErrForeign, dir)
	case !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%w: %w", ErrUnwritable, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnwritable, err)
	}
	for _, e := range entries {
		if e.Name() != marker+".new" { // of a start that was cut off
			return fmt.Errorf("%w: %s has files in it, but none named %s", ErrForeign, dir, marker)
		}
	}
	if err := mark(path); err != nil {
		return fmt.Errorf("%w: %w", ErrUnwritable, err)
	}
	return nil
}

// mark writes the marker whole or not at all.
func mark(path string) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(version)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
