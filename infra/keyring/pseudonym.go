package keyring

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// Bounds of wrapping, apart from the fields of events that the same keys seal.
const (
	parentBound    = "keyring/parent/"
	pseudonymBound = "keyring/pseudonym/"
)

// EnsurePseudonym makes the key of an anonymous author's pseudonym, once. It
// is wrapped by the account's key, and which account that is is sealed under
// the system key of anonymous authors.
// Errors: event.ErrKeyGone if the account's key is; a pseudonym of another
// account.
func (r *Ring) EnsurePseudonym(ctx context.Context, pseudonym, account uuid.UUID) error {
	authors, err := r.system(ctx, string(event.Anonymous))
	if err != nil {
		return err
	}
	parent, err := r.owned(ctx, account.String())
	if err != nil {
		return err
	}
	if parent.parent != "" {
		return errors.New("keyring: a pseudonym belongs to an account")
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	owner, id := pseudonym.String(), newID()
	err = r.ensure(ctx, owner, func() error {
		inner := wrap(parent.aead, pseudonymBound+id, randomKey())
		link := wrap(authors.aead, parentBound+id, account[:])
		return r.insert(ctx, id, owner, link, wrap(r.master, id, inner))
	})
	if err != nil {
		return err
	}
	k, err := r.load(ctx, "owner", owner)
	if err != nil {
		return err
	}
	if k.parent != parent.owner {
		return errors.New("keyring: the pseudonym belongs to another account")
	}
	return nil
}

// unwrapPseudonym opens the inner wrapping of a pseudonym's key and fills in
// its parent. The caller holds mu.
func (r *Ring) unwrapPseudonym(ctx context.Context, k *key, link, inner []byte) ([]byte, error) {
	authors, err := r.cached(ctx, systemPrefix+string(event.Anonymous))
	if err != nil {
		return nil, err
	}
	account, err := unwrap(authors.aead, parentBound+k.id, link)
	if err != nil {
		return nil, fmt.Errorf("keyring: account of key %s: %w", k.id, err)
	}
	owner, err := uuid.FromBytes(account)
	if err != nil {
		return nil, fmt.Errorf("keyring: account of key %s: %w", k.id, err)
	}
	parent, err := r.cached(ctx, owner.String())
	if err != nil {
		return nil, err
	}
	k.parent = parent.owner
	raw, err := unwrap(parent.aead, pseudonymBound+k.id, inner)
	if err != nil {
		return nil, fmt.Errorf("keyring: key %s: %w", k.id, err)
	}
	return raw, nil
}

// cached is owned for callers that hold mu.
func (r *Ring) cached(ctx context.Context, owner string) (*key, error) {
	if k, ok := r.byOwner.Get(owner); ok {
		return k, nil
	}
	return r.load(ctx, "owner", owner)
}
