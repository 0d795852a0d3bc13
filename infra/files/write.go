package files

import (
	"errors"
	"os"
	"path/filepath"
)

// Modes: everything here is for the operator alone.
const (
	folderMode = 0o700
	tempPrefix = ".new-"
)

// write puts a whole file in place, readable by its owner alone. With replace
// it takes the place of what was there; without, fs.ErrExist is the error
// where something was.
func write(path string, content []byte, replace bool) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, folderMode); err != nil {
		return err
	}
	temp, err := os.CreateTemp(dir, tempPrefix) // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp.Name()) }()
	_, err = temp.Write(content)
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	place := os.Link
	if replace {
		place = os.Rename
	}
	if err := place(temp.Name(), path); err != nil {
		return err
	}
	return syncFolder(dir)
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
