package apikey

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/text"
)

// Scopes that a key may have; it can do nothing else.
const (
	EventsRead     = "events:read"     // read the log; personal fields are null
	EventsPersonal = "events:personal" // … and personal fields; of no use without EventsRead
	EventsWrite    = "events:write"    // append to streams of outside categories
	Moderation     = "moderation"      // reports, suspensions, unmasking
	Admin          = "admin"           // operate the system
)

// Scopes are all of them, in the order in which keys show theirs.
var Scopes = []string{EventsRead, EventsPersonal, EventsWrite, Moderation, Admin}

// MaxName is how long a key's name may be, in characters.
const MaxName = 50

// Key is the state of the stream apikey-<id>.
type Key struct {
	By      uuid.UUID // administrator for whom it acts; uuid.Nil: never made
	Scopes  []string
	Revoked bool

	hash []byte // empty: erased with its maker
}

// New is a key that never was.
func New() *Key { return &Key{} }

// Stream is the name of a key's stream.
func Stream(id uuid.UUID) string { return event.StreamName("apikey", id.String()) }

// Apply folds one event in.
func (k *Key) Apply(e event.Decoded) {
	switch d := e.Payload.(type) {
	case Created:
		k.By, k.Scopes, k.hash = d.By, slices.Clone(d.Scopes), d.Hash
	case Revoked:
		k.Revoked = true
	}
}

// Opens says whether the secret is this key's, in a time that tells nothing of
// it. It says nothing about whether the key was revoked.
func (k *Key) Opens(secret string) bool {
	return subtle.ConstantTimeCompare(k.hash, Hash(secret)) == 1
}

// Create makes the key. The same key again says nothing.
func (k *Key) Create(d Created) []event.Data {
	if k.By != uuid.Nil {
		return nil
	}
	return []event.Data{d}
}

// Revoke ends the key; nothing is said where it has ended.
// Errors: fault.ErrNotFound where there is no such key.
func (k *Key) Revoke(by uuid.UUID) ([]event.Data, error) {
	switch {
	case k.By == uuid.Nil:
		return nil, fault.ErrNotFound
	case k.Revoked:
		return nil, nil
	}
	return []event.Data{Revoked{By: by}}, nil
}

// Check gathers what is wrong with a new key's name and scopes, and gives the
// scopes in their order, each once.
func Check(check *text.Check, name string, scopes []string) []string {
	check.Need("name", name)
	check.Line("name", name, MaxName)
	if len(scopes) == 0 {
		check.Add("scopes", text.Required)
	}
	if slices.ContainsFunc(scopes, func(s string) bool { return !slices.Contains(Scopes, s) }) {
		check.Add("scopes", "unknown")
	}
	var ordered []string
	for _, s := range Scopes {
		if slices.Contains(scopes, s) {
			ordered = append(ordered, s)
		}
	}
	return ordered
}

// Prefix begins every key, so that people and scanners for leaked secrets know
// one. No access token begins so.
const Prefix = "parley_"

// The form of a key: parley_<id, 32 hexadecimal digits>_<secret>. It needs no
// escape in a header, a URL or a shell, and one click marks it whole.
const (
	idDigits      = 32
	SecretBytes   = 32 // of randomness
	secretLetters = 52 // letters and digits of a secret
)

var secretCode = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// Secret is how SecretBytes of randomness stand in a key.
func Secret(random [SecretBytes]byte) string { return secretCode.EncodeToString(random[:]) }

// Hash is what is kept of a secret. It is random enough that a slow hash would
// protect nothing more.
func Hash(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// Text is a key as it is handed out.
func Text(id uuid.UUID, secret string) string {
	return Prefix + hex.EncodeToString(id[:]) + "_" + secret
}

// Parse reads a key; ok is false for what cannot be one.
func Parse(key string) (id uuid.UUID, secret string, ok bool) {
	rest, found := strings.CutPrefix(key, Prefix)
	if !found || len(rest) != idDigits+1+secretLetters || rest[idDigits] != '_' {
		return uuid.Nil, "", false
	}
	id, err := uuid.Parse(rest[:idDigits])
	return id, rest[idDigits+1:], err == nil
}
