package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
)

// Blobs keeps whole files: images, exports. Keys are names that we make
// (CheckBlobKey), never what a caller sent.
type Blobs interface {
	// Put keeps the size bytes of content, in place of what the key named
	// before; they are kept when Put returns, all or none, and no reader sees a
	// part. Errors: ErrBlobSize where content is shorter or longer, content's own.
	Put(ctx context.Context, key, contentType string, size int64, content io.Reader) error
	// Get opens what the key names; the caller closes it. Later changes of the
	// key do not reach it. Errors: ErrNoBlob.
	Get(ctx context.Context, key string) (Blob, error)
	// Delete forgets the key; a key that names nothing is none the less a success.
	Delete(ctx context.Context, key string) error
	// Ping tells whether files can be kept now.
	Ping(ctx context.Context) error
}

// Blob is an open file.
type Blob struct {
	io.ReadCloser
	ContentType string
	Size        int64 // bytes
}

// Errors of Blobs.
var (
	ErrNoBlob   = errors.New("commands: no such file is kept")
	ErrBlobSize = errors.New("commands: a file is not as long as was said")
)

// maxBlobKey is in bytes; S3 takes 1024, file systems 255 for each part.
const maxBlobKey = 200

var blobKey = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*)*$`)

// CheckBlobKey refuses all but lower case words of letters, digits, - and _,
// parted by /: names that every file system and S3 hold alike.
func CheckBlobKey(key string) error {
	if len(key) > maxBlobKey || !blobKey.MatchString(key) {
		return fmt.Errorf("commands: %q cannot name a file", key)
	}
	return nil
}

// Exactly reads content and fails with ErrBlobSize where it does not have size
// bytes. One that is too long fails before its last byte is given, so that
// nobody takes the part for the whole.
func Exactly(content io.Reader, size int64) io.Reader { return &exactly{content, size} }

type exactly struct {
	content io.Reader
	left    int64
}

func (e *exactly) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	switch {
	case e.left < 0:
		return 0, fmt.Errorf("%w: nothing has %d bytes", ErrBlobSize, e.left)
	case e.left == 0:
		return 0, e.end()
	}
	n, err := e.content.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	switch {
	case e.left == 0 && (err == nil || errors.Is(err, io.EOF)):
		if end := e.end(); !errors.Is(end, io.EOF) {
			return 0, end
		}
		return n, nil
	case errors.Is(err, io.EOF):
		return n, fmt.Errorf("%w: %d bytes are missing", ErrBlobSize, e.left)
	default:
		return n, err
	}
}

// end is io.EOF where content ends.
func (e *exactly) end() error {
	if _, err := io.ReadFull(e.content, make([]byte, 1)); err != nil {
		return err
	}
	return fmt.Errorf("%w: there is more", ErrBlobSize)
}
