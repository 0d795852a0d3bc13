package commands

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/text"
)

// ChangeEmail is the address to be had, beside the password.
type ChangeEmail struct {
	Current, Email string
	Match          Match
}

// ChangeEmail begins to change the account's address: a link and a code go to
// the new one, and the old one, which stays until they are used, is told. The
// account's own address ends a change that is under way.
//
// Whether somebody else has the address is not told here: then a mail there
// says so, and the answer is the same.
// Errors: fault.ErrInvalid, prove's, ErrLimited, Match's.
func (c *Commands) ChangeEmail(ctx context.Context, by Actor, in ChangeEmail) (Outcome, error) {
	var check text.Check
	e, problem := parseEmail(in.Email)
	if problem != "" {
		check.Add("email", problem)
	}
	if _, err := c.prove(ctx, by, in.Current, &check); err != nil {
		return Outcome{}, err
	}
	if err := check.Err(); err != nil {
		return Outcome{}, err
	}
	if err := c.mayMail(ctx, e); err != nil {
		return Outcome{}, err
	}
	wanted, err := c.emailReservation(ctx, e)
	if err != nil {
		return Outcome{}, err
	}
	return c.again(func() (Outcome, error) { return c.readdress(ctx, by.Account, e, wanted, in.Match) })
}

// addressed is how an account stands to its addresses.
type addressed struct {
	begun        account.Naming
	email, claim string // its own
	proven       bool
	sought       string    // stream of the address that it changes to; empty: none
	given        uuid.UUID // claim upon that one
}

func (c *Commands) addressed(ctx context.Context, id uuid.UUID, match Match) (a addressed, err error) {
	err = c.account(ctx, id, func(acc *account.Account) error {
		a = addressed{begun: acc.Naming(), email: acc.Email, claim: acc.EmailClaim, proven: acc.EmailVerified}
		if _, a.sought = acc.EmailChange(); a.sought == a.claim { // another spelling of its own
			a.sought = ""
		}
		return match.check(acc.Version)
	})
	if err == nil {
		a.given, err = c.claimOf(ctx, a.sought, id)
	}
	return a, err
}

func (c *Commands) readdress(ctx context.Context, id uuid.UUID, e email, wanted reservation, match Match) (Outcome, error) {
	fresh, err := c.upToDate(ctx)
	if err != nil {
		return Outcome{}, err
	}
	now, err := c.addressed(fresh, id, match)
	if err != nil {
		return Outcome{}, err
	}
	if e.address == now.email && now.proven {
		return c.withdraw(ctx, id, now, false)
	}
	if wanted.stream != now.claim {
		_, err = c.claim(fresh, wanted, id)
	}
	if errors.Is(err, account.ErrEmailTaken) {
		return c.turnDown(ctx, id, e, now)
	}
	if err != nil {
		return Outcome{}, err
	}
	p := c.newProof(id, c.cfg.VerificationTTL)
	out, err := change(ctx, c.core, account.Stream(id), account.New, func(a *account.Account) ([]event.Data, error) {
		if err := match.check(a.Version); err != nil {
			return nil, err
		}
		return a.ChangeEmail(account.VerificationRequested{
			Email: e.address, Claim: wanted.stream, TokenHash: p.tokenHash(), CodeHash: p.codeHash(), ExpiresAt: p.expires,
		}, now.begun)
	})
	if err != nil {
		return Outcome{}, err
	}
	if now.sought != wanted.stream {
		c.freeAddress(ctx, id, now.sought, now.given)
	}
	c.mailProof(ctx, e.address, p)
	if e.address != now.email {
		c.tellOfNewAddress(ctx, id)
	}
	return out, nil
}

// turnDown is what happens where somebody else has the address: all that
// otherwise would, as far as the caller can see.
func (c *Commands) turnDown(ctx context.Context, id uuid.UUID, e email, now addressed) (Outcome, error) {
	out, err := c.withdraw(ctx, id, now, true)
	if err != nil {
		return Outcome{}, err
	}
	c.mail(ctx, id, e.address, "Your address was given for another account", `Somebody gave this address to change that of another account on Parley. It belongs to yours, and nothing changes.

If it was you, sign in with this address, or set a new password for it:
`, "/reset")
	c.tellOfNewAddress(ctx, id)
	return out, nil
}

// tellOfNewAddress tells the old one.
func (c *Commands) tellOfNewAddress(ctx context.Context, id uuid.UUID) {
	c.tell(ctx, id, "The address of your account is about to change", "Somebody who knows the password of your account on Parley gave another address for it. Once that one is confirmed, mails go there, and it is what resets the password.", byReset)
}

// withdraw ends a change that is under way; always says so in the log though
// there was none.
func (c *Commands) withdraw(ctx context.Context, id uuid.UUID, now addressed, always bool) (Outcome, error) {
	out, err := change(ctx, c.core, account.Stream(id), account.New, func(a *account.Account) ([]event.Data, error) {
		if a.Naming() != now.begun {
			return nil, account.ErrSuperseded
		}
		return a.WithdrawEmail(always)
	})
	if err == nil {
		c.freeAddress(ctx, id, now.sought, now.given)
	}
	return out, err
}

// confirm decides what may prove an address, and frees the one whose place it
// takes.
func (c *Commands) confirm(ctx context.Context, id uuid.UUID, decide func(*account.Account) ([]event.Data, error)) (Outcome, error) {
	fresh, err := c.upToDate(ctx)
	if err != nil {
		return Outcome{}, err
	}
	var begun account.Naming
	var old string
	err = c.account(fresh, id, func(a *account.Account) error {
		begun, old = a.Naming(), a.EmailClaim
		return nil
	})
	if err != nil {
		return Outcome{}, err
	}
	given, err := c.claimOf(fresh, old, id)
	if err != nil {
		return Outcome{}, err
	}
	var replaced bool
	out, err := change(ctx, c.core, account.Stream(id), account.New, func(a *account.Account) ([]event.Data, error) {
		events, err := decide(a)
		replaced = false
		for _, e := range events {
			verified, ok := e.(account.EmailVerified)
			replaced = replaced || ok && verified.Claim != old && a.Naming() == begun
		}
		return events, err
	})
	if err == nil && replaced {
		c.freeAddress(ctx, id, old, given)
	}
	return out, err
}

// freeAddress gives up an address that the account does not name any more.
func (c *Commands) freeAddress(ctx context.Context, id uuid.UUID, stream string, given uuid.UUID) {
	c.letGo(ctx, reservation{
		stream: stream, released: func(id uuid.UUID) event.Data { return account.EmailReleased{Account: id} },
	}, id, given)
}
