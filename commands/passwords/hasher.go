package passwords

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"github.com/parleyhq/parley/domain/fault"
)

// Lengths of what a hash is made of, in bytes.
const (
	saltSize = 16
	hashSize = 32
)

// ErrBusy is the answer to one who waited too long for a turn.
var ErrBusy = fault.New(fault.Unavailable, "unavailable.busy", "There is too much to do right now; please try again.").After(2 * time.Second)

// Cost is the work of one hash, as argon2id names it.
type Cost struct {
	Memory  uint32 // KiB
	Time    uint32 // passes
	Threads uint8  // lanes
}

// DefaultCost is OWASP's minimum for argon2id.
func DefaultCost() Cost { return Cost{Memory: 19 << 10, Time: 2, Threads: 1} }

// Hasher hashes passwords, a few at once.
type Hasher struct {
	cost  Cost
	turns chan struct{}
	wait  time.Duration
	dummy string
}

// New makes a hasher that works on at most parallel passwords at once (0: one
// for each processor) and lets nobody wait longer than wait for a turn.
func New(cost Cost, parallel int, wait time.Duration) *Hasher {
	if parallel <= 0 {
		parallel = runtime.GOMAXPROCS(0)
	}
	h := &Hasher{cost: cost, turns: make(chan struct{}, parallel), wait: wait}
	h.dummy = h.phc(make([]byte, saltSize), make([]byte, hashSize)) // checking costs the same, whatever it says
	return h
}

// Hash is the PHC string of a password. Errors: ErrBusy, or ctx's.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if err := h.turn(ctx); err != nil {
		return "", err
	}
	defer h.done()
	return h.hash(password), nil
}

// Check says whether password is the one of the PHC string phc. An empty phc
// matches nothing and takes as long. Errors: ErrBusy, or ctx's; a malformed
// phc.
func (h *Hasher) Check(ctx context.Context, phc, password string) (bool, error) {
	known := phc != ""
	if !known {
		phc = h.dummy
	}
	cost, salt, want, err := parse(phc)
	if err != nil {
		return false, err
	}
	if err := h.turn(ctx); err != nil {
		return false, err
	}
	defer h.done()
	got := argon2.IDKey(canonical(password), salt, cost.Time, cost.Memory, cost.Threads, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1 && known, nil
}

// canonical makes what looks the same on all keyboards the same bytes.
func canonical(password string) []byte { return []byte(norm.NFC.String(password)) }

func (h *Hasher) hash(password string) string {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails
	return h.phc(salt, argon2.IDKey(canonical(password), salt, h.cost.Time, h.cost.Memory, h.cost.Threads, hashSize))
}

func (h *Hasher) phc(salt, sum []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		h.cost.Memory, h.cost.Time, h.cost.Threads, b64.EncodeToString(salt), b64.EncodeToString(sum))
}

func (h *Hasher) turn(ctx context.Context) error {
	select {
	case h.turns <- struct{}{}:
		return nil
	default:
	}
	patience := time.NewTimer(h.wait)
	defer patience.Stop()
	select {
	case h.turns <- struct{}{}:
		return nil
	case <-patience.C:
		return ErrBusy
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *Hasher) done() { <-h.turns }

var errPHC = errors.New("passwords: not an argon2id PHC string of this version")

func parse(phc string) (c Cost, salt, hash []byte, err error) {
	part := strings.Split(phc, "$")
	if len(part) != 6 || part[0] != "" || part[1] != "argon2id" || part[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return c, nil, nil, errPHC
	}
	if _, err := fmt.Sscanf(part[3], "m=%d,t=%d,p=%d", &c.Memory, &c.Time, &c.Threads); err != nil || c.Time == 0 || c.Threads == 0 {
		return c, nil, nil, errPHC
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(part[4])
	hash, err2 := base64.RawStdEncoding.DecodeString(part[5])
	if err1 != nil || err2 != nil || len(hash) == 0 {
		return c, nil, nil, errPHC
	}
	return c, salt, hash, nil
}
