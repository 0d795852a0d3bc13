package pebble

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Errors of Open about the folder.
var (
	ErrInUse      = errors.New("the event log is in use by another process")
	ErrUnwritable = errors.New("the folder of the event log cannot be written")
	ErrForeign    = errors.New("the folder holds something else than an event log of this program")
)

// markName is the file that says that a folder is ours; markText is what it
// says. The version of the layout is a key of the log, so that it can change
// together with the layout.
const (
	markName = "EVENTLOG"
	markText = "This folder is a Parley event log. It belongs to the program alone.\n"
)

// folder is a folder that is locked for us.
type folder struct {
	lock *pebble.Lock
}

// openFolder makes the folder if it is absent, checks that it is ours and locks
// it.
func openFolder(filesystem vfs.FS, dir string) (*folder, error) {
	if err := filesystem.MkdirAll(dir, 0o700); err != nil {
		return nil, unwritable(dir, err)
	}
	ours, err := inspect(filesystem, dir)
	if err != nil {
		return nil, err
	}
	lock, err := pebble.LockDirectory(dir, filesystem)
	if err != nil {
		return nil, lockError(dir, err)
	}
	f := &folder{lock: lock}
	if !ours {
		if err := mark(filesystem, dir); err != nil {
			return nil, errors.Join(unwritable(dir, err), f.release(false))
		}
	}
	return f, nil
}

// release gives the folder free. An engine that was left behind still holds its
// own reference to the lock, and will never use it: it is released with ours.
func (f *folder) release(abandoned bool) error {
	err := f.lock.Close()
	if abandoned {
		err = errors.Join(err, f.lock.Close())
	}
	return err
}

// inspect says whether the folder is ours; one that is empty is not yet. A
// folder that holds anything else is refused.
func inspect(filesystem vfs.FS, dir string) (ours bool, err error) {
	names, err := filesystem.List(dir)
	if err != nil {
		return false, unwritable(dir, err)
	}
	foreign := ""
	for _, name := range names {
		switch name {
		case markName:
			ours = true
		case "LOCK", "lost+found", markName + ".new":
		default:
			foreign = name
		}
	}
	if !ours {
		if foreign != "" {
			return false, fmt.Errorf("%w: %s contains %s but no %s", ErrForeign, dir, foreign, markName)
		}
		return false, nil
	}
	f, err := filesystem.Open(filesystem.PathJoin(dir, markName))
	if err != nil {
		return false, unwritable(dir, err)
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		return false, unwritable(dir, err)
	}
	if string(text) != markText {
		return false, fmt.Errorf("%w: %s is not what this program writes", ErrForeign, filepath.Join(dir, markName))
	}
	return true, nil
}

// mark writes the file that makes the folder ours, durably and whole.
func mark(filesystem vfs.FS, dir string) error {
	name := filesystem.PathJoin(dir, markName)
	f, err := filesystem.Create(name+".new", vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(markText))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := filesystem.Rename(name+".new", name); err != nil {
		return err
	}
	d, err := filesystem.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func unwritable(dir string, err error) error {
	return fmt.Errorf("%w: %s: %w", ErrUnwritable, dir, reason(err))
}

// lockError tells a folder that is in use from one that cannot be written: the
// system answers EAGAIN or EACCES bare when another process holds the lock, and
// the engine a text of its own when this process does.
func lockError(dir string, err error) error {
	var path *fs.PathError
	var number syscall.Errno
	switch {
	case errors.As(err, &path):
		return unwritable(dir, err)
	case errors.As(err, &number) && number != syscall.EAGAIN && number != syscall.EACCES:
		return unwritable(dir, err)
	}
	return fmt.Errorf("%w: %s", ErrInUse, dir)
}

// reason drops what the engine wraps around an error of the system.
func reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path
	}
	return err
}
