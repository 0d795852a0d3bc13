package keyring_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/infra/keyring"
)

// O7: what was sealed before a copy is opened after it, under another master
// key; what was erased before, between or there stays erased.
func TestCopyTo(t *testing.T) {
	t.Parallel()
	ctx, from := t.Context(), newRing(t)
	to, err := keyring.Open(filepath.Join(t.TempDir(), "keys.db"), bytes.Repeat([]byte{9}, keyring.KeySize))
	must(t, err)
	t.Cleanup(func() { _ = to.Close() })

	accounts := make([]uuid.UUID, 600) // more than a page
	for i := range accounts {
		accounts[i] = uuid.New()
		must(t, from.EnsureAccount(ctx, accounts[i]))
	}
	pseudonym := uuid.New()
	must(t, from.EnsurePseudonym(ctx, pseudonym, accounts[0]))
	names, err := from.System(ctx, "names")
	must(t, err)
	must(t, from.Destroy(ctx, accounts[1]))

	sealed := map[uuid.UUID]event.Record{}
	codec := newCodec(t, from)
	for _, who := range []uuid.UUID{accounts[0], accounts[2], accounts[3], accounts[4], pseudonym} {
		id := uuid.New()
		typ, data, err := codec.Encode(ctx, "thing-"+accounts[0].String(), id, written{Author: who, Title: "title", Bio: "bio", Board: "board", Real: accounts[0]})
		must(t, err)
		sealed[who] = event.Record{Stream: "thing-" + accounts[0].String(), ID: id, Type: typ, Data: data}
	}

	const want = 600 + 1 + 3 // accounts, pseudonym, system keys: names, community, anonymous
	for range 2 {
		n, err := from.CopyTo(ctx, to)
		if err != nil || n != want {
			t.Fatalf("copied %d keys, want %d: %v", n, want, err)
		}
	}
	must(t, from.Destroy(ctx, accounts[2])) // erased here after the first copy
	must(t, to.Destroy(ctx, accounts[3]))   // and there
	if _, err := from.CopyTo(ctx, to); err != nil {
		t.Fatal(err)
	}

	for who, erased := range map[uuid.UUID]bool{accounts[0]: false, pseudonym: false, accounts[4]: false, accounts[2]: true, accounts[3]: true} {
		d, err := newCodec(t, to).Decode(ctx, sealed[who])
		must(t, err)
		w := d.Payload.(written)
		if d.Erased != erased || erased != (w.Title == "") || w.Board != "board" || w.Real != accounts[0] {
			t.Errorf("%s: erased %v, want %v: %+v", who, d.Erased, erased, w)
		}
	}
	if err := to.EnsureAccount(ctx, accounts[1]); !errors.Is(err, event.ErrKeyGone) {
		t.Errorf("a destroyed account came back: %v", err)
	}
	if got, err := to.System(ctx, "names"); err != nil || !bytes.Equal(got, names) {
		t.Errorf("the key of names differs: %v", err)
	}
}

// O7: the keys of one community do not go where another one's are.
func TestCopyToOthers(t *testing.T) {
	t.Parallel()
	ctx, from, to := t.Context(), newRing(t), newRing(t)
	for _, r := range []*keyring.Ring{from, to} {
		_, err := r.System(ctx, "names")
		must(t, err)
	}
	if _, err := from.CopyTo(ctx, to); !errors.Is(err, keyring.ErrOthersKeys) {
		t.Errorf("got %v", err)
	}
}
