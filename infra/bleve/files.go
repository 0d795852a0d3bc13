package bleve

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	segment "github.com/blevesearch/scorch_segment_api/v2"
	bolt "go.etcd.io/bbolt/errors"
)

// checkFiles opens an index for reading alone and compares the checksum of
// each of its segments, which is the last four bytes of the file (CRC-32 of
// all before). What a crash left half written belongs to no index and is not
// looked at. It costs a read of the index when a process starts.
func checkFiles(dir string) (err error) {
	i, err := bleve.OpenUsing(dir, map[string]any{"read_only": true, "bolt_timeout": lockWait})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, i.Close()) }()
	inner, err := i.Advanced()
	if err != nil {
		return err
	}
	reader, err := inner.Reader()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	snapshot, ok := reader.(*scorch.IndexSnapshot)
	if !ok {
		return fmt.Errorf("it is a %T", reader)
	}
	for _, s := range snapshot.Segments() {
		file, ok := s.Segment().(segment.PersistedSegment)
		if !ok {
			continue
		}
		if err := checkFile(file.Path()); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(file.Path()), err)
		}
	}
	return nil
}

var errChecksum = errors.New("its checksum does not hold")

func checkFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	body := info.Size() - crc32.Size
	if body < 0 {
		return errChecksum
	}
	sum := crc32.NewIEEE()
	if _, err := io.Copy(sum, io.LimitReader(f, body)); err != nil {
		return err
	}
	var want [crc32.Size]byte
	if _, err := io.ReadFull(f, want[:]); err != nil {
		return err
	}
	if binary.BigEndian.Uint32(want[:]) != sum.Sum32() {
		return errChecksum
	}
	return nil
}

// transient says that an index which cannot be opened may well be whole.
func transient(err error) bool {
	for _, passing := range []error{os.ErrPermission, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOSPC} {
		if errors.Is(err, passing) {
			return true
		}
	}
	return errors.Is(err, bolt.ErrTimeout) // another process has it open
}

// replace writes a file whole or not at all.
func replace(path, text string) error {
	temp := path + ".new"
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
