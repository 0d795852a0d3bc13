package commands

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands/passwords"
	"github.com/parleyhq/parley/domain"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

const goodPassword = "correct horse battery staple"

// community is a log in memory with everything that commands need around it;
// any number of nodes work on it.
type community struct {
	t      testing.TB
	store  event.Store
	codec  *event.Codec
	keys   *memoryKeys
	mail   *letters
	token  *memoryToken
	moved  atomic.Int64 // how far the clock was put forward
	signer []byte
	kept   *shelf
	door   *doorman
}

func newCommunity(t testing.TB) *community {
	t.Helper()
	catalogue, err := domain.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	key, err := GenerateKey("EdDSA")
	if err != nil {
		t.Fatal(err)
	}
	keys := &memoryKeys{accounts: map[string]bool{}}
	c := &community{
		t: t, store: memoryLog(t), codec: event.NewCodec(catalogue, keys), keys: keys,
		mail: &letters{}, token: &memoryToken{}, signer: key, door: &doorman{},
	}
	c.kept = &shelf{now: c.now, all: map[string]kept{}}
	return c
}

func (c *community) now() time.Time {
	return time.Now().UTC().Add(time.Duration(c.moved.Load())).Truncate(time.Millisecond)
}

// pass lets time pass.
func (c *community) pass(d time.Duration) { c.moved.Add(int64(d)) }

// node is a process of its own on that store, until the test ends.
func (c *community) node(store event.Store, adjust ...func(*Config)) *Commands {
	c.t.Helper()
	cfg := Defaults()
	cfg.Now = c.now
	cfg.AppendTimeout, cfg.HashWait = patience, patience
	cfg.PasswordCost = passwords.Cost{Memory: 64, Time: 1, Threads: 1}
	for _, f := range adjust {
		f(&cfg)
	}
	tokens, err := NewTokens(TokensConfig{
		Algorithm: "EdDSA", Keys: []SigningKey{{Bytes: c.signer}}, Issuer: "parley", Audience: "parley",
		TTL: 15 * time.Minute, Cache: 1024, Now: cfg.Now, NewID: cfg.NewID,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	n, err := New(cfg, Deps{
		Store: store, Codec: c.codec, Keyring: c.keys, Mail: c.mail, Tokens: tokens, SetupToken: c.token,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Ephemeral: c.kept, Providers: c.door,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	c.t.Cleanup(func() {
		n.Close(context.Background())
		stop()
		if err := <-done; err != nil {
			c.t.Error(err)
		}
	})
	return n
}

// member is a verified account with a session on node n.
func (c *community) member(n *Commands, handle string) (Actor, SignedIn) {
	c.t.Helper()
	ctx := c.t.Context()
	up, err := n.SignUp(ctx, SignUp{Email: handle + "@example.org", Handle: handle, Password: goodPassword})
	if err != nil {
		c.t.Fatal(err)
	}
	in, err := n.SignIn(ctx, SignIn{Login: handle, Password: goodPassword})
	if err != nil {
		c.t.Fatal(err)
	}
	return Actor{Account: up.Account, Session: in.Session}, in
}

// want fails the test unless err is that fault.
func want(t testing.TB, err error, f *fault.Fault) {
	t.Helper()
	if !errors.Is(err, f) {
		t.Errorf("error %v, want %s", err, f.Slug)
	}
}

// memoryKeys is a keyring that knows an account's key once it was made.
type memoryKeys struct {
	mu       sync.Mutex
	accounts map[string]bool
}

func (k *memoryKeys) EnsureAccount(_ context.Context, id uuid.UUID) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.accounts[id.String()] = true
	return nil
}

func (k *memoryKeys) EnsurePseudonym(ctx context.Context, pseudonym, _ uuid.UUID) error {
	return k.EnsureAccount(ctx, pseudonym)
}

func (k *memoryKeys) System(_ context.Context, name string) ([]byte, error) {
	sum := sha256.Sum256([]byte("system " + name))
	return sum[:], nil
}

func (k *memoryKeys) SealingKey(ctx context.Context, o event.Owner) (string, cipher.AEAD, error) {
	id := string(o.Class)
	if o.Class == event.Personal || o.Class == event.Secret {
		id = o.Account.String()
	}
	key, err := k.OpeningKey(ctx, id)
	return id, key, err
}

func (k *memoryKeys) OpeningKey(_ context.Context, id string) (cipher.AEAD, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, err := uuid.Parse(id); err == nil && !k.accounts[id] {
		return nil, event.ErrKeyGone
	}
	sum := sha256.Sum256([]byte(id))
	block, err := aes.NewCipher(sum[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// letters keeps mails in memory.
type letters struct {
	mu  sync.Mutex
	all []Mail
}

func (l *letters) Send(_ context.Context, m Mail) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, m)
	return nil
}

var (
	mailedCode  = regexp.MustCompile(`\b\d{6}\b`)
	mailedToken = regexp.MustCompile(`#(\S+)`)
)

// to gives the proofs that were mailed to an address, oldest first.
func (l *letters) to(address string) (tokens, codes []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.all {
		if m.To == address && mailedToken.MatchString(m.Text) {
			tokens = append(tokens, mailedToken.FindStringSubmatch(m.Text)[1])
			codes = append(codes, mailedCode.FindString(m.Text))
		}
	}
	return tokens, codes
}

// shelf is an Ephemeral without bounds.
type shelf struct {
	now func() time.Time
	mu  sync.Mutex
	all map[string]kept
}

type kept struct {
	value []byte
	until time.Time
}

func (s *shelf) Put(_ context.Context, key string, value []byte, ttl time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[key] = kept{value, s.now().Add(ttl)}
	return nil
}

func (s *shelf) PutAmong(ctx context.Context, _ string, _ int, key string, value []byte, ttl time.Duration) error {
	return s.Put(ctx, key, value, ttl)
}

func (s *shelf) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	if _, there, _ := s.Get(ctx, key); there {
		return false, nil
	}
	return true, s.Put(ctx, key, value, ttl)
}

func (s *shelf) Get(_ context.Context, key string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, there := s.all[key]
	if !there || !s.now().Before(k.until) {
		return nil, false, nil
	}
	return k.value, true, nil
}

func (s *shelf) Take(ctx context.Context, key string) ([]byte, bool, error) {
	value, there, err := s.Get(ctx, key)
	s.mu.Lock()
	defer s.mu.Unlock()
	_, still := s.all[key]
	delete(s.all, key)
	return value, there && still, err
}

// memoryToken is a set-up token in memory.
type memoryToken struct {
	mu    sync.Mutex
	token string
}

func (m *memoryToken) Load(context.Context) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.token, nil
}

func (m *memoryToken) Save(_ context.Context, token string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.token = token
	return nil
}

func (m *memoryToken) Remove(ctx context.Context) error { return m.Save(ctx, "") }

// isClaim says whether a stream holds a name.
func isClaim(stream string) bool {
	return strings.HasPrefix(stream, "email-") || strings.HasPrefix(stream, "handle-") || strings.HasPrefix(stream, "setup-") ||
		strings.HasPrefix(stream, "identity-") || strings.HasPrefix(stream, "passkey-")
}
