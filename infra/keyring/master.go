package keyring

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// KeySize is the length of every key, in bytes: AES-256.
const KeySize = 32

// LoadOrCreateMasterKey reads the 32 bytes of a master key from file, and
// makes it first where it is absent (mode 0600, durable). Of several that
// make it at once, one wins and all return the same key.
func LoadOrCreateMasterKey(file string) ([]byte, error) {
	key, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		if err := createMasterKey(file); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("keyring: make the master key: %w", err)
		}
		key, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, fmt.Errorf("keyring: read the master key: %w", err)
	}
	if len(key) != KeySize {
		return nil, fmt.Errorf("keyring: master key %s has %d bytes, want %d", file, len(key), KeySize)
	}
	return key, nil
}

// createMasterKey links a complete file into place, so that nobody ever sees
// half a key, and never replaces one.
func createMasterKey(file string) error {
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	temp, err := os.CreateTemp(dir, ".master-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp.Name()) }()
	_, err = temp.Write(randomKey())
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Link(temp.Name(), file); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func randomKey() []byte {
	key := make([]byte, KeySize)
	_, _ = rand.Read(key) // never fails
	return key
}
