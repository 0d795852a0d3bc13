package keyring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/parleyhq/parley/readmodels"
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
	err = r.store.Batch(ctx, func(b readmodels.Batch) error {
		return eachPage(ctx, b, func(page []row) error {
			for _, x := range page {
				if x.wrapped == nil {
					continue
				}
				raw, err := unwrap(r.master, x.id, x.wrapped)
				if err != nil {
					return fmt.Errorf("key %s: %w", x.id, err)
				}
				if err := b.Exec(ctx, `UPDATE keys SET wrapped = ? WHERE id = ?`, wrap(next, x.id, raw), x.id); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if errors.Is(err, errUnwrap) {
		return fmt.Errorf("keyring: %w", err)
	}
	if err != nil {
		return unavailable(err)
	}
	r.master = next
	// It has happened, whatever comes of this: the engine vacuums by itself too.
	_ = r.store.Vacuum(ctx, "keys")
	return nil
}

// pageSize is how many rows are in memory at once when all are read.
const pageSize = 500

// eachPage calls f with all rows, in the order of their ids.
func eachPage(ctx context.Context, r readmodels.Reader, f func([]row) error) error {
	for last := ""; ; {
		page, err := rowsOf(ctx, r, `WHERE id > ? ORDER BY id LIMIT ?`, last, pageSize)
		if err != nil || len(page) == 0 {
			return err
		}
		if err := f(page); err != nil {
			return err
		}
		last = page[len(page)-1].id
	}
}

// Backup writes a copy of the keyring to the new file path, while it is in
// use. The copy needs the master key too, and is to be kept apart from the log.
func (r *Ring) Backup(ctx context.Context, path string) error {
	if f, ok := r.store.(*file); ok {
		if err := private(path); err != nil { // VACUUM INTO takes an empty file
			return err
		}
		return unavailable(f.backup(ctx, path))
	}
	if old, err := os.Stat(path); err == nil && old.Size() > 0 {
		return fmt.Errorf("keyring: %s is there already", path)
	}
	to, err := openFile(path)
	if err != nil {
		return err
	}
	r.mu.RLock() // Rewrap is not half done
	defer r.mu.RUnlock()
	err = to.Batch(ctx, func(b readmodels.Batch) error {
		return r.store.Read(ctx, func(from readmodels.Reader) error {
			return eachPage(ctx, from, func(page []row) error {
				for _, x := range page {
					if err := put(ctx, b, x); err != nil {
						return err
					}
				}
				return nil
			})
		})
	})
	return errors.Join(unavailable(err), to.db.Close())
}
