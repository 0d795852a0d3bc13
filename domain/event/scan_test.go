package event

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// The short ways of decoding give what encoding/json gives, or give up.
func TestShortWaysAgreeWithJSON(t *testing.T) {
	t.Parallel()
	check := func(t interface{ Errorf(string, ...any) }, stored []byte) {
		if got, ok := scanSealed(stored); ok {
			var want Sealed
			if err := json.Unmarshal(stored, &want); err != nil || got.KeyID != want.KeyID || string(got.Value) != string(want.Value) {
				t.Errorf("sealed %q: got %v, json says %v, %v", stored, got, want, err)
			}
		}
		if got, ok := plainString(stored); ok {
			var want string
			if err := json.Unmarshal(stored, &want); err != nil || got != want {
				t.Errorf("string %q: got %q, json says %q, %v", stored, got, want, err)
			}
		}
	}
	for _, odd := range []string{``, `"`, `""`, `"a\u0041"`, "\"\xff\"", "\"a\nb\"", `"a"b"`, `{"sealed":"a","value":""}`, `{"sealed":"a"}`,
		`{"sealed":"a","value":"====" }`, `{"sealed":"a","value":"AA==","value":"AAAA"}`, `{"sealed":"a","value":"A\nA=="}`, `{"sealed":"","value":null}`,
		`{"sealed":"a","x":"b","value":"AAAA"}`, "{\"sealed\":\"a\",\"value\":\"AA\n==\"}", "{\"sealed\":\"a\xff\",\"value\":\"AAAA\"}", "{\"sealed\":\"a\x01\",\"value\":\"AAAA\"}"} {
		check(t, []byte(odd))
	}
	rapid.Check(t, func(t *rapid.T) {
		s := Sealed{KeyID: rapid.String().Draw(t, "id"), Value: rapid.SliceOf(rapid.Byte()).Draw(t, "value")}
		stored, _ := json.Marshal(s)
		check(t, stored)
		text, _ := json.Marshal(rapid.String().Draw(t, "text"))
		check(t, text)
		check(t, rapid.SliceOf(rapid.SampledFrom([]byte(`"\{}:,sealedvalue=`+"\n"))).Draw(t, "any"))
	})
	usual, _ := json.Marshal(Sealed{KeyID: "abc_-9", Value: []byte("value")})
	if s, ok := scanSealed(usual); !ok || !reflect.DeepEqual(s, Sealed{KeyID: "abc_-9", Value: []byte("value")}) {
		t.Errorf("the usual form takes the long way: %s", usual)
	}
	if s, ok := plainString([]byte(`"ä 🙂"`)); !ok || s != "ä 🙂" {
		t.Errorf("the usual string takes the long way: %q", s)
	}
}

// oneKey seals everything.
type oneKey struct{ aead cipher.AEAD }

func (k oneKey) SealingKey(context.Context, Owner) (string, cipher.AEAD, error) {
	return "k", k.aead, nil
}
func (k oneKey) OpeningKey(context.Context, string) (cipher.AEAD, error) { return k.aead, nil }

type kind string

type mixed struct {
	ID     uuid.UUID         `json:"id"`
	Kind   kind              `json:"kind"`
	Text   string            `json:"text,omitempty"`
	Sealed string            `json:"sealed" seal:"community"`
	N      int64             `json:"n"`
	Small  int8              `json:"small,omitempty"`
	Yes    bool              `json:"yes"`
	At     time.Time         `json:"at"`
	List   []string          `json:"list,omitempty"`
	Map    map[string]int    `json:"map,omitempty"`
	Next   *mixed            `json:"next,omitempty"`
	Secret map[string]string `json:"secret,omitempty" seal:"community"`
	Float  float64           `json:"float"`
}

func drawMixed(t *rapid.T, depth int) mixed {
	m := mixed{
		ID: uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")), Kind: kind(rapid.String().Draw(t, "kind")),
		Text: rapid.String().Draw(t, "text"), Sealed: rapid.String().Draw(t, "sealed"), N: rapid.Int64().Draw(t, "n"),
		Small: rapid.Int8().Draw(t, "small"), Yes: rapid.Bool().Draw(t, "yes"), At: time.UnixMilli(rapid.Int64Range(0, 1<<40).Draw(t, "at")).UTC(),
		List: rapid.SliceOf(rapid.String()).Draw(t, "list"), Map: rapid.MapOf(rapid.String(), rapid.Int()).Draw(t, "map"),
		Secret: rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "secret"), Float: rapid.Float64Range(-1e9, 1e9).Draw(t, "float"),
	}
	if depth > 0 && rapid.Bool().Draw(t, "deeper") {
		next := drawMixed(t, depth-1)
		m.Next = &next
	}
	return m
}

// Invariant 10: what is scanned decodes to what encoding/json makes of it,
// and what is refused is refused, for bytes as they were written and for
// bytes that somebody changed.
func TestScannedIsDecoded(t *testing.T) {
	t.Parallel()
	block, _ := aes.NewCipher(make([]byte, 32))
	aead, _ := cipher.NewGCM(block)
	catalogue, err := NewCatalogue([]Definition{Of[mixed]("a.mixed.v1", Forum, nil)})
	if err != nil {
		t.Fatal(err)
	}
	slowly, _ := NewCatalogue([]Definition{Of[mixed]("a.mixed.v1", Forum, nil)})
	slowly.byName["a.mixed.v1"].plan.quoted = true
	fast, slow := NewCodec(catalogue, oneKey{aead}), NewCodec(slowly, oneKey{aead})
	ctx := t.Context()
	rapid.Check(t, func(t *rapid.T) {
		_, stored, err := fast.Encode(ctx, "a-1", uuid.Nil, drawMixed(t, 1))
		if err != nil {
			t.Fatal(err)
		}
		raws := make([][]byte, len(catalogue.byName["a.mixed.v1"].plan.fields))
		if !catalogue.byName["a.mixed.v1"].plan.scan(stored, raws) {
			t.Fatalf("not scanned: %s", stored)
		}
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			stored = change(t, stored)
		}
		rec := Record{Stream: "a-1", Type: "a.mixed.v1", Data: stored}
		got, gotErr := fast.Decode(ctx, rec)
		want, wantErr := slow.Decode(ctx, rec)
		if (gotErr == nil) != (wantErr == nil) {
			t.Fatalf("%s: error %v, encoding/json %v", stored, gotErr, wantErr)
		}
		if d := cmp.Diff(want.Payload, got.Payload); d != "" {
			t.Fatalf("%s: (-json +scanned)\n%s", stored, d)
		}
	})
}

// change does one thing to the bytes that a writer of ours would not.
func change(t *rapid.T, b []byte) []byte {
	if len(b) == 0 {
		return b
	}
	b = bytes.Clone(b)
	at := rapid.IntRange(0, len(b)-1).Draw(t, "at")
	switch rapid.IntRange(0, 3).Draw(t, "change") {
	case 0:
		b[at] = rapid.SampledFrom([]byte("{}[]\",:\\01-n \x00\xff")).Draw(t, "byte")
	case 1:
		return b[:at]
	case 2:
		word := rapid.SampledFrom([]string{" ", ",", `"n":1,`, `"N":2,`, `"x":null,`, `"yes":null,`, "0", "\\u0041"}).Draw(t, "word")
		return append(b[:at:at], word+string(b[at:])...)
	case 3:
		word := rapid.SampledFrom([]string{`"n":`, `"yes":`, `"id":`, `"list":`, `"text":`}).Draw(t, "field")
		value := rapid.SampledFrom([]string{"null,", "01,", "1.5,", "true,", `"x",`, "[1,", "{},", `"\u00e4",`}).Draw(t, "value")
		return bytes.Replace(b, []byte(word), []byte(word+value+word), 1)
	}
	return b
}
