package files

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/parleyhq/parley/commands"
)

// SetupToken keeps the set-up token in one file of mode 0600.
type SetupToken struct{ path string }

var _ commands.SetupToken = (*SetupToken)(nil)

// NewSetupToken keeps it at path.
func NewSetupToken(path string) *SetupToken { return &SetupToken{path: path} }

// Load reads the token; "" where there is none.
func (s *SetupToken) Load(context.Context) (string, error) {
	raw, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(raw)), err
}

// Save writes the token, in place of an older one.
func (s *SetupToken) Save(_ context.Context, token string) error {
	return write(s.path, whole([]byte(token+"\n")), true)
}

// Remove deletes the file, if it is there.
func (s *SetupToken) Remove(context.Context) error {
	err := os.Remove(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return syncFolder(filepath.Dir(s.path))
}
