package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/parleyhq/parley/commands"
)

// Key reads a key's file, and makes it first where it is absent and generate
// is not nil. Of several that make it at once one wins, and all return the
// same key.
func Key(path string, generate func() ([]byte, error)) ([]byte, error) {
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && generate != nil {
		made, err := generate()
		if err != nil {
			return nil, fmt.Errorf("make key %s: %w", path, err)
		}
		if err := write(path, whole(made), false); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("make key %s: %w", path, err)
		}
		key, err = os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read key: %w", err)
		}
		return key, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	return key, nil
}

// SigningKeys reads the key that signs access tokens, made if generate is not
// nil, and the one before it, <path>.previous, where there is one: that one is
// accepted until overlap after the newer one was put in place.
func SigningKeys(path string, overlap time.Duration, generate func() ([]byte, error)) ([]commands.SigningKey, error) {
	key, err := Key(path, generate)
	if err != nil {
		return nil, err
	}
	keys := []commands.SigningKey{{Bytes: key}}
	previous, err := os.ReadFile(path + ".previous")
	if errors.Is(err, fs.ErrNotExist) {
		return keys, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	return append(keys, commands.SigningKey{Bytes: previous, Until: info.ModTime().Add(overlap)}), nil
}
