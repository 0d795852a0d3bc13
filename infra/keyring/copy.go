package keyring

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"

	"github.com/parleyhq/parley/readmodels"
)

// ErrOthersKeys says that a keyring holds the keys of another community.
var ErrOthersKeys = errors.New("keyring: the target holds keys of another community")

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
	err = eachPage(ctx, r.store, func(page []row) error {
		n := 0
		for _, x := range page {
			if x.owner == systemPrefix+checkKey {
				continue // each keyring tries its master key on one of its own
			}
			if page[n], err = x.rewrapped(r.master, target.master); err != nil {
				return err
			}
			n++
		}
		copied += n
		return target.store.Batch(ctx, func(b readmodels.Batch) error {
			for _, x := range page[:n] {
				if err := take(ctx, b, x); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if errors.Is(err, ErrOthersKeys) || errors.Is(err, errUnwrap) {
		return copied, err
	}
	return copied, unavailable(err)
}

// rewrapped is the row for a keyring of another master key.
func (x row) rewrapped(from, to cipher.AEAD) (row, error) {
	if x.wrapped == nil {
		return x, nil
	}
	inner, err := unwrap(from, x.id, x.wrapped)
	if err != nil {
		return row{}, fmt.Errorf("keyring: key %s: %w", x.id, err)
	}
	x.wrapped = wrap(to, x.id, inner)
	return x, nil
}

// take puts a row of another keyring into this one. That of a destroyed key
// keeps the id that it has here: nothing is sealed under either.
func take(ctx context.Context, b readmodels.Batch, x row) error {
	if x.wrapped == nil {
		return kill(ctx, b, x.id, x.owner)
	}
	if err := put(ctx, b, x); err != nil {
		return err
	}
	here, err := rowsOf(ctx, b, `WHERE owner = ?`, x.owner)
	if err == nil && len(here) == 1 && here[0].id != x.id && here[0].wrapped != nil {
		err = fmt.Errorf("%w: %s has another key there", ErrOthersKeys, x.owner)
	}
	return err
}
