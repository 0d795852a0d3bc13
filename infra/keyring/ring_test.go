package keyring_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/keyring"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var master = bytes.Repeat([]byte{7}, keyring.KeySize)

func openRing(t *testing.T, path string) *keyring.Ring {
	t.Helper()
	r, err := open(t, path, master)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func newRing(t *testing.T) *keyring.Ring {
	t.Helper()
	return openRing(t, filepath.Join(t.TempDir(), "keys.db"))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// written carries every class, and owners by field and by stream.
type written struct {
	Author  uuid.UUID `json:"author"`
	Title   string    `json:"title" seal:"personal,Author"`
	Bio     string    `json:"bio,omitempty" seal:"personal"`
	Hash    []byte    `json:"hash,omitempty" seal:"secret"`
	Board   string    `json:"board,omitempty" seal:"community"`
	Real    uuid.UUID `json:"real" seal:"anonymous"`
	Visible int       `json:"visible"`
}

type other struct {
	Author uuid.UUID `json:"author"`
	Title  string    `json:"title" seal:"personal,Author"`
}

func newCodec(t *testing.T, r *keyring.Ring) *event.Codec {
	t.Helper()
	c, err := event.NewCatalogue([]event.Definition{
		event.Of[written]("thing.written.v1", event.Forum, nil),
		event.Of[other]("thing.other.v1", event.Forum, nil),
	})
	must(t, err)
	return event.NewCodec(c, r)
}

func record(stream, typ string, id uuid.UUID, data []byte) event.Record {
	return event.Record{Position: 1, Stream: stream, ID: id, Type: typ, Data: data}
}

// Invariant 9: what each class seals is not in the stored bytes, opens again
// (also after a restart), and a destroyed account takes its own fields alone.
func TestEveryClass(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.db")
	r := openRing(t, path)
	author, owner, id := uuid.New(), uuid.New(), uuid.New()
	must(t, r.EnsureAccount(t.Context(), author))
	must(t, r.EnsureAccount(t.Context(), owner))
	in := written{author, "a-title", "a-bio", []byte("a-hash"), "a-board", uuid.New(), 5}
	stream := "thing-" + owner.String()
	codec := newCodec(t, r)
	typ, stored, err := codec.Encode(t.Context(), stream, id, in)
	must(t, err)
	for _, plain := range []string{"a-title", "a-bio", "a-hash", "a-board", in.Real.String()} {
		if bytes.Contains(stored, []byte(plain)) {
			t.Errorf("%q is in the open: %s", plain, stored)
		}
	}
	decode := func(want written, erased bool) {
		t.Helper()
		got, err := codec.Decode(t.Context(), record(stream, typ, id, stored))
		must(t, err)
		if d := cmp.Diff(want, got.Payload); d != "" || got.Erased != erased {
			t.Errorf("erased %v: (-want +got)\n%s", got.Erased, d)
		}
	}
	decode(in, false)
	must(t, r.Close())
	r = openRing(t, path)
	codec = newCodec(t, r)
	decode(in, false)
	must(t, r.Destroy(t.Context(), author))
	in.Title = ""
	decode(in, true)
	must(t, r.Destroy(t.Context(), owner))
	in.Bio, in.Hash = "", nil
	decode(in, true)
	if _, _, err := codec.Encode(t.Context(), stream, id, in); !errors.Is(err, event.ErrKeyGone) {
		t.Errorf("sealed for a destroyed account: %v", err)
	}
	must(t, r.Close())
	codec = newCodec(t, openRing(t, path))
	decode(in, true)
}

// Invariant 9: a sealed value opens at its own event and field alone.
func TestMovedCiphertext(t *testing.T) {
	t.Parallel()
	r := newRing(t)
	author, id := uuid.New(), uuid.New()
	must(t, r.EnsureAccount(t.Context(), author))
	codec := newCodec(t, r)
	_, stored, err := codec.Encode(t.Context(), "thing-1", id, other{author, "title"})
	must(t, err)
	moved := map[string]event.Record{
		"event": record("thing-1", "thing.other.v1", uuid.New(), stored),
		"type":  record("thing-1", "thing.written.v1", id, stored),
		"field": record("thing-1", "thing.written.v1", id, bytes.Replace(stored, []byte(`"title"`), []byte(`"bio"`), 1)),
	}
	for what, rec := range moved {
		if d, err := codec.Decode(t.Context(), rec); err == nil {
			t.Errorf("moved to another %s, it opened: %+v", what, d.Payload)
		}
	}
	if _, err := codec.Decode(t.Context(), record("thing-1", "thing.other.v1", id, stored)); err != nil {
		t.Error(err)
	}
}

// Invariant 9: a pseudonym's key dies with its account, and the store names
// the pair nowhere.
func TestPseudonym(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.db")
	r := openRing(t, path)
	account, stranger, pseudonym := uuid.New(), uuid.New(), uuid.New()
	if err := r.EnsurePseudonym(t.Context(), pseudonym, account); !errors.Is(err, event.ErrKeyGone) {
		t.Errorf("a pseudonym of an account without a key: %v", err)
	}
	must(t, r.EnsureAccount(t.Context(), account))
	must(t, r.EnsureAccount(t.Context(), stranger))
	for range 2 {
		must(t, r.EnsurePseudonym(t.Context(), pseudonym, account))
	}
	if err := r.EnsurePseudonym(t.Context(), pseudonym, stranger); err == nil {
		t.Error("one pseudonym for two accounts")
	}
	if err := r.EnsurePseudonym(t.Context(), uuid.New(), pseudonym); err == nil {
		t.Error("a pseudonym of a pseudonym")
	}
	id := uuid.New()
	_, stored, err := newCodec(t, r).Encode(t.Context(), "thing-1", id, other{pseudonym, "title"})
	must(t, err)
	must(t, r.Close())
	all := everything(t, path)
	if n := bytes.Count(all, []byte(account.String())) + bytes.Count(all, account[:]); n > 2 { // its row and the row's index
		t.Errorf("the account is named %d times", n)
	}

	r = openRing(t, path)
	title := func() string {
		d, err := newCodec(t, r).Decode(t.Context(), record("thing-1", "thing.other.v1", id, stored))
		must(t, err)
		return d.Payload.(other).Title
	}
	if title() != "title" {
		t.Errorf("title is %q", title())
	}
	must(t, r.Destroy(t.Context(), account))
	if title() != "" {
		t.Errorf("title is %q, the account is destroyed", title())
	}
	if err := r.EnsurePseudonym(t.Context(), pseudonym, account); !errors.Is(err, event.ErrKeyGone) {
		t.Errorf("EnsurePseudonym after Destroy: %v", err)
	}
}

// However many ask at once, also on two nodes, there is one key.
func TestConcurrentEnsure(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.db")
	rings := []*keyring.Ring{openRing(t, path), openRing(t, path)}
	account, pseudonym := uuid.New(), uuid.New()
	ids := make([][3]string, 32)
	var group sync.WaitGroup
	for i := range ids {
		group.Go(func() {
			r := rings[i%2]
			err := errors.Join(r.EnsureAccount(t.Context(), account), r.EnsurePseudonym(t.Context(), pseudonym, account))
			raw, err2 := r.System(t.Context(), "names")
			a, _, err3 := r.SealingKey(t.Context(), event.Owner{Class: event.Personal, Account: account})
			p, _, err4 := r.SealingKey(t.Context(), event.Owner{Class: event.Secret, Account: pseudonym})
			if err := errors.Join(err, err2, err3, err4); err != nil {
				t.Error(err)
			}
			ids[i] = [3]string{string(raw), a, p}
		})
	}
	group.Wait()
	for _, got := range ids {
		if got != ids[0] {
			t.Errorf("%q differs from %q", got, ids[0])
		}
	}
	must(t, rings[0].Destroy(t.Context(), account))
	rings[1].Evict(account)
	for _, a := range []uuid.UUID{account, pseudonym} {
		if _, _, err := rings[1].SealingKey(t.Context(), event.Owner{Class: event.Personal, Account: a}); !errors.Is(err, event.ErrKeyGone) {
			t.Errorf("the other node after Evict: %v", err)
		}
	}
}

// No reader brings a key back into the cache behind Destroy.
func TestDestroyAgainstReaders(t *testing.T) {
	t.Parallel()
	r := newRing(t)
	for range 30 {
		account := uuid.New()
		must(t, r.EnsureAccount(t.Context(), account))
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for range 20 {
					_, _, _ = r.SealingKey(t.Context(), event.Owner{Class: event.Personal, Account: account})
				}
			})
		}
		must(t, r.Destroy(t.Context(), account))
		if _, _, err := r.SealingKey(t.Context(), event.Owner{Class: event.Personal, Account: account}); !errors.Is(err, event.ErrKeyGone) {
			t.Fatalf("after Destroy: %v", err)
		}
		group.Wait()
	}
}

func TestMasterKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key, err := keyring.NewMasterKey()
	must(t, err)
	path := filepath.Join(dir, "keys.db")
	r, err := open(t, path, key)
	must(t, err)
	account := uuid.New()
	must(t, r.EnsureAccount(t.Context(), account))
	before := sealing(t, r, account)
	if _, err := open(t, path, key[:16]); err == nil {
		t.Error("opened with half a key")
	}
	if _, err := open(t, path, master); !errors.Is(err, keyring.ErrWrongMasterKey) {
		t.Errorf("opened with another key: %v", err)
	}
	must(t, r.Rewrap(t.Context(), master))
	copied := filepath.Join(dir, "copy.db")
	must(t, r.Backup(t.Context(), copied))
	must(t, r.Close())
	if _, err := open(t, path, key); !errors.Is(err, keyring.ErrWrongMasterKey) {
		t.Errorf("the old key opens what was rewrapped: %v", err)
	}
	backup, err := keyring.Open(copied, master)
	must(t, err)
	t.Cleanup(func() { _ = backup.Close() })
	for what, ring := range map[string]*keyring.Ring{"the keyring": openRing(t, path), "its backup": backup} {
		if after := sealing(t, ring, account); after != before {
			t.Errorf("%s: key %s became %s", what, before, after)
		}
	}
}

// sealing is the id of an account's key and what it makes of a fixed nonce.
func sealing(t *testing.T, r *keyring.Ring, account uuid.UUID) string {
	t.Helper()
	id, key, err := r.SealingKey(context.Background(), event.Owner{Class: event.Personal, Account: account})
	must(t, err)
	return id + string(key.Seal(nil, make([]byte, key.NonceSize()), []byte("x"), nil))
}
