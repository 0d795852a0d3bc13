package event_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// ring is a keyring of keys derived from their ids; what is in gone is gone.
type ring struct{ gone map[string]bool }

func (r ring) SealingKey(ctx context.Context, o event.Owner) (string, cipher.AEAD, error) {
	id := string(o.Class) + "/" + o.Account.String()
	key, err := r.OpeningKey(ctx, id)
	return id, key, err
}

func (r ring) OpeningKey(_ context.Context, id string) (cipher.AEAD, error) {
	if r.gone[id] {
		return nil, event.ErrKeyGone
	}
	sum := sha256.Sum256([]byte(id))
	block, err := aes.NewCipher(sum[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

type letterV1 struct {
	Author uuid.UUID `json:"author"`
	Line   string    `json:"line" seal:"personal,Author"`
}

type letterV2 struct {
	Author uuid.UUID `json:"author"`
	Lines  []string  `json:"lines" seal:"personal,Author"`
}

type letter struct {
	Author uuid.UUID `json:"author"`
	Lines  []string  `json:"lines" seal:"personal,Author"`
	Words  int       `json:"words"`
}

type person struct {
	Email  string    `json:"email" seal:"personal"`
	Hash   string    `json:"hash,omitempty" seal:"secret"`
	Name   string    `json:"name" seal:"community"`
	Hidden uuid.UUID `json:"hidden,omitzero" seal:"anonymous"`
	Since  time.Time `json:"since"`
}

func catalogue(t *testing.T) *event.Catalogue {
	t.Helper()
	c, err := event.NewCatalogue([]event.Definition{
		event.Was("letter.sent.v1", func(l letterV1) letterV2 { return letterV2{l.Author, []string{l.Line}} }),
		event.Was("letter.sent.v2", func(l letterV2) letter {
			return letter{l.Author, l.Lines, len(strings.Fields(strings.Join(l.Lines, " ")))}
		}),
		event.Of("letter.sent.v3", event.Chat, func(l letter) string { return l.Author.String() }),
		event.Of[person]("person.met.v1", event.People, nil),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Q9: sealed fields are nowhere in the stored bytes, and come back.
func TestCodecSealsAndOpens(t *testing.T) {
	t.Parallel()
	ctx, account, id := t.Context(), uuid.New(), uuid.New()
	codec := event.NewCodec(catalogue(t), ring{})
	stream := event.StreamName("person", account.String())
	want := person{Email: "ada@example.org", Hash: "$argon2id$", Name: "Board", Hidden: uuid.New(), Since: time.UnixMilli(1e12).UTC()}
	typ, stored, err := codec.Encode(ctx, stream, id, want)
	if err != nil {
		t.Fatal(err)
	}
	for _, plain := range []string{want.Email, want.Hash, want.Name, want.Hidden.String()} {
		if strings.Contains(string(stored), plain) {
			t.Errorf("stored bytes show %q: %s", plain, stored)
		}
	}
	got, err := codec.Decode(ctx, event.Record{Stream: stream, ID: id, Type: typ, Data: stored})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.Payload); diff != "" || got.Erased {
		t.Errorf("came back otherwise (erased %v): %s", got.Erased, diff)
	}
	if got.Root() != account.String() {
		t.Errorf("root = %q", got.Root())
	}
}

// Q9: a key that is gone empties the fields it sealed, and no others.
func TestCodecWithoutTheKey(t *testing.T) {
	t.Parallel()
	ctx, account, id := t.Context(), uuid.New(), uuid.New()
	cat, stream := catalogue(t), event.StreamName("person", account.String())
	typ, stored, err := event.NewCodec(cat, ring{}).Encode(ctx, stream, id, person{Email: "a@b.c", Hash: "h", Name: "Board"})
	if err != nil {
		t.Fatal(err)
	}
	gone := ring{gone: map[string]bool{"personal/" + account.String(): true, "secret/" + account.String(): true}}
	got, err := event.NewCodec(cat, gone).Decode(ctx, event.Record{Stream: stream, ID: id, Type: typ, Data: stored})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(person{Name: "Board"}, got.Payload); diff != "" || !got.Erased {
		t.Errorf("erased = %v: %s", got.Erased, diff)
	}
	if _, _, err := event.NewCodec(cat, gone).Encode(ctx, stream, id, person{}); !errors.Is(err, event.ErrKeyGone) {
		t.Errorf("sealing without a key: %v", err)
	}
}

// Q9: a sealed value is bound to its event and its field.
func TestSealedValuesCannotMove(t *testing.T) {
	t.Parallel()
	ctx, account, id := t.Context(), uuid.New(), uuid.New()
	codec, stream := event.NewCodec(catalogue(t), ring{}), event.StreamName("person", account.String())
	typ, stored, err := codec.Encode(ctx, stream, id, person{Email: "a@b.c", Name: "n"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := codec.Decode(ctx, event.Record{Stream: stream, ID: uuid.New(), Type: typ, Data: stored}); err == nil {
		t.Error("opened under another event's id")
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(stored, &fields); err != nil {
		t.Fatal(err)
	}
	fields["name"], fields["email"] = fields["email"], fields["name"]
	swapped, _ := json.Marshal(fields)
	if _, err := codec.Decode(ctx, event.Record{Stream: stream, ID: id, Type: typ, Data: swapped}); err == nil {
		t.Error("opened under another field")
	}
}

// Older versions are lifted through every later one.
func TestCodecLiftsOldVersions(t *testing.T) {
	t.Parallel()
	ctx, author, id := t.Context(), uuid.New(), uuid.New()
	old, err := event.NewCatalogue([]event.Definition{event.Of[letterV1]("letter.sent.v1", event.Chat, nil)})
	if err != nil {
		t.Fatal(err)
	}
	typ, stored, err := event.NewCodec(old, ring{}).Encode(ctx, "letter-1", id, letterV1{author, "two words"})
	if err != nil {
		t.Fatal(err)
	}
	codec := event.NewCodec(catalogue(t), ring{})
	got, err := codec.Decode(ctx, event.Record{Stream: "letter-1", ID: id, Type: typ, Data: stored})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(letter{author, []string{"two words"}, 2}, got.Payload); diff != "" {
		t.Error(diff)
	}
	if got.Definition.Name != "letter.sent.v3" || got.Type != "letter.sent.v1" {
		t.Errorf("definition %s of a record of type %s", got.Definition.Name, got.Type)
	}
	if _, _, err := codec.Encode(ctx, "letter-1", id, letterV1{}); err == nil {
		t.Error("an old version was written")
	}
	if _, err := codec.Decode(ctx, event.Record{Type: "letter.burnt.v1"}); !errors.Is(err, event.ErrUnknownType) {
		t.Errorf("unknown type: %v", err)
	}
}

func TestCatalogueRefuses(t *testing.T) {
	t.Parallel()
	type noTag struct{ A int }
	type badClass struct {
		A string `json:"a" seal:"public"`
	}
	type noOwner struct {
		A string `json:"a" seal:"personal,B"`
	}
	for name, defs := range map[string][]event.Definition{
		"a name twice":           {event.Of[letter]("x.v1", event.Chat, nil), event.Of[letterV2]("x.v1", event.Chat, nil)},
		"a struct twice":         {event.Of[letter]("x.v1", event.Chat, nil), event.Of[letter]("y.v1", event.Chat, nil)},
		"a field without a name": {event.Of[noTag]("x.v1", event.Chat, nil)},
		"an unknown class":       {event.Of[badClass]("x.v1", event.Chat, nil)},
		"an owner that is none":  {event.Of[noOwner]("x.v1", event.Chat, nil)},
		"a lift to nowhere":      {event.Was("x.v1", func(letterV1) letterV2 { return letterV2{} })},
	} {
		if _, err := event.NewCatalogue(defs); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func BenchmarkCodec(b *testing.B) {
	codec, _ := event.NewCatalogue([]event.Definition{event.Of[letter]("letter.sent.v3", event.Chat, nil)})
	c, ctx, id := event.NewCodec(codec, ring{}), b.Context(), uuid.New()
	in := letter{Author: uuid.New(), Lines: []string{strings.Repeat("x", 200)}}
	_, stored, err := c.Encode(ctx, "letter-1", id, in)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _, _ = c.Encode(ctx, "letter-1", id, in)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = c.Decode(ctx, event.Record{Stream: "letter-1", ID: id, Type: "letter.sent.v3", Data: stored})
		}
	})
}
