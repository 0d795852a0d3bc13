package commands

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/text"
)

// proofSecret is how many random bytes a mailed link carries.
const proofSecret = 20

var proofCode = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// proof is what a mail carries to an address to find out who reads it: a link
// that names its account, and a code to be typed.
type proof struct {
	account uuid.UUID
	secret  []byte
	code    string // digits
	expires time.Time
}

func (c *Commands) newProof(id uuid.UUID, ttl time.Duration) proof {
	p := proof{account: id, secret: make([]byte, proofSecret), expires: c.now().Add(ttl)}
	_, _ = rand.Read(p.secret) // never fails
	digits := int64(c.cfg.VerificationDigits)
	n, _ := rand.Int(rand.Reader, new(big.Int).Exp(big.NewInt(10), big.NewInt(digits), nil)) // likewise
	p.code = fmt.Sprintf("%0*d", digits, n)
	return p
}

func (p proof) token() string { return proofCode.EncodeToString(append(p.account[:], p.secret...)) }

func (p proof) tokenHash() []byte { return hashProof(p.account, p.secret) }

func (p proof) codeHash() []byte { return hashProof(p.account, []byte(p.code)) }

func hashProof(id uuid.UUID, secret []byte) []byte {
	h := sha256.New()
	h.Write(id[:])
	h.Write(secret)
	return h.Sum(nil)
}

// parseProof reads the token of a link.
func parseProof(token string) (id uuid.UUID, secret []byte, ok bool) {
	raw, ok := readProofCode(strings.TrimSpace(token), len(id)+proofSecret)
	if !ok {
		return uuid.Nil, nil, false
	}
	return uuid.UUID(raw[:16]), raw[16:], true
}

// readProofCode reads so many bytes as they were written: base32 would take other
// spellings of the end of a text, too.
func readProofCode(code string, size int) ([]byte, bool) {
	raw, err := proofCode.DecodeString(code)
	return raw, err == nil && len(raw) == size && proofCode.EncodeToString(raw) == code
}

// mailProof sends the mail. The account is made whether or not it leaves: a
// new one can be asked for.
func (c *Commands) mailProof(ctx context.Context, to string, p proof) {
	err := c.deps.Mail.Send(ctx, Mail{
		To:      to,
		Subject: "Please confirm your email address",
		Text: fmt.Sprintf(`Somebody, hopefully you, gave this address to Parley.

Your code is %s

You can also open this link:
%s/verify#%s

Both work once, for %s. If it was not you, there is nothing to do.
`, p.code, strings.TrimSuffix(c.cfg.BaseURL, "/"), p.token(), inWords(c.cfg.VerificationTTL)),
	})
	if err != nil {
		c.log.ErrorContext(ctx, "a verification mail was not sent", "account", p.account, "error", err)
	}
}

func inWords(d time.Duration) string {
	if d%time.Minute == 0 && d > time.Minute {
		return fmt.Sprintf("%d minutes", d/time.Minute)
	}
	return d.String()
}

// RequestVerification mails a new link and code; older ones are dead from
// here on. Nothing happens where the address is verified. Errors: ErrLimited.
func (c *Commands) RequestVerification(ctx context.Context, by Actor) (Outcome, error) {
	var address string
	err := c.account(ctx, by.Account, func(a *account.Account) error {
		address, _ = a.Unproven()
		return nil
	})
	if err != nil {
		return Outcome{}, err
	}
	if e, problem := parseEmail(address); problem == "" {
		if err := c.mayMail(ctx, e); err != nil {
			return Outcome{}, err
		}
	}
	p := c.newProof(by.Account, c.cfg.VerificationTTL)
	var to string
	out, err := change(ctx, c.core, account.Stream(by.Account), account.New, func(a *account.Account) ([]event.Data, error) {
		to, _ = a.Unproven()
		return a.RequestVerification(p.tokenHash(), p.codeHash(), p.expires)
	})
	if err != nil || !out.Changed {
		return out, err
	}
	c.mailProof(ctx, to, p)
	return out, nil
}

// Verify is a proof that an address is its account's: the token of a link, or
// the address and the code.
type Verify struct {
	Token       string
	Email, Code string
}

// Verify uses a proof. Errors: account.ErrVerification for one that proves
// nothing (any more), fault.ErrInvalid for none.
func (c *Commands) Verify(ctx context.Context, in Verify) (Outcome, error) {
	switch {
	case in.Token != "":
		return c.verifyToken(ctx, in.Token)
	case in.Email != "" && in.Code != "":
		return c.verifyCode(ctx, in.Email, in.Code)
	}
	var check fault.Checks
	switch {
	case in.Email == "" && in.Code == "":
		check.Add("token", text.Required)
	case in.Email == "":
		check.Add("email", text.Required)
	default:
		check.Add("code", text.Required)
	}
	return Outcome{}, check.Err()
}

func (c *Commands) verifyToken(ctx context.Context, token string) (Outcome, error) {
	id, secret, ok := parseProof(token)
	if !ok {
		return Outcome{}, account.ErrVerification
	}
	return c.confirm(WithActor(ctx, id.String()), id, func(a *account.Account) ([]event.Data, error) {
		return a.VerifyToken(hashProof(id, secret), c.now())
	})
}

func (c *Commands) verifyCode(ctx context.Context, address, code string) (Outcome, error) {
	e, problem := parseEmail(address)
	if problem != "" {
		return Outcome{}, account.ErrVerification
	}
	id, claim, err := c.accountToProve(ctx, e)
	if err != nil {
		return Outcome{}, err
	}
	if id == uuid.Nil {
		return Outcome{}, account.ErrVerification
	}
	hash := hashProof(id, []byte(strings.TrimSpace(code)))
	var wrong bool
	out, err := c.confirm(WithActor(ctx, id.String()), id, func(a *account.Account) (events []event.Data, err error) {
		events, wrong, err = a.VerifyCode(claim, hash, c.now(), c.cfg.Accounts)
		return events, err
	})
	if err == nil && wrong {
		err = account.ErrVerification
	}
	return out, err
}
