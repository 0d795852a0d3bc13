package keyring

import (
	"context"
	"crypto/cipher"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
	_ "modernc.org/sqlite" // the driver

	"github.com/parleyhq/parley/domain/event"
)

// cacheSize bounds the keys kept ready in memory, at about 1 KiB each.
const cacheSize = 8192

// checkKey is the system key on which a master key is tried.
const checkKey = "check"

// ErrWrongMasterKey says that the keyring was wrapped by another master key.
var ErrWrongMasterKey = errors.New("keyring: the master key is not the one that wraps this keyring")

// Ring is the keyring. It may be used from any number of goroutines.
type Ring struct {
	db *sql.DB

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

// The row of a destroyed account stays, without its key: so nobody can make
// another one. parent is sealed. The order of rows tells nothing, for there
// are no row ids.
const schema = `CREATE TABLE IF NOT EXISTS keys (
	id      TEXT PRIMARY KEY,
	owner   TEXT NOT NULL UNIQUE,
	parent  BLOB,
	wrapped BLOB
) WITHOUT ROWID`

// Open opens or makes the keyring at path. Errors: ErrWrongMasterKey.
func Open(path string, masterKey []byte) (*Ring, error) {
	if len(masterKey) != KeySize {
		return nil, fmt.Errorf("keyring: the master key has %d bytes, want %d", len(masterKey), KeySize)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	if err := private(path); err != nil {
		return nil, err
	}
	r := &Ring{}
	r.byID, _ = lru.New[string, *key](cacheSize)
	r.byOwner, _ = lru.New[string, *key](cacheSize)
	var err error
	if r.master, err = newAEAD(masterKey); err != nil {
		return nil, err
	}
	if r.db, err = sql.Open("sqlite", dsn(path)); err != nil {
		return nil, fmt.Errorf("keyring: %s: %w", path, err)
	}
	r.db.SetMaxOpenConns(1) // a rollback journal lets nobody read beside a writer anyway
	if err := r.begin(context.Background()); err != nil {
		return nil, errors.Join(err, r.db.Close())
	}
	return r, nil
}

// private makes the file, readable by its owner alone; SQLite gives its
// journal the same mode.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("keyring: %w", err)
	}
	return f.Close()
}

// dsn asks for a rollback journal that is cut to nothing at every commit: a
// write-ahead log would keep what was destroyed until it is next reused.
func dsn(path string) string {
	q := url.Values{"_pragma": {
		"busy_timeout(5000)", "journal_mode(TRUNCATE)", "synchronous(FULL)", "secure_delete(1)", "cache_size(-1024)",
	}}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String()
}

// begin makes the table and tries the master key on a key of its own.
func (r *Ring) begin(ctx context.Context) error {
	if _, err := r.db.ExecContext(ctx, schema); err != nil {
		return unavailable(err)
	}
	_, err := r.System(ctx, checkKey)
	if errors.Is(err, errUnwrap) {
		return ErrWrongMasterKey
	}
	return err
}

// Close closes the file.
func (r *Ring) Close() error { return r.db.Close() }

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
	var k key
	var parent, wrapped []byte
	err := r.db.QueryRowContext(ctx, `SELECT id, owner, parent, wrapped FROM keys WHERE `+column+` = ?`, value).
		Scan(&k.id, &k.owner, &parent, &wrapped)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, event.ErrKeyGone
	}
	if err != nil {
		return nil, unavailable(err)
	}
	if wrapped == nil {
		return nil, event.ErrKeyGone
	}
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
	var gone bool
	find := func() error {
		return r.db.QueryRowContext(ctx, `SELECT wrapped IS NULL FROM keys WHERE owner = ?`, owner).Scan(&gone)
	}
	err := find()
	if errors.Is(err, sql.ErrNoRows) {
		if err = insert(); err != nil {
			return err
		}
		err = find() // another one may have been first
	}
	if err != nil {
		return unavailable(err)
	}
	if gone {
		return event.ErrKeyGone
	}
	return nil
}

func (r *Ring) insert(ctx context.Context, id, owner string, parent, wrapped []byte) error {
	_, err := r.db.ExecContext(ctx, `INSERT INTO keys (id, owner, parent, wrapped) VALUES (?, ?, ?, ?)
		ON CONFLICT (owner) DO NOTHING`, id, owner, parent, wrapped)
	return unavailable(err)
}

// Destroy destroys the key of an account and, with it, those of its
// pseudonyms: nothing they sealed can be opened again. It is final. A second
// call, and one for an account that never had a key, is a success.
func (r *Ring) Destroy(ctx context.Context, account uuid.UUID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	owner := account.String()
	_, err := r.db.ExecContext(ctx, `INSERT INTO keys (id, owner) VALUES (?, ?)
		ON CONFLICT (owner) DO UPDATE SET wrapped = NULL, parent = NULL`, newID(), owner)
	r.evict(owner) // whatever err says: it may have happened
	return unavailable(err)
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
