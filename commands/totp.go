package commands

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"image/png"
	"strings"

	"github.com/google/uuid"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

// Time-based codes (RFC 6238) as every authenticator app makes them: SHA-1,
// six digits, a new one every 30 s.
const (
	totpPeriod = 30 // s
	totpDigits = otp.DigitsSix
	totpSecret = 20  // bytes
	totpImage  = 320 // pixels of a side

	// A recovery code has 120 random bits, so that a plain hash of it is enough.
	recoverySecret = 15 // bytes
	recoveryGroup  = 4  // characters between two dashes
)

// ErrOTPRequired is told to who knows the password alone.
var ErrOTPRequired = fault.New(fault.Unauthorized, "session.otp_required", "Please give a code of your authenticator app, or a recovery code.")

var totpSeed = base32.StdEncoding.WithPadding(base32.NoPadding) // as apps take it

// TOTP says how an account's second factor stands.
type TOTP struct {
	Enabled       bool
	RecoveryCodes int // left
}

// NewTOTP is a secret for an authenticator app; it is told once.
type NewTOTP struct {
	Secret string // base32
	URI    string // otpauth://totp/…
	Image  string // the same as a QR code: data:image/png;base64,…
}

// TOTP says how the account's second factor stands.
func (c *Commands) TOTP(ctx context.Context, by Actor) (t TOTP, err error) {
	err = c.account(ctx, by.Account, func(a *account.Account) error {
		t = TOTP{Enabled: a.HasTOTP(), RecoveryCodes: a.RecoveryCodes()}
		return nil
	})
	return t, err
}

// RequestTOTP makes a new secret, which is in force once a code of it was shown
// in time. Errors: ErrNotRecent, account.ErrTOTPEnabled.
func (c *Commands) RequestTOTP(ctx context.Context, by Actor) (NewTOTP, Outcome, error) {
	if err := c.recentSignIn(ctx, by); err != nil {
		return NewTOTP{}, Outcome{}, err
	}
	secret := make([]byte, totpSecret)
	_, _ = rand.Read(secret) // never fails
	var handle string
	out, err := change(ctx, c.core, account.Stream(by.Account), account.New, func(a *account.Account) ([]event.Data, error) {
		handle = a.Handle
		return a.RequestTOTP(secret)
	})
	if err != nil {
		return NewTOTP{}, Outcome{}, err
	}
	made, err := c.showTOTP(secret, handle)
	return made, out, err
}

func (c *Commands) showTOTP(secret []byte, handle string) (NewTOTP, error) {
	key, err := totp.Generate(totp.GenerateOpts{
		Issuer: c.cfg.TOTPIssuer, AccountName: handle, Period: totpPeriod, Digits: totpDigits, Secret: secret,
	})
	if err != nil {
		return NewTOTP{}, fmt.Errorf("describe a TOTP secret: %w", err)
	}
	picture, err := key.Image(totpImage, totpImage)
	if err != nil {
		return NewTOTP{}, fmt.Errorf("draw a TOTP secret: %w", err)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		return NewTOTP{}, fmt.Errorf("draw a TOTP secret: %w", err)
	}
	return NewTOTP{
		Secret: totpSeed.EncodeToString(secret), URI: key.URL(),
		Image: "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()),
	}, nil
}

// EnableTOTP puts the newest secret in force, and gives the recovery codes;
// they are told once. The account is told by mail.
// Errors: account.ErrTOTPEnabled, account.ErrTOTPNotRequested,
// account.ErrOTPWrong, ErrLocked.
func (c *Commands) EnableTOTP(ctx context.Context, by Actor, code string) (recovery []string, out Outcome, err error) {
	hashes := make([][]byte, c.cfg.RecoveryCodes)
	recovery = make([]string, len(hashes))
	for i := range hashes {
		secret := make([]byte, recoverySecret)
		_, _ = rand.Read(secret) // never fails
		recovery[i], hashes[i] = writeRecoveryCode(secret), hashProof(by.Account, secret)
	}
	out, err = c.tryOTP(ctx, by.Account, func(a *account.Account) ([]event.Data, error) {
		return a.EnableTOTP(c.otp(by.Account, code), hashes, c.now().Add(-c.cfg.TOTPTTL))
	})
	if err != nil {
		return nil, Outcome{}, err
	}
	c.tell(ctx, by.Account, "Signing in needs a second factor now", `An authenticator app was added to your account: signing in with the password asks for its code from now on.`, bySignIn)
	return recovery, out, nil
}

// DisableTOTP takes the second factor away from whoever shows a code or a
// recovery code. The account is told by mail.
// Errors: fault.ErrNotFound, account.ErrOTPWrong, ErrLocked.
func (c *Commands) DisableTOTP(ctx context.Context, by Actor, code string) (Outcome, error) {
	out, err := c.tryOTP(ctx, by.Account, func(a *account.Account) ([]event.Data, error) {
		return a.DisableTOTP(c.otp(by.Account, code))
	})
	if err == nil {
		c.tell(ctx, by.Account, "Signing in needs no second factor any more", `The authenticator app was removed from your account: signing in with the password asks for no code any more.`, bySignIn)
	}
	return out, err
}

// secondFactor lets pass who has shown a first factor of the account: with a
// code of its authenticator app or a recovery code where it has a second one,
// and otherwise without. Wrong codes count where wrong passwords do, whatever
// the account is signed in with, and a right one ends their count. A refusal
// uses nothing up. ctx sees all of the log (upToDate).
// Errors: ErrOTPRequired, account.ErrOTPWrong, ErrLocked.
func (c *Commands) secondFactor(ctx context.Context, id uuid.UUID, code string) error {
	var needed bool
	err := c.account(ctx, id, func(a *account.Account) error {
		needed = a.HasTOTP()
		return nil
	})
	if err != nil || !needed {
		return err
	}
	if code == "" {
		locks, err := c.accountLocks(ctx, id)
		if err == nil {
			err = c.locked(ctx, locks)
		}
		if err == nil {
			err = ErrOTPRequired
		}
		return err
	}
	left := -1
	_, err = c.tryOTP(WithActor(ctx, id.String()), id, func(a *account.Account) ([]event.Data, error) {
		events, err := a.PassTOTP(c.otp(id, code))
		left = -1
		if len(events) > 0 {
			if _, recovered := events[0].(account.RecoveryCodeUsed); recovered {
				left = a.RecoveryCodes() - 1
			}
		}
		return events, err
	})
	if err == nil && left >= 0 {
		c.tell(ctx, id, "A recovery code was used", fmt.Sprintf("Somebody signed in to your account with the password and a recovery code. Recovery codes that are left: %d.", left), bySignIn)
	}
	return err
}

// tryOTP lets decide look at a code, unless the account is locked. Whose guess
// locks it has shown a first factor: the account is told by mail.
func (c *Commands) tryOTP(ctx context.Context, id uuid.UUID, decide func(*account.Account) ([]event.Data, error)) (Outcome, error) {
	locks, err := c.accountLocks(ctx, id)
	if err != nil {
		return Outcome{}, err
	}
	if err := c.locked(ctx, locks); err != nil {
		return Outcome{}, err
	}
	out, err := change(ctx, c.core, account.Stream(id), account.New, decide)
	wrong := errors.Is(err, account.ErrOTPWrong)
	if err != nil && !wrong {
		return Outcome{}, err
	}
	if err := c.settle(ctx, locks, wrong); err != nil {
		return Outcome{}, err
	}
	if wrong && errors.Is(c.locked(ctx, locks), ErrLocked) {
		c.tell(ctx, id, "Somebody guesses your codes", `Somebody who knows your password, or is signed in as you, gave wrong codes of your authenticator app too often. Signing in is locked for a while.`, bySignIn)
	}
	return out, err
}

// otp reads a code as it was typed: spaces and dashes do not count.
func (c *Commands) otp(id uuid.UUID, typed string) account.OTP {
	code := strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToLower(typed))
	now := c.now().Unix() / totpPeriod
	o := account.OTP{Steps: func(secret []byte) (steps []int64) {
		for step := now - account.TOTPSkew; len(secret) > 0 && step <= now+account.TOTPSkew; step++ {
			ok, err := hotp.ValidateCustom(code, uint64(step), totpSeed.EncodeToString(secret), hotp.ValidateOpts{Digits: totpDigits})
			if ok && err == nil { // an error is a code of another length
				steps = append(steps, step)
			}
		}
		return steps
	}}
	if secret, ok := readProofCode(code, recoverySecret); ok {
		o.Recovery = hashProof(id, secret)
	}
	return o
}

// writeRecoveryCode writes it in groups, for people to copy.
func writeRecoveryCode(secret []byte) string {
	code := proofCode.EncodeToString(secret)
	var groups []string
	for ; code != ""; code = code[recoveryGroup:] {
		groups = append(groups, code[:recoveryGroup])
	}
	return strings.Join(groups, "-")
}
