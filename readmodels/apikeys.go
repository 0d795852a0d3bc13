package readmodels

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/apikey"
)

// Only keys that were not revoked have a row. The table is for showing them:
// whether a key opens anything is asked of its stream.
var apiKeySchema = []string{
	`CREATE TABLE IF NOT EXISTS api_key (
		id text PRIMARY KEY, account text NOT NULL, name text NOT NULL, scopes text NOT NULL, created_at bigint NOT NULL)`,
	`CREATE INDEX IF NOT EXISTS api_key_created ON api_key (created_at, id)`,
}

// APIKey is a key that was not revoked.
type APIKey struct {
	ID        uuid.UUID
	Name      string
	Scopes    []string
	CreatedBy *Summary // for whom it acts; nil: erased
	CreatedAt time.Time

	account uuid.UUID
}

// APIKeyKey is a key's place in the list.
type APIKeyKey struct {
	At int64     `json:"at"`
	ID uuid.UUID `json:"id"`
}

// Key is where the key stands.
func (k APIKey) Key() APIKeyKey { return APIKeyKey{At: millis(k.CreatedAt), ID: k.ID} }

// PutAPIKey adds a key.
func PutAPIKey(ctx context.Context, b Batch, id uuid.UUID, d apikey.Created, at time.Time) error {
	return b.Exec(ctx, `INSERT INTO api_key (id, account, name, scopes, created_at) VALUES (?, ?, ?, ?, ?)`,
		id.String(), d.By.String(), d.Name, strings.Join(d.Scopes, ","), millis(at))
}

// DropAPIKey takes a key that was revoked away.
func DropAPIKey(ctx context.Context, b Batch, id uuid.UUID) error {
	return b.Exec(ctx, `DELETE FROM api_key WHERE id = ?`, id.String())
}

// APIKeys are limit of the keys, newest first, after the one at key after (nil:
// from the first).
func APIKeys(ctx context.Context, r Reader, after *APIKeyKey, limit int) ([]APIKey, error) {
	if after == nil {
		after = &APIKeyKey{At: 1 << 62}
	}
	keys, err := collect(ctx, r, scanAPIKey, `SELECT id, account, name, scopes, created_at FROM api_key
		WHERE (created_at, id) < (?, ?) ORDER BY created_at DESC, id DESC LIMIT ?`,
		after.At, textID(after.ID), limit)
	if err != nil {
		return nil, err
	}
	makers := make([]uuid.UUID, len(keys))
	for i, k := range keys {
		makers[i] = k.account
	}
	people, err := Summaries(ctx, r, makers...)
	for i, k := range keys {
		if s, known := people[k.account]; known {
			keys[i].CreatedBy = &s
		}
	}
	return keys, err
}

func scanAPIKey(rows Rows) (APIKey, error) {
	var k APIKey
	var id, account, scopes string
	var created int64
	err := rows.Scan(&id, &account, &k.Name, &scopes, &created)
	k.ID, k.account, k.CreatedAt = idOf(id), idOf(account), fromMillis(created)
	k.Scopes = strings.Split(scopes, ",") // a key has one at least
	return k, err
}
