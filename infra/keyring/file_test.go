package keyring_test

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/keyring"
)

func openFile(t *testing.T, path string) *keyring.Ring {
	t.Helper()
	r, err := keyring.Open(path, master)
	must(t, err)
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// A destroyed key is final, and neither in the file nor beside it.
func TestDestroyed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "keys.db")
	r := openFile(t, path)
	account := uuid.New()
	for range 50 {
		must(t, r.EnsureAccount(t.Context(), uuid.New()))
	}
	must(t, r.EnsureAccount(t.Context(), account))
	wrapped := wrappedOf(t, path, account)
	for range 2 {
		must(t, r.Destroy(t.Context(), account))
	}
	if err := r.EnsureAccount(t.Context(), account); !errors.Is(err, event.ErrKeyGone) {
		t.Errorf("EnsureAccount after Destroy: %v", err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, f := range files {
		if b, err := os.ReadFile(f); err != nil || bytes.Contains(b, wrapped) {
			t.Errorf("%s still holds the key (%v)", filepath.Base(f), err)
		}
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", filepath.Base(f), info.Mode(), err)
		}
	}
	must(t, r.Destroy(t.Context(), uuid.New()))
}

// wrappedOf reads an account's wrapped key past the ring.
func wrappedOf(t *testing.T, path string, account uuid.UUID) []byte {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	must(t, err)
	var wrapped []byte
	must(t, db.QueryRow(`SELECT wrapped FROM keys WHERE owner = ?`, account.String()).Scan(&wrapped))
	must(t, db.Close())
	return wrapped
}
