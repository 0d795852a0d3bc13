//go:build !stack

package keyring_test

import (
	"os"
	"testing"

	"github.com/parleyhq/parley/infra/keyring"
)

// open opens the keyring of that path, which is a file here.
func open(_ *testing.T, path string, key []byte) (*keyring.Ring, error) {
	return keyring.Open(path, key)
}

// everything is all that is stored there.
func everything(t *testing.T, path string) []byte {
	t.Helper()
	all, err := os.ReadFile(path)
	must(t, err)
	return all
}
