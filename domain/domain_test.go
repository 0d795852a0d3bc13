package domain_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain"
	"github.com/parleyhq/parley/domain/event"
)

var update = flag.Bool("update", false, "add the samples that are missing; those that are there never change")

const samples = "testdata/events"

// sample is one event as it was written once, and what it said.
type sample struct {
	Type   string          `json:"type"`
	Stream string          `json:"stream"`
	ID     uuid.UUID       `json:"id"`
	Stored json.RawMessage `json:"stored"` // with fields sealed under testKeys
	Opened json.RawMessage `json:"opened"` // lifted to the newest version
}

var (
	sampleID   = uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8057")
	sampleTime = time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
)

// testKeys derives each key from its owner: whoever has the sample can open it.
type testKeys struct{}

func (testKeys) SealingKey(_ context.Context, o event.Owner) (string, cipher.AEAD, error) {
	id := string(o.Class) + ":" + o.Account.String()
	key, err := testKeys{}.OpeningKey(context.Background(), id)
	return id, key, err
}

func (testKeys) OpeningKey(_ context.Context, id string) (cipher.AEAD, error) {
	sum := sha256.Sum256([]byte("golden samples " + id))
	block, err := aes.NewCipher(sum[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// Q6, invariant 10: every version of every event that was ever written stays
// readable, and says what it said. A type that was given a field since has one
// more sample, NAME.2.json. -update adds missing samples alone.
func TestGoldenSamples(t *testing.T) {
	t.Parallel()
	catalogue, err := domain.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	codec := event.NewCodec(catalogue, testKeys{})
	known := map[string]bool{}
	for _, d := range catalogue.Definitions() {
		all, err := load(d.Name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(d.Name, func(t *testing.T) {
			if lacks := missing(t, codec, d, all); lacks && *update {
				all = append(all, record(t, codec, d, len(all)))
			} else if lacks {
				t.Fatal("a field of it stands in no sample (go test ./domain -update adds one)")
			}
			for _, s := range all {
				check(t, codec, d, s)
			}
		})
		for n := range all {
			known[file(d.Name, n)] = true
		}
	}
	files, err := os.ReadDir(samples)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !known[f.Name()] {
			t.Errorf("%s was written once and is not in the catalogue any more", f.Name())
		}
	}
}

func check(t *testing.T, codec *event.Codec, d event.Definition, s sample) {
	t.Helper()
	rec := event.Record{Position: 1, Stream: s.Stream, ID: s.ID, Type: s.Type, Data: s.Stored}
	got, err := codec.Decode(t.Context(), rec)
	if err != nil {
		t.Fatal(err)
	}
	if got.Erased {
		t.Error("a key is missing")
	}
	opened, err := json.Marshal(got.Payload)
	if err != nil {
		t.Fatal(err)
	}
	if !sameJSON(opened, s.Opened) {
		t.Errorf("it said\n%s\nand says now\n%s", s.Opened, opened)
	}
	if !d.Newest() {
		return
	}
	_, stored, err := codec.Encode(t.Context(), s.Stream, s.ID, got.Payload)
	if err != nil {
		t.Fatal(err)
	}
	if was, is := shapeOf(t, s.Stored), shapeOf(t, stored); !reflect.DeepEqual(was, is) {
		t.Errorf("it was stored as\n%v\nand would be now as\n%v", was, is)
	}
}

// shapeOf is stored JSON without what differs each time it is sealed.
func shapeOf(t *testing.T, stored []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(stored, &m); err != nil {
		t.Fatal(err)
	}
	for name, v := range m {
		if sealed, ok := v.(map[string]any); ok && sealed["sealed"] != nil {
			m[name] = sealed["sealed"]
		}
	}
	return m
}

func sameJSON(a, b []byte) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && x.String() == y.String()
}

// file is that of the nth sample of a type, from 0.
func file(name string, n int) string {
	if n == 0 {
		return name + ".json"
	}
	return fmt.Sprintf("%s.%d.json", name, n+1)
}

// load reads the samples of a type, oldest first.
func load(name string) (all []sample, err error) {
	for {
		raw, err := os.ReadFile(filepath.Join(samples, file(name, len(all))))
		if errors.Is(err, fs.ErrNotExist) {
			return all, nil
		}
		var s sample
		if err == nil {
			err = json.Unmarshal(raw, &s)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file(name, len(all)), err)
		}
		all = append(all, s)
	}
}

// missing says whether a type has no sample, or its newest version a field that
// stands in none.
func missing(t *testing.T, codec *event.Codec, d event.Definition, all []sample) bool {
	t.Helper()
	if !d.Newest() {
		return len(all) == 0
	}
	lacks := shapeOf(t, filled(t, codec, d).Stored)
	for _, s := range all {
		for name := range shapeOf(t, s.Stored) {
			delete(lacks, name)
		}
	}
	return len(all) == 0 || len(lacks) > 0
}

// filled is a sample of the newest version of a type, with every field.
func filled(t *testing.T, codec *event.Codec, d event.Definition) sample {
	t.Helper()
	value := reflect.New(reflect.TypeOf(d.Zero())).Elem()
	fill(value, "")
	data := value.Interface()
	s := sample{Stream: event.StreamName(d.Category(), sampleID.String()), ID: sampleID}
	var stored []byte
	var err error
	if s.Type, stored, err = codec.Encode(t.Context(), s.Stream, s.ID, data); err != nil {
		t.Fatal(err)
	}
	s.Stored = stored
	if s.Opened, err = json.Marshal(data); err != nil {
		t.Fatal(err)
	}
	return s
}

// record writes the nth sample of a type.
func record(t *testing.T, codec *event.Codec, d event.Definition, n int) sample {
	t.Helper()
	if !d.Newest() {
		t.Fatal("a version that was replaced is not written any more")
	}
	s := filled(t, codec, d)
	raw, err := json.MarshalIndent(s, "", "  ")
	if err == nil {
		err = os.MkdirAll(samples, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(samples, file(d.Name, n)), append(raw, '\n'), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fill sets every field to something that is not its zero value.
func fill(v reflect.Value, name string) {
	switch v.Interface().(type) {
	case uuid.UUID:
		v.Set(reflect.ValueOf(sampleID))
		return
	case time.Time:
		v.Set(reflect.ValueOf(sampleTime))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), name)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), v.Type().Field(i).Name)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), name)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, name)
		fill(value, name)
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString("some " + strings.ToLower(name) + " – 日本語")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(7)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(0.5)
	}
}
