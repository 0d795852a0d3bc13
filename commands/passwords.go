package commands

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/text"
)

// RequestReset asks for a mail with which a password is set anew.
type RequestReset struct {
	Email   string
	Captcha CaptchaAnswer // where one is asked for
}

// RequestReset mails a link to the address, if an account has it. Neither the
// answer nor its time tells whether one does: the search and the mail come
// after it. What a crash then loses is asked for again.
// Errors: fault.ErrInvalid for what is no address, ErrCaptchaRequired,
// ErrCaptchaWrong, errBehind.
func (c *Commands) RequestReset(ctx context.Context, in RequestReset) error {
	e, problem := parseEmail(in.Email)
	if problem != "" {
		return fault.ErrInvalid.With(fault.Field("email", problem))
	}
	failed, err := c.signInLocks(ctx, in.Email)
	if err != nil {
		return err
	}
	if err := c.checkCaptcha(ctx, failed, in.Captcha); err != nil {
		return err
	}
	return c.later(ctx, func(ctx context.Context) {
		if err := c.mailReset(ctx, e); err != nil {
			c.log.ErrorContext(ctx, "a mail to reset a password was not sent", "error", err)
		}
	})
}

// mailReset mails a link, unless too many mails went to that address; older
// links are dead from here on.
func (c *Commands) mailReset(ctx context.Context, e email) error {
	ctx, err := c.upToDate(ctx)
	if err != nil {
		return err
	}
	id, _, err := c.accountByEmail(ctx, e)
	if err != nil || id == uuid.Nil {
		return err
	}
	if err := c.mayMail(ctx, e); err != nil {
		return err
	}
	p := c.newProof(id, c.cfg.ResetTTL)
	var to string
	out, err := change(ctx, c.core, account.Stream(id), account.New, func(a *account.Account) ([]event.Data, error) {
		to = a.Email
		return a.RequestReset(p.tokenHash(), p.expires), nil
	})
	if err != nil || !out.Changed {
		return err
	}
	return c.deps.Mail.Send(ctx, Mail{
		To:      to,
		Subject: "Set a new password",
		Text: fmt.Sprintf(`Somebody, hopefully you, asked for a new password of your account on Parley.

Open this link to set one:
%s/reset#%s

It works once, for %s, and signs you out everywhere.
If it was not you, there is nothing to do: your password stays as it is.
`, strings.TrimSuffix(c.cfg.BaseURL, "/"), p.token(), inWords(c.cfg.ResetTTL)),
	})
}

// ResetPassword is the token of a mail's link, and the password to be set.
type ResetPassword struct {
	Token, Password string
}

// ResetPassword sets a password, ends every session and forgets the failed
// sign-ins: they were guesses at a password that is no more. A password that
// is refused does not use the link up.
// Errors: fault.ErrInvalid, account.ErrReset, passwords.ErrBusy.
func (c *Commands) ResetPassword(ctx context.Context, in ResetPassword) (Outcome, error) {
	var check text.Check
	check.Need("token", in.Token)
	if in.Password == "" {
		check.Add("password", text.Required)
	}
	if err := check.Err(); err != nil {
		return Outcome{}, err
	}
	id, secret, ok := parseProof(in.Token)
	if !ok {
		return Outcome{}, account.ErrReset
	}
	ctx, err := c.upToDate(WithActor(ctx, id.String()))
	if err != nil {
		return Outcome{}, err
	}
	token := hashProof(id, secret)
	var owner named
	err = c.account(ctx, id, func(a *account.Account) error {
		owner = namedBy(a)
		return a.MayReset(token, c.now())
	})
	if err != nil {
		return Outcome{}, err
	}
	hash, err := c.newPassword(ctx, owner, in.Password)
	if err != nil {
		return Outcome{}, err
	}
	out, err := c.setPassword(ctx, id, uuid.Nil, func(a *account.Account) ([]event.Data, error) {
		return a.ResetPassword(token, hash, c.now())
	})
	if err != nil {
		return Outcome{}, err
	}
	if err := c.forgive(ctx, id); err != nil {
		c.log.WarnContext(ctx, "failed sign-ins were not forgotten after a new password; they are with time", "account", id, "error", err)
	}
	return out, nil
}

// ChangePassword is the password to be set, beside the one that is.
type ChangePassword struct {
	Current, Password string
	Match             Match
}

// ChangePassword sets a new password and ends all other sessions.
// Errors: fault.ErrInvalid, prove's, Match's.
func (c *Commands) ChangePassword(ctx context.Context, by Actor, in ChangePassword) (Outcome, error) {
	ctx, err := c.upToDate(ctx)
	if err != nil {
		return Outcome{}, err
	}
	var check text.Check
	if in.Password == "" {
		check.Add("password", text.Required)
	}
	owner, err := c.prove(ctx, by, in.Current, &check)
	if err != nil {
		return Outcome{}, err
	}
	hash, err := c.newPassword(ctx, owner, in.Password)
	if err != nil {
		return Outcome{}, err
	}
	return c.setPassword(ctx, by.Account, by.Session, func(a *account.Account) ([]event.Data, error) {
		if err := in.Match.check(a.Version); err != nil {
			return nil, err
		}
		return a.ChangePassword(owner.hash, hash, by.Session)
	})
}

// newPassword hashes a password that may be one. Errors: fault.ErrInvalid,
// passwords.ErrBusy.
func (c *Commands) newPassword(ctx context.Context, owner named, password string) (hash string, err error) {
	var check text.Check
	c.checkPassword(&check, "password", password, owner.email, owner.handle)
	if err := check.Err(); err != nil {
		return "", err
	}
	return c.hasher.Hash(ctx, password)
}

// setPassword appends a new password, frees the address that the account was
// changing to, tells all nodes which sessions are over, and the account by
// mail.
func (c *Commands) setPassword(ctx context.Context, id, keep uuid.UUID, decide func(*account.Account) ([]event.Data, error)) (Outcome, error) {
	now, err := c.addressed(ctx, id, nil)
	if err != nil {
		return Outcome{}, err
	}
	var epoch uint64
	var withdrawn bool
	out, err := change(ctx, c.core, account.Stream(id), account.New, func(a *account.Account) ([]event.Data, error) {
		epoch, withdrawn = a.Epoch+1, a.Naming() == now.begun
		return decide(a)
	})
	if err != nil {
		return Outcome{}, err
	}
	if withdrawn {
		c.freeAddress(ctx, id, now.sought, now.given)
	}
	c.revoke(ctx, Revocation{Account: id, Epoch: epoch, Keep: keep, Position: out.Position})
	c.tell(ctx, id, "Your password was changed", "The password of your account on Parley was changed just now, and all other sessions were ended.", byReset)
	return out, nil
}
