package commands

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/fault"
)

// When sign-up, sign-in and password reset ask for a captcha.
const (
	CaptchaAlways   = "always"
	CaptchaAdaptive = "adaptive" // after failed sign-ins of that login or network
	CaptchaOff      = "off"
)

// Faults of captchas.
var (
	ErrCaptchaRequired = fault.New(fault.Malformed, "captcha.required", "Please read the characters of a captcha first.")
	ErrCaptchaWrong    = fault.New(fault.Malformed, "captcha.wrong", "These are not the characters of the captcha, or it was used or has expired; please take another one.")
)

// CaptchaRules say when a captcha is asked for, and what one is.
type CaptchaRules struct {
	Policy   string        // CaptchaAlways, CaptchaAdaptive or CaptchaOff
	TTL      time.Duration // of a challenge
	Length   int           // characters
	Failures int           // after which adaptive asks
	Memory   time.Duration // how long such a failure counts
}

// Painter paints a captcha's characters as a PNG, another one each time.
type Painter interface {
	Paint(text string) ([]byte, error)
}

// captchaAlphabet has no two characters that look alike in any case, or that
// are told apart by their case alone.
const captchaAlphabet = "346789ACDEFHJKMNPRTWXY"

// captchasWaiting is how many challenges of one network may wait for their
// answer; the oldest gives way.
const captchasWaiting = 300

// Captcha is a challenge.
type Captcha struct {
	ID        uuid.UUID
	ExpiresAt time.Time
}

// CaptchaAnswer is what somebody read, as they sent it.
type CaptchaAnswer struct {
	ID, Text string
}

// NewCaptcha makes a challenge. Errors: fault.ErrUnavailable.
func (c *Commands) NewCaptcha(ctx context.Context) (Captcha, error) {
	return c.challenge(ctx, c.newID())
}

// RefreshCaptcha gives a challenge that waits other characters, and as long
// as a new one has. Errors: fault.ErrNotFound for one that was used or is too
// old, fault.ErrUnavailable.
func (c *Commands) RefreshCaptcha(ctx context.Context, id uuid.UUID) (Captcha, error) {
	_, waits, err := c.deps.Ephemeral.Take(ctx, captchaKey(id)) // so that none is refreshed that is being answered
	switch {
	case err != nil:
		return Captcha{}, storeAway(err)
	case !waits:
		return Captcha{}, fault.ErrNotFound
	}
	return c.challenge(ctx, id)
}

// PaintCaptcha is the challenge as a PNG. Errors: fault.ErrNotFound for one
// that was used or is too old, fault.ErrUnavailable.
func (c *Commands) PaintCaptcha(ctx context.Context, id uuid.UUID) ([]byte, error) {
	sealed, waits, err := c.deps.Ephemeral.Get(ctx, captchaKey(id))
	switch {
	case err != nil:
		return nil, storeAway(err)
	case !waits:
		return nil, fault.ErrNotFound
	}
	text, err := c.openCaptcha(ctx, id, sealed)
	if err != nil {
		return nil, err
	}
	return c.deps.Painter.Paint(text)
}

// challenge keeps new characters under id. They are sealed: whoever reads the
// store answers nothing.
func (c *Commands) challenge(ctx context.Context, id uuid.UUID) (Captcha, error) {
	text := make([]byte, c.cfg.Captcha.Length)
	for i := range text {
		n, _ := rand.Int(rand.Reader, big.NewInt(int64(len(captchaAlphabet)))) // never fails
		text[i] = captchaAlphabet[n.Int64()]
	}
	aead, err := c.captchaSeal(ctx)
	if err != nil {
		return Captcha{}, err
	}
	group, err := c.nameStream(ctx, "captcha", ClientFrom(ctx).Network)
	if err != nil {
		return Captcha{}, err
	}
	ttl := c.cfg.Captcha.TTL
	expires := c.now().Add(ttl)
	sealed := aead.Seal(nil, nil, text, id[:])
	if err := c.deps.Ephemeral.PutAmong(ctx, group, captchasWaiting, captchaKey(id), sealed, ttl); err != nil {
		return Captcha{}, storeAway(err)
	}
	return Captcha{ID: id, ExpiresAt: expires}, nil
}

func captchaKey(id uuid.UUID) string { return "captcha " + id.String() }

// storeAway is the fault of a store that does not answer.
func storeAway(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || fault.As(err) != nil {
		return err
	}
	return fault.ErrUnavailable.Because(err)
}

func (c *Commands) captchaSeal(ctx context.Context) (cipher.AEAD, error) {
	key, err := c.deps.Keyring.System(ctx, "captcha")
	if err != nil {
		return nil, fmt.Errorf("key of captchas: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("key of captchas: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func (c *Commands) openCaptcha(ctx context.Context, id uuid.UUID, sealed []byte) (string, error) {
	aead, err := c.captchaSeal(ctx)
	if err != nil {
		return "", err
	}
	text, err := aead.Open(nil, nil, sealed, id[:])
	if err != nil {
		return "", fmt.Errorf("open a captcha: %w", err)
	}
	return string(text), nil
}

// checkCaptcha comes before any work on a password and before anything that
// tells of an account. An answer that nobody asked for is not looked at, and
// is not used up. Errors: ErrCaptchaRequired, ErrCaptchaWrong,
// fault.ErrUnavailable.
func (c *Commands) checkCaptcha(ctx context.Context, a attempts, answer CaptchaAnswer) error {
	switch c.cfg.Captcha.Policy {
	case CaptchaAlways:
	case CaptchaAdaptive:
		if full, err := c.full(ctx, a.tallies); err != nil || !full {
			return err
		}
	default:
		return nil
	}
	if answer.ID == "" || answer.Text == "" {
		return ErrCaptchaRequired
	}
	id, err := uuid.Parse(answer.ID)
	if err != nil {
		return ErrCaptchaWrong
	}
	sealed, waits, err := c.deps.Ephemeral.Take(ctx, captchaKey(id)) // right or wrong, it was the one answer
	switch {
	case err != nil:
		return storeAway(err)
	case !waits:
		return ErrCaptchaWrong
	}
	text, err := c.openCaptcha(ctx, id, sealed)
	if err != nil {
		return err
	}
	// The hashes have one length, whatever was sent.
	want, got := sha256.Sum256([]byte(text)), sha256.Sum256([]byte(readCaptcha(answer.Text)))
	if subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
		return ErrCaptchaWrong
	}
	return nil
}

// readCaptcha is an answer without its spaces and in upper case.
func readCaptcha(text string) string { return strings.ToUpper(strings.Join(strings.Fields(text), "")) }
