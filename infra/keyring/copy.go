package keyring

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
)

// copyPage is how many keys are read, and written in one transaction.
const copyPage = 500

// ErrOthersKeys says that a keyring holds the keys of another community.
var ErrOthersKeys = errors.New("keyring: the target holds keys of another community")

// row is a row of the table. wrapped is nil where the key was destroyed.
type row struct {
	id, owner       string
	parent, wrapped []byte
}

// CopyTo copies every key, wrapped by the target's master key, and returns how
// many there are. Keys that are there already stay, those destroyed here are
// destroyed there, and none that was destroyed there comes back; so it may be
// cut off and called again. Nobody else may use either keyring meanwhile.
// Errors: ErrOthersKeys.
func (r *Ring) CopyTo(ctx context.Context, target *Ring) (copied int, err error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	target.mu.Lock()
	defer target.mu.Unlock()
	defer func() {
		target.byID.Purge()
		target.byOwner.Purge()
	}()
	for last := ""; ; {
		page, err := r.page(ctx, last)
		if err != nil || len(page) == 0 {
			return copied, err
		}
		last = page[len(page)-1].id
		n := 0
		for i := range page {
			if page[i].owner == systemPrefix+checkKey {
				continue // each keyring tries its master key on one of its own
			}
			if page[n], err = page[i].rewrapped(r.master, target.master); err != nil {
				return copied, err
			}
			n++
		}
		if err := target.put(ctx, page[:n]); err != nil {
			return copied, err
		}
		copied += n
	}
}

// rewrapped is the row for a keyring of another master key.
func (w row) rewrapped(from, to cipher.AEAD) (row, error) {
	if w.wrapped == nil {
		return w, nil
	}
	inner, err := unwrap(from, w.id, w.wrapped)
	if err != nil {
		return row{}, fmt.Errorf("keyring: key %s: %w", w.id, err)
	}
	w.wrapped = wrap(to, w.id, inner)
	return w, nil
}

// page reads the rows that follow an id.
func (r *Ring) page(ctx context.Context, after string) (page []row, err error) {
	rows, err := r.db.QueryContext(ctx, `SELECT id, owner, parent, wrapped FROM keys WHERE id > ? ORDER BY id LIMIT ?`, after, copyPage)
	if err != nil {
		return nil, unavailable(err)
	}
	defer func() { err = errors.Join(err, unavailable(rows.Close())) }()
	for rows.Next() {
		var w row
		if err := rows.Scan(&w.id, &w.owner, &w.parent, &w.wrapped); err != nil {
			return nil, unavailable(err)
		}
		page = append(page, w)
	}
	return page, unavailable(rows.Err())
}

// put writes rows, all or none. A row of a destroyed key keeps the id that it
// has there: nothing is sealed under either.
func (r *Ring) put(ctx context.Context, page []row) error {
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return unavailable(err)
	}
	defer func() { _ = tx.Rollback() }()
	for _, w := range page {
		if w.wrapped == nil {
			_, err := tx.ExecContext(ctx, `INSERT INTO keys (id, owner) VALUES (?, ?)
				ON CONFLICT (owner) DO UPDATE SET wrapped = NULL, parent = NULL`, w.id, w.owner)
			if err != nil {
				return unavailable(err)
			}
			continue
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO keys (id, owner, parent, wrapped) VALUES (?, ?, ?, ?)
			ON CONFLICT (owner) DO NOTHING`, w.id, w.owner, w.parent, w.wrapped)
		if err != nil {
			return unavailable(err)
		}
		var id string
		var gone bool
		err = tx.QueryRowContext(ctx, `SELECT id, wrapped IS NULL FROM keys WHERE owner = ?`, w.owner).Scan(&id, &gone)
		if err != nil {
			return unavailable(err)
		}
		if id != w.id && !gone {
			return fmt.Errorf("%w: %s has another key there", ErrOthersKeys, w.owner)
		}
	}
	return unavailable(tx.Commit())
}
