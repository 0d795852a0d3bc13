package rest

import (
	"errors"
	"io"
	"time"

	"github.com/parleyhq/parley/commands"
)

// noTime is the time of files that never change.
var noTime time.Time

// file lets ranges of a Blob be read. Not every store can go back, so it is
// opened again for that, and read over what lies between.
type file struct {
	open func() (commands.Blob, error)
	blob commands.Blob // with a nil ReadCloser: not open
	at   int64         // of the blob's reader
	want int64
}

// begin opens the file, so that its absence is known before anything is sent.
func (f *file) begin() (err error) {
	f.blob, err = f.open()
	f.at = 0
	return err
}

// Seek only notes where to read on.
func (f *file) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += f.want
	case io.SeekEnd:
		offset += f.blob.Size
	}
	if offset < 0 {
		return 0, errors.New("rest: before the beginning of a file")
	}
	f.want = offset
	return offset, nil
}

// Read reads on from there.
func (f *file) Read(p []byte) (int, error) {
	if f.want < f.at {
		f.close()
		if err := f.begin(); err != nil {
			return 0, err
		}
	}
	if f.want > f.at {
		n, err := io.CopyN(io.Discard, f.blob, f.want-f.at)
		if f.at += n; err != nil {
			return 0, err
		}
	}
	n, err := f.blob.Read(p)
	f.at += int64(n)
	f.want = f.at
	return n, err
}

func (f *file) close() {
	if f.blob.ReadCloser != nil {
		_ = f.blob.Close() // it was only read
		f.blob.ReadCloser = nil
	}
}
