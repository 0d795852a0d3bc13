package files

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode"

	"github.com/parleyhq/parley/commands"
)

const (
	// A key may be another's folder; its own file has an ending that no key has.
	blobSuffix = ".blob"
	// A file begins with its content type, on a line of its own of at most so
	// many bytes, so that type and content are one.
	maxContentType = 256
)

// Blobs is a folder of files. It implements commands.Blobs.
type Blobs struct{ dir string }

var _ commands.Blobs = (*Blobs)(nil)

// NewBlobs keeps files below dir, which is made when the first one comes.
func NewBlobs(dir string) *Blobs { return &Blobs{dir: dir} }

// Put implements commands.Blobs.
func (b *Blobs) Put(ctx context.Context, key, contentType string, size int64, content io.Reader) error {
	path, err := b.path(ctx, key)
	if err != nil {
		return err
	}
	if len(contentType) > maxContentType || strings.ContainsFunc(contentType, unicode.IsControl) {
		return fmt.Errorf("keep %s: %q is no content type", key, contentType)
	}
	exact := commands.Exactly(content, size)
	err = write(path, func(w io.Writer) error {
		if _, err := io.WriteString(w, contentType+"\n"); err != nil {
			return err
		}
		_, err := io.Copy(w, until(ctx, exact))
		return err
	}, true)
	if err != nil {
		return fmt.Errorf("keep %s: %w", key, err)
	}
	return nil
}

// Get implements commands.Blobs.
func (b *Blobs) Get(ctx context.Context, key string) (commands.Blob, error) {
	path, err := b.path(ctx, key)
	if err != nil {
		return commands.Blob{}, err
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return commands.Blob{}, fmt.Errorf("%w: %s", commands.ErrNoBlob, key)
	}
	if err != nil {
		return commands.Blob{}, fmt.Errorf("open %s: %w", key, err)
	}
	blob, err := open(file)
	if err != nil {
		return commands.Blob{}, errors.Join(fmt.Errorf("open %s: %w", key, err), file.Close())
	}
	return blob, nil
}

func open(file *os.File) (commands.Blob, error) {
	contentType, err := bufio.NewReaderSize(file, maxContentType+1).ReadString('\n')
	if err != nil {
		return commands.Blob{}, fmt.Errorf("content type: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return commands.Blob{}, err
	}
	if _, err := file.Seek(int64(len(contentType)), io.SeekStart); err != nil {
		return commands.Blob{}, err
	}
	return commands.Blob{
		ReadCloser: file, ContentType: strings.TrimSuffix(contentType, "\n"), Size: info.Size() - int64(len(contentType)),
	}, nil
}

// Delete implements commands.Blobs. The folder stays: others may be about to
// write into it.
func (b *Blobs) Delete(ctx context.Context, key string) error {
	path, err := b.path(ctx, key)
	if err != nil {
		return err
	}
	err = os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	return nil
}

// Ping implements commands.Blobs.
func (b *Blobs) Ping(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := makeFolder(b.dir); err != nil {
		return fmt.Errorf("folder of files: %w", err)
	}
	return nil
}

func (b *Blobs) path(ctx context.Context, key string) (string, error) {
	if err := commands.CheckBlobKey(key); err != nil {
		return "", err
	}
	return filepath.Join(b.dir, filepath.FromSlash(key)) + blobSuffix, ctx.Err()
}

// until reads content while ctx lasts.
func until(ctx context.Context, content io.Reader) io.Reader {
	return readFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return content.Read(p)
	})
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }
