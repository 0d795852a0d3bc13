package files

import (
	"bytes"
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

// What the files of the other signing keys end in.
const (
	nextKey     = ".next"
	previousKey = ".previous"
)

// SigningKeys reads the key that signs access tokens, made if generate is not
// nil; the one that is to follow it, <path>.next, where there is one, so that
// it is known everywhere before it signs anywhere; and the one before it,
// <path>.previous, which is accepted until overlap after the newer one was put
// in place.
func SigningKeys(path string, overlap time.Duration, generate func() ([]byte, error)) ([]commands.SigningKey, error) {
	key, err := Key(path, generate)
	if err != nil {
		return nil, err
	}
	keys := []commands.SigningKey{{Bytes: key}}
	next, err := keyBeside(path, nextKey, key)
	if err != nil {
		return nil, err
	}
	if next != nil {
		keys = append(keys, commands.SigningKey{Bytes: next})
	}
	previous, err := keyBeside(path, previousKey, key)
	if err != nil || previous == nil {
		return keys, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	return append(keys, commands.SigningKey{Bytes: previous, Until: info.ModTime().Add(overlap)}), nil
}

// keyBeside is another key beside path; nil where there is none, or the same
// one, of a rotation that was cut off.
func keyBeside(path, suffix string, key []byte) ([]byte, error) {
	other, err := os.ReadFile(path + suffix)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && bytes.Equal(other, key):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read key: %w", err)
	}
	return other, nil
}

// PrepareSigningKey makes the key that is to follow the one at path.
func PrepareSigningKey(path string, generate func() ([]byte, error)) error {
	if _, err := os.ReadFile(path); err != nil {
		return fmt.Errorf("read key: %w", err)
	}
	_, err := Key(path+nextKey, generate)
	return err
}

// RotateSigningKey puts the next key, made if there is none, in the place of
// the one at path, which becomes the previous one. Cut off in between it
// leaves keys that work, and may be run again.
func RotateSigningKey(path string, generate func() ([]byte, error)) error {
	key, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read key: %w", err)
	}
	next, err := Key(path+nextKey, generate)
	if err != nil {
		return err
	}
	if !bytes.Equal(next, key) { // else one that was cut off after its last write
		if err := write(path+previousKey, whole(key), true); err != nil {
			return fmt.Errorf("keep the previous key: %w", err)
		}
		if err := write(path, whole(next), true); err != nil {
			return fmt.Errorf("put the next key in place: %w", err)
		}
	}
	if err := os.Remove(path + nextKey); err != nil {
		return fmt.Errorf("put the next key in place: %w", err)
	}
	return nil
}
