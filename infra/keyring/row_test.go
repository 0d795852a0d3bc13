package keyring_test

import (
	"database/sql"
	"testing"

	"github.com/google/uuid"
)

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
