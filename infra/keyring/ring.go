package keyring

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"sync"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/readmodels"
)

// cacheSize bounds the keys kept ready in memory, at about 1 KiB each.
const cacheSize = 8192

// checkKey is the system key on which a master key is tried.
const checkKey = "check"

// ErrWrongMasterKey says that the keyring was wrapped by another master key.
var ErrWrongMasterKey = errors.New("keyring: the master key is not the one that wraps this keyring")

// Ring is the keyring. It may be used from any number of goroutines.
type Ring struct {
	store Store
	close func() error

	// mu lets Destroy and Rewrap wait for those who load a key into the
	// caches, so that no destroyed key gets in behind them.
	mu      sync.RWMutex
	master  cipher.AEAD
	byID    *lru.Cache[string, *key]
	byOwner *lru.Cache[string, *key]
}

var _ event.Keys = (*Ring)(nil)

// key is a row, unwrapped.
type key struct {
	id     string
	owner  string
	parent string // owner of the account that a pseudonym belongs to; "" otherwise
	raw    []byte // of system keys alone
	aead   cipher.AEAD
}

// Open opens or makes the keyring in the file at path. Errors:
// ErrWrongMasterKey.
func Open(path string, masterKey []byte) (*Ring, error) {
	r, err := newRing(masterKey)
	if err != nil {
		return nil, err
	}
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	r.store, r.close = f, f.db.Close
	if err := r.try(context.Background()); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// Over opens or makes the keyring in a store, which several processes may
// share. Closing it leaves the store open. Errors: ErrWrongMasterKey.
func Over(ctx context.Context, store Store, masterKey []byte) (*Ring, error) {
	r, err := newRing(masterKey)
	if err != nil {
		return nil, err
	}
	r.store, r.close = store, func() error { return nil }
	err = store.Batch(ctx, func(b readmodels.Batch) error { return b.Exec(ctx, schema) })
	if err != nil {
		return nil, unavailable(err)
	}
	if err := r.try(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

func newRing(masterKey []byte) (*Ring, error) {
	if len(masterKey) != KeySize {
		return nil, fmt.Errorf("keyring: the master key has %d bytes, want %d", len(masterKey), KeySize)
	}
	r := &Ring{}
	r.byID, _ = lru.New[string, *key](cacheSize)
	r.byOwner, _ = lru.New[string, *key](cacheSize)
	var err error
	r.master, err = newAEAD(masterKey)
	return r, err
}

func (r *Ring) try(ctx context.Context) error {
	_, err := r.System(ctx, checkKey)
	if errors.Is(err, errUnwrap) {
		return ErrWrongMasterKey
	}
	return err
}

// Close closes the file.
func (r *Ring) Close() error { return r.close() }

// SealingKey implements event.Keys.
func (r *Ring) SealingKey(ctx context.Context, owner event.Owner) (string, cipher.AEAD, error) {
	var k *key
	var err error
	switch owner.Class {
	case event.Personal, event.Secret:
		k, err = r.owned(ctx, owner.Account.String())
	case event.Community, event.Anonymous:
		k, err = r.system(ctx, string(owner.Class))
	default:
		err = fmt.Errorf("keyring: no key for the class %q", owner.Class)
	}
	if err != nil {
		return "", nil, err
	}
	return k.id, k.aead, nil
}

// OpeningKey implements event.Keys.
func (r *Ring) OpeningKey(ctx context.Context, id string) (cipher.AEAD, error) {
	if k, ok := r.byID.Get(id); ok {
		return k.aead, nil
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	k, err := r.load(ctx, "id", id)
	if err != nil {
		return nil, err
	}
	return k.aead, nil
}

// owned is the key of an owner. Errors: event.ErrKeyGone.
func (r *Ring) owned(ctx context.Context, owner string) (*key, error) {
	if k, ok := r.byOwner.Get(owner); ok {
		return k, nil
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.load(ctx, "owner", owner)
}

// load reads a row by "id" or "owner" and keeps its key ready. The caller
// holds mu.
func (r *Ring) load(ctx context.Context, column, value string) (*key, error) {
	found, err := rowsOf(ctx, r.store, `WHERE `+column+` = ?`, value)
	if err != nil {
		return nil, unavailable(err)
	}
	if len(found) == 0 || found[0].wrapped == nil {
		return nil, event.ErrKeyGone
	}
	k := key{id: found[0].id, owner: found[0].owner}
	parent, wrapped := found[0].parent, found[0].wrapped
	raw, err := unwrap(r.master, k.id, wrapped)
	if err != nil {
		return nil, fmt.Errorf("keyring: key %s: %w", k.id, err)
	}
	if parent != nil {
		if raw, err = r.unwrapPseudonym(ctx, &k, parent, raw); err != nil {
			return nil, err
		}
	}
	if k.aead, err = newAEAD(raw); err != nil {
		return nil, fmt.Errorf("keyring: key %s: %w", k.id, err)
	}
	if isSystem(k.owner) {
		k.raw = raw
	}
	r.byID.Add(k.id, &k)
	r.byOwner.Add(k.owner, &k)
	return &k, nil
}

// EnsureAccount makes the key of an account, once; calling it again, or at
// the same time elsewhere, is a success. Errors: event.ErrKeyGone for an
// account that was destroyed.
func (r *Ring) EnsureAccount(ctx context.Context, account uuid.UUID) error {
	owner := account.String()
	if r.byOwner.Contains(owner) {
		return nil
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	id := newID()
	return r.ensure(ctx, owner, func() error {
		return r.insert(ctx, id, owner, nil, wrap(r.master, id, randomKey()))
	})
}

// ensure inserts what is absent; a row without a key is event.ErrKeyGone.
// The caller holds mu.
func (r *Ring) ensure(ctx context.Context, owner string, insert func() error) error {
	found, err := rowsOf(ctx, r.store, `WHERE owner = ?`, owner)
	if err == nil && len(found) == 0 {
		if err := insert(); err != nil {
			return err
		}
		found, err = rowsOf(ctx, r.store, `WHERE owner = ?`, owner) // another one may have been first
	}
	if err != nil {
		return unavailable(err)
	}
	if len(found) == 0 || found[0].wrapped == nil {
		return event.ErrKeyGone
	}
	return nil
}

func (r *Ring) insert(ctx context.Context, id, owner string, parent, wrapped []byte) error {
	return unavailable(r.store.Batch(ctx, func(b readmodels.Batch) error {
		return put(ctx, b, row{id, owner, parent, wrapped})
	}))
}

// row is a row as it is stored.
type row struct {
	id, owner       string
	parent, wrapped []byte
}

// rowsOf reads the rows that a condition leaves.
func rowsOf(ctx context.Context, r readmodels.Reader, where string, args ...any) (all []row, err error) {
	rows, err := r.Query(ctx, `SELECT id, owner, parent, wrapped FROM keys `+where, args...)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var x row
		if err := rows.Scan(&x.id, &x.owner, &x.parent, &x.wrapped); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		all = append(all, x)
	}
	return all, errors.Join(rows.Err(), rows.Close())
}

// put adds a row, unless the owner has one.
func put(ctx context.Context, b readmodels.Batch, x row) error {
	return b.Exec(ctx, `INSERT INTO keys (id, owner, parent, wrapped) VALUES (?, ?, ?, ?) ON CONFLICT (owner) DO NOTHING`,
		x.id, x.owner, x.parent, x.wrapped)
}

// Destroy destroys the key of an account and, with it, those of its
// pseudonyms: nothing they sealed can be opened again. It is final. A second
// call, and one for an account that never had a key, is a success.
//
// The key may still be in what the engine keeps beside its tables (Postgres:
// the write-ahead log, replicas, base backups), wrapped by the master key: only
// rewrapping, and forgetting the master key of before, ends that.
func (r *Ring) Destroy(ctx context.Context, account uuid.UUID) error {
	if err := r.destroy(ctx, account.String()); err != nil {
		return unavailable(err)
	}
	return unavailable(r.store.Vacuum(ctx, "keys"))
}

func (r *Ring) destroy(ctx context.Context, owner string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.evict(owner) // whatever comes of it: it may have happened
	return r.store.Batch(ctx, func(b readmodels.Batch) error { return kill(ctx, b, newID(), owner) })
}

// kill takes the key of an owner away, and leaves or makes a row without one.
func kill(ctx context.Context, b readmodels.Batch, id, owner string) error {
	return b.Exec(ctx, `INSERT INTO keys (id, owner) VALUES (?, ?)
		ON CONFLICT (owner) DO UPDATE SET wrapped = NULL, parent = NULL`, id, owner)
}

// Evict forgets the ready keys of an account that another node destroyed.
func (r *Ring) Evict(account uuid.UUID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.evict(account.String())
}

func (r *Ring) evict(owner string) {
	for _, cache := range []*lru.Cache[string, *key]{r.byID, r.byOwner} {
		for _, name := range cache.Keys() {
			if k, ok := cache.Peek(name); ok && (k.owner == owner || k.parent == owner) {
				cache.Remove(name)
			}
		}
	}
}

// unavailable marks errors of the engine; those of a context stay themselves.
func unavailable(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w: %w", event.ErrKeysUnavailable, err)
}
