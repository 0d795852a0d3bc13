package commands

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

// Faults of identities that are not the account's own.
var (
	ErrEmailKnown      = fault.New(fault.Conflict, "oauth.email_known", "There is an account with that address; please sign in to it, and link the provider there.")
	ErrEmailUnverified = fault.New(fault.Forbidden, "oauth.email_unverified", "The provider does not vouch for an email address of yours.")
)

// handleTries is how many handles a sign-up by provider tries; the last ones
// are taken by chance alone.
const handleTries = 8

// voucher is an identity with the claim upon it. An identity is a name as an
// address is: one account at most has it.
type voucher struct {
	provider string
	who      Identity
	claim    reservation
}

func (c *Commands) vouch(ctx context.Context, provider string, who Identity) (voucher, error) {
	stream, err := c.nameStream(ctx, "identity", who.Issuer+"\x00"+who.Subject)
	return voucher{provider, who, reservation{
		stream:   stream,
		claimed:  func(id uuid.UUID) event.Data { return account.IdentityClaimed{Account: id} },
		released: identityReleased,
		taken:    account.ErrIdentityTaken,
	}}, err
}

func identityReleased(id uuid.UUID) event.Data { return account.IdentityReleased{Account: id} }

func (v voucher) linked() account.IdentityLinked {
	l := account.IdentityLinked{Provider: v.provider, Issuer: v.who.Issuer, Subject: v.who.Subject, Claim: v.claim.stream}
	if e, problem := parseEmail(v.who.Email); problem == "" {
		l.Email = e.address
	}
	return l
}

// accountOf is the account of an identity, made where nobody has it yet.
// Errors: ErrEmailKnown, ErrEmailUnverified, fault.ErrConflict.
func (c *Commands) accountOf(ctx context.Context, v voucher) (uuid.UUID, error) {
	for range 2 { // the same person in another window may be first
		fresh, err := c.upToDate(ctx)
		if err != nil {
			return uuid.Nil, err
		}
		id, err := c.owner(fresh, v.claim.stream, (*account.Account).Exists)
		if err != nil || id != uuid.Nil {
			return id, err
		}
		id, err = c.signUpIdentity(fresh, v)
		if !errors.Is(err, account.ErrIdentityTaken) {
			return id, err
		}
	}
	return uuid.Nil, fault.ErrConflict
}

// signUpIdentity makes an account of somebody whose address the provider
// vouches for. An address that an account holds is never taken, verified or
// not: whoever has it must show that they can sign in. One that was never
// verified comes free as it does for every sign-up.
func (c *Commands) signUpIdentity(ctx context.Context, v voucher) (uuid.UUID, error) {
	e, problem := parseEmail(v.who.Email)
	if problem != "" || !v.who.EmailVerified {
		return uuid.Nil, ErrEmailUnverified
	}
	a := applicant{email: e, vouched: &v, displayName: c.displayNameOf(v.who.Name)}
	named := a.displayName != ""
	local, _, _ := strings.Cut(e.address, "@")
	for try := range handleTries {
		a.handle = c.freshHandle(try, v.who.Name, local)
		if !named {
			a.displayName = a.handle
		}
		done, err := c.signUp(ctx, a, account.Member)
		switch {
		case errors.Is(err, account.ErrEmailTaken):
			return uuid.Nil, ErrEmailKnown
		case !errors.Is(err, account.ErrHandleTaken):
			return done.Account, err
		}
	}
	return uuid.Nil, fault.ErrConflict
}

// freshHandle is the handle of a try: of the first name that makes one, then
// that with a number behind it, then one of chance.
func (c *Commands) freshHandle(try int, names ...string) string {
	l, base, digits := c.cfg.Accounts, "", 4
	for _, name := range names {
		if base == "" {
			base = account.SuggestHandle(name, l)
		}
	}
	switch {
	case base == "" || try >= handleTries/2:
		base, digits = "member", 8
	case try == 0:
		return base
	}
	suffix := []byte{'_'}
	for len(suffix) <= digits || len(base)+len(suffix) < l.HandleMin {
		n, _ := rand.Int(rand.Reader, big.NewInt(10)) // never fails
		suffix = append(suffix, byte('0'+n.Int64()))
	}
	base = base[:max(0, min(len(base), l.HandleMax-len(suffix)))]
	handle := base + string(suffix)
	return handle[:min(len(handle), l.HandleMax)]
}

// displayNameOf is a provider's name of a person as far as it is one line that
// a display name can be, or "".
func (c *Commands) displayNameOf(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs):
			return -1
		case unicode.IsControl(r), unicode.IsSpace(r):
			return ' '
		}
		return r
	}, norm.NFC.String(strings.ToValidUTF8(name, "")))
	runes := []rune(strings.Join(strings.Fields(name), " "))
	return strings.TrimSpace(string(runes[:min(len(runes), c.cfg.Accounts.DisplayNameMax)]))
}

// linkIdentity links an identity to the account of a session that still lives,
// and tells its owner by mail.
// Errors: ErrTokenRevoked, ErrSuspended, account.ErrIdentityTaken,
// account.ErrIdentityExists, account.ErrSuperseded.
func (c *Commands) linkIdentity(ctx context.Context, by Actor, v voucher) error {
	if err := c.CheckSession(ctx, by); err != nil {
		return err
	}
	ctx = WithActor(ctx, by.Account.String())
	out, err := c.again(func() (Outcome, error) { return c.nameIdentity(ctx, by.Account, v) })
	if err == nil && out.Changed {
		c.tell(ctx, by.Account, "There is another way to sign in to your account", fmt.Sprintf("An account of the provider %q was linked to yours: it signs in to yours from now on.", v.provider), bySignIn)
	}
	return err
}

// nameIdentity claims an identity, unless the account has it, and links it.
// What is refused in the end stays claimed until it may be taken over: another
// linking of this account may be about to name it.
func (c *Commands) nameIdentity(ctx context.Context, id uuid.UUID, v voucher) (Outcome, error) {
	fresh, err := c.upToDate(ctx)
	if err != nil {
		return Outcome{}, err
	}
	var begun account.Naming
	var done bool
	err = c.account(fresh, id, func(a *account.Account) error {
		begun, done = a.Naming(), a.Names(v.claim.stream)
		switch {
		case !a.Exists():
			return fault.ErrNotFound
		case !done && a.HasIdentityOf(v.provider):
			return account.ErrIdentityExists
		}
		return nil
	})
	if err != nil || done {
		return Outcome{}, err
	}
	if _, err := c.claim(fresh, v.claim, id); err != nil {
		return Outcome{}, err
	}
	return change(ctx, c.core, account.Stream(id), account.New, func(a *account.Account) ([]event.Data, error) {
		return a.LinkIdentity(v.linked(), begun)
	})
}

// Identities are the providers by which the account is signed in to, the
// oldest first, as the log holds them now.
func (c *Commands) Identities(ctx context.Context, by Actor) (all []account.Identity, err error) {
	if ctx, err = c.upToDate(ctx); err != nil {
		return nil, err
	}
	err = c.account(ctx, by.Account, func(a *account.Account) error {
		all = a.Identities()
		return nil
	})
	return all, err
}

// UnlinkIdentity takes the identity of a provider away, and frees it. The owner
// is told by mail.
// Errors: ErrNotRecent, fault.ErrNotFound, account.ErrLastWayIn.
func (c *Commands) UnlinkIdentity(ctx context.Context, by Actor, provider string) (Outcome, error) {
	if err := c.recentSignIn(ctx, by); err != nil {
		return Outcome{}, err
	}
	fresh, err := c.upToDate(ctx)
	if err != nil {
		return Outcome{}, err
	}
	var claim string
	err = c.account(fresh, by.Account, func(a *account.Account) error {
		claim, _, err = a.UnlinkIdentity(provider)
		return err
	})
	if err != nil {
		return Outcome{}, err
	}
	given, err := c.claimOf(fresh, claim, by.Account)
	if err != nil {
		return Outcome{}, err
	}
	out, err := change(ctx, c.core, account.Stream(by.Account), account.New, func(a *account.Account) (events []event.Data, err error) {
		now, events, err := a.UnlinkIdentity(provider)
		if err == nil && now != claim { // another one of that provider meanwhile
			return nil, fault.ErrConflict
		}
		return events, err
	})
	if err != nil {
		return Outcome{}, err
	}
	c.letGo(ctx, reservation{stream: claim, released: identityReleased}, by.Account, given)
	c.tell(ctx, by.Account, "There is one way less to sign in to your account", fmt.Sprintf("The account of the provider %q was unlinked from yours: it does not sign in to yours any more.", provider), bySignIn)
	return out, nil
}
