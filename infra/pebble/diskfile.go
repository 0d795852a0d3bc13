package pebble

import (
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// inside says whether the name is in the log's folder. Copies are made
// elsewhere, and their errors are their caller's.
func (d *disk) inside(name string) bool {
	return strings.HasPrefix(name, d.dir) && (len(name) == len(d.dir) || d.PathDir(name) == d.dir || d.PathDir(d.PathDir(name)) == d.dir)
}

// open runs an operation that yields a file of the folder.
func (d *disk) open(name string, run func() (vfs.File, error)) (vfs.File, error) {
	if !d.inside(name) {
		return run()
	}
	var f vfs.File
	err := d.change(func() (err error) {
		f, err = run()
		return err
	})
	if err != nil {
		return nil, err
	}
	return &diskFile{File: f, disk: d}, nil
}

func (d *disk) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return d.open(name, func() (vfs.File, error) { return d.FS.Create(name, category) })
}

func (d *disk) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return d.open(newname, func() (vfs.File, error) { return d.FS.ReuseForWrite(oldname, newname, category) })
}

func (d *disk) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return d.open(name, func() (vfs.File, error) { return d.FS.OpenReadWrite(name, category, opts...) })
}

func (d *disk) OpenDir(name string) (vfs.File, error) {
	f, err := d.FS.OpenDir(name)
	if err != nil || !d.inside(name) {
		return f, err
	}
	return &diskFile{File: f, disk: d}, nil
}

func (d *disk) Link(oldname, newname string) error {
	if !d.inside(newname) {
		return d.FS.Link(oldname, newname)
	}
	return d.change(func() error { return d.FS.Link(oldname, newname) })
}

func (d *disk) Rename(oldname, newname string) error {
	if !d.inside(newname) {
		return d.FS.Rename(oldname, newname)
	}
	return d.change(func() error { return d.FS.Rename(oldname, newname) })
}

// Remove is not retried: what cannot be removed stays, and does no harm.
func (d *disk) Remove(name string) error {
	if d.inside(name) {
		d.parkIfOver()
	}
	return d.FS.Remove(name)
}

// Unwrap is part of vfs.FS.
func (d *disk) Unwrap() vfs.FS { return d.FS }

// diskFile is a file of the folder that may be written.
type diskFile struct {
	vfs.File
	disk *disk
}

// Write writes all of p: what a full disk took of it is not written twice.
func (f *diskFile) Write(p []byte) (int, error) {
	written := 0
	err := f.disk.change(func() error {
		n, err := f.File.Write(p[written:])
		written += n
		return err
	})
	return written, err
}

func (f *diskFile) WriteAt(p []byte, offset int64) (int, error) {
	err := f.disk.change(func() error {
		_, err := f.File.WriteAt(p, offset)
		return err
	})
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

func (f *diskFile) Sync() error { return f.disk.change(f.File.Sync) }

func (f *diskFile) SyncData() error { return f.disk.change(f.File.SyncData) }

func (f *diskFile) SyncTo(length int64) (full bool, err error) {
	err = f.disk.change(func() (err error) {
		full, err = f.File.SyncTo(length)
		return err
	})
	return full, err
}
