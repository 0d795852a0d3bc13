package event

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/google/uuid"
)

// Sealing. A field of an event's struct that carries the tag
//
//	seal:"personal,Author"   what a person wrote or is named by
//	seal:"secret,Author"     hashes and seeds: never shown outside, whatever the scope
//	seal:"community"         names and settings of boards and rooms
//	seal:"anonymous"         the author of an anonymous post
//
// is stored as {"sealed": <key id>, "value": <base64 of nonce and ciphertext>},
// AES-256-GCM over the field's JSON, bound to the event's id, type and field.
// The second word names the struct's field (a uuid.UUID) that holds the
// account whose key it is; without it, it is the account of the stream's name.

// Class is the kind of a sealed field.
type Class string

// The classes.
const (
	Personal  Class = "personal"
	Secret    Class = "secret"
	Community Class = "community"
	Anonymous Class = "anonymous"
)

// Owner says whose key seals a field: an account's or pseudonym's for
// Personal and Secret, a system key for the other classes.
type Owner struct {
	Class   Class
	Account uuid.UUID // for Personal and Secret
}

// Keys is the keyring as the codec sees it.
type Keys interface {
	// SealingKey is the key of owner and its opaque id. Errors: ErrKeyGone.
	SealingKey(ctx context.Context, owner Owner) (id string, key cipher.AEAD, err error)
	// OpeningKey is the key of that id. Errors: ErrKeyGone.
	OpeningKey(ctx context.Context, id string) (cipher.AEAD, error)
}

// ErrKeyGone says that a key was destroyed, or never made.
var ErrKeyGone = errors.New("event: the key is gone")

// ErrKeysUnavailable says that the keyring does not answer. It is no fault of
// the event: the same call may succeed later.
var ErrKeysUnavailable = errors.New("event: the keyring does not answer")

// Sealed is the stored form of a sealed field.
type Sealed struct {
	KeyID string `json:"sealed"`
	Value []byte `json:"value"`
}

func bind(id uuid.UUID, typ, field string) []byte {
	return append(append(append(append(make([]byte, 0, 64), id[:]...), typ...), 0), field...)
}

func (c *Codec) seal(ctx context.Context, owner Owner, bound, plain []byte) ([]byte, error) {
	id, key, err := c.keys.SealingKey(ctx, owner)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, key.NonceSize(), key.NonceSize()+len(plain)+key.Overhead())
	_, _ = rand.Read(nonce) // never fails
	return json.Marshal(Sealed{KeyID: id, Value: key.Seal(nonce, nonce, plain, bound)})
}

func (c *Codec) unseal(ctx context.Context, bound, stored []byte) ([]byte, error) {
	s, ok := scanSealed(stored)
	if !ok {
		if err := json.Unmarshal(stored, &s); err != nil {
			return nil, err
		}
	}
	key, err := c.keys.OpeningKey(ctx, s.KeyID)
	if err != nil {
		return nil, err
	}
	if len(s.Value) < key.NonceSize() {
		return nil, errors.New("sealed value is too short")
	}
	nonce, sealed := s.Value[:key.NonceSize()], s.Value[key.NonceSize():]
	return key.Open(sealed[:0], nonce, sealed, bound) // in place
}

// A plan is how a struct is stored: a shadow struct in which sealed fields
// are raw JSON, so that one call of encoding/json does each direction.
type plan struct {
	shadow reflect.Type
	fields []field
	quoted bool // a tag asks for numbers in strings: encoding/json alone does that
}

type field struct {
	name    string // in JSON
	seal    *Class
	account int // index of the field that names the owner; -1: the stream's id
	omit    bool
	short   short
}

func (f field) owner(stream string, value reflect.Value) Owner {
	o := Owner{Class: *f.seal}
	switch {
	case o.Class != Personal && o.Class != Secret:
	case f.account >= 0:
		o.Account, _ = value.Field(f.account).Interface().(uuid.UUID)
	default:
		o.Account, _ = uuid.Parse(StreamID(stream)) // an unknown account has no key: ErrKeyGone
	}
	return o
}

var rawType = reflect.TypeFor[json.RawMessage]()

func newPlan(t reflect.Type) (*plan, error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%s is not a struct", t)
	}
	p := &plan{}
	shadow := make([]reflect.StructField, t.NumField())
	for i := range t.NumField() {
		sf := t.Field(i)
		if !sf.IsExported() || sf.Anonymous || sf.Tag.Get("json") == "" {
			return nil, fmt.Errorf("%s.%s needs an exported name and a json tag", t, sf.Name)
		}
		name, options, _ := strings.Cut(sf.Tag.Get("json"), ",")
		f := field{name: name, account: -1, omit: options != "", short: shortOf(sf.Type)}
		p.quoted = p.quoted || strings.Contains(options, "string")
		shadow[i] = reflect.StructField{Name: sf.Name, Type: sf.Type, Tag: sf.Tag}
		if tag := sf.Tag.Get("seal"); tag != "" {
			if err := f.parse(t, tag); err != nil {
				return nil, fmt.Errorf("%s.%s: %w", t, sf.Name, err)
			}
			shadow[i].Type = rawType
		}
		p.fields = append(p.fields, f)
	}
	p.shadow = reflect.StructOf(shadow)
	return p, nil
}

func (f *field) parse(t reflect.Type, tag string) error {
	word, owner, named := strings.Cut(tag, ",")
	class := Class(word)
	switch class {
	case Personal, Secret:
	case Community, Anonymous:
		if named {
			return fmt.Errorf("seal:%q: this class has no owner", tag)
		}
	default:
		return fmt.Errorf("seal:%q: unknown class", tag)
	}
	f.seal = &class
	if !named {
		return nil
	}
	sf, ok := t.FieldByName(owner)
	if !ok || sf.Type != reflect.TypeFor[uuid.UUID]() {
		return fmt.Errorf("seal:%q: no uuid.UUID field %s", tag, owner)
	}
	f.account = sf.Index[0]
	return nil
}
