package keyring

import (
	"bytes"
	"context"
	"fmt"
	"strings"
)

// systemPrefix marks the owners that are names and not ids.
const systemPrefix = "system:"

func isSystem(owner string) bool { return strings.HasPrefix(owner, systemPrefix) }

// System is the 32 bytes of the system key of that name (names, refresh,
// links …), made if absent; all who ask get the same for ever. The bytes are
// the caller's own.
func (r *Ring) System(ctx context.Context, name string) ([]byte, error) {
	k, err := r.system(ctx, name)
	if err != nil {
		return nil, err
	}
	return bytes.Clone(k.raw), nil
}

func (r *Ring) system(ctx context.Context, name string) (*key, error) {
	owner := systemPrefix + name
	if k, ok := r.byOwner.Get(owner); ok {
		return k, nil
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	id := newID()
	err := r.ensure(ctx, owner, func() error {
		return r.insert(ctx, id, owner, nil, wrap(r.master, id, randomKey()))
	})
	if err != nil {
		return nil, err
	}
	return r.load(ctx, "owner", owner)
}

// Rewrap wraps every key by another master key, all or none. The caller puts
// the new master key in its file afterwards, and keeps the old one until then.
func (r *Ring) Rewrap(ctx context.Context, masterKey []byte) error {
	if len(masterKey) != KeySize {
		return fmt.Errorf("keyring: the master key has %d bytes, want %d", len(masterKey), KeySize)
	}
	next, err := newAEAD(masterKey)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return unavailable(err)
	}
	defer func() { _ = tx.Rollback() }()
	for last := ""; ; {
		var id string
		var wrapped []byte
		// one by one: a statement must not walk through rows that another changes
		err := tx.QueryRowContext(ctx, `SELECT coalesce(min(id), '') FROM keys WHERE id > ? AND wrapped IS NOT NULL`, last).Scan(&id)
		if err != nil {
			return unavailable(err)
		}
		if id == "" {
			break
		}
		if err := tx.QueryRowContext(ctx, `SELECT wrapped FROM keys WHERE id = ?`, id).Scan(&wrapped); err != nil {
			return unavailable(err)
		}
		raw, err := unwrap(r.master, id, wrapped)
		if err != nil {
			return fmt.Errorf("keyring: key %s: %w", id, err)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE keys SET wrapped = ? WHERE id = ?`, wrap(next, id, raw), id); err != nil {
			return unavailable(err)
		}
		last = id
	}
	if err := tx.Commit(); err != nil {
		return unavailable(err)
	}
	r.master = next
	return nil
}

// Backup writes a copy of the keyring to the new file path, while it is in
// use. The copy needs the master key too, and is to be kept apart from the log.
func (r *Ring) Backup(ctx context.Context, path string) error {
	if err := private(path); err != nil { // VACUUM INTO takes an empty file
		return err
	}
	_, err := r.db.ExecContext(ctx, `VACUUM INTO ?`, path)
	return unavailable(err)
}
