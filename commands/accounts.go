package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"github.com/parleyhq/parley/commands/passwords"
	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/image"
	"github.com/parleyhq/parley/domain/text"
)

// signUpAppends is how many appends a sign-up may need, refused ones included;
// it has the time of that many.
const signUpAppends = 8

// SignUp is what a new member says.
type SignUp struct {
	Email       string
	Handle      string
	Password    string        // 8–128 characters, none of the common ones
	DisplayName string        // empty: the handle
	Captcha     CaptchaAnswer // where one is asked for
}

// SignedUp is a new account.
type SignedUp struct {
	Account  uuid.UUID
	Position uint64
}

// applicant is a checked SignUp.
type applicant struct {
	email       email
	handle      string
	displayName string
	password    string
	vouched     *voucher                // who says whose the address is; nil: a mail finds out
	imported    *account.ProfileChanged // the profile of who had an account elsewhere, and the address; nil: nobody's
}

// SignUp makes an account and mails a link and a code that verify its address.
// Errors: fault.ErrInvalid with every bad field, account.ErrEmailTaken,
// account.ErrHandleTaken, account.ErrAbandoned, ErrCaptchaRequired,
// ErrCaptchaWrong, ErrLimited, passwords.ErrBusy.
func (c *Commands) SignUp(ctx context.Context, in SignUp) (SignedUp, error) {
	a, err := c.checkSignUp(in)
	if err != nil {
		return SignedUp{}, err
	}
	locks, err := c.signInLocks(ctx) // of the network: there is no account to be guessed at
	if err != nil {
		return SignedUp{}, err
	}
	if err := c.checkCaptcha(ctx, locks, in.Captcha); err != nil { // before anything tells of names
		return SignedUp{}, err
	}
	return c.signUp(ctx, a, account.Member)
}

func (c *Commands) checkSignUp(in SignUp) (applicant, error) {
	var check text.Check
	a := applicant{password: in.Password}
	c.checkApplicant(&check, &a, in.Email, in.Handle, in.DisplayName)
	c.checkPassword(&check, "password", in.Password, in.Email, a.handle)
	return a, check.Err()
}

// checkApplicant gathers what is wrong with names, and keeps them as they are
// written here.
func (c *Commands) checkApplicant(check *text.Check, a *applicant, address, handle, displayName string) {
	var problem string
	if a.email, problem = parseEmail(address); problem != "" {
		check.Add("email", problem)
	}
	if a.handle, problem = account.FoldHandle(handle, c.cfg.Accounts); problem != "" {
		check.Add("handle", problem)
	}
	a.displayName = strings.TrimSpace(norm.NFC.String(displayName))
	check.Line("displayName", a.displayName, c.cfg.Accounts.DisplayNameMax)
	if a.displayName == "" {
		a.displayName = a.handle
	}
}

// checkPassword gathers what is wrong with a new password. It must not be one
// of the others, which everybody can know.
func (c *Commands) checkPassword(check *text.Check, field, password string, others ...string) {
	n := utf8.RuneCountInString(password)
	switch {
	case password == "":
		check.Add(field, text.Required)
	case n < c.cfg.PasswordMin:
		check.Add(field, "too_short")
	case n > c.cfg.PasswordMax:
		check.Add(field, text.TooLong)
	case passwords.Common(password), slices.ContainsFunc(others, func(o string) bool { return strings.EqualFold(o, password) }):
		check.Add(field, "common")
	default:
		check.Secret(field, password)
	}
}

// signUp claims the names, then makes the account.
func (c *Commands) signUp(ctx context.Context, a applicant, roles ...string) (SignedUp, error) {
	emails, err := c.emailReservation(ctx, a.email)
	if err != nil {
		return SignedUp{}, err
	}
	handles, err := c.handleReservation(ctx, a.handle)
	if err != nil {
		return SignedUp{}, err
	}
	wanted := []reservation{emails, handles}
	if a.vouched != nil {
		wanted = []reservation{a.vouched.claim, emails, handles}
	}
	id := c.idFor(ctx)
	if err := c.free(ctx, id, wanted...); err != nil { // before the work of hashing
		return SignedUp{}, err
	}
	if slices.Contains(roles, account.Administrator) {
		wanted = append(wanted, setupReservation())
	}
	r := account.Registered{
		Email: a.email.address, EmailClaim: emails.stream,
		Handle: a.handle, HandleClaim: handles.stream,
		DisplayName: a.displayName, Roles: roles,
	}
	then, mail, err := c.enrol(ctx, id, a, &r)
	if err != nil {
		return SignedUp{}, err
	}
	// A caller who goes away leaves no half of a sign-up behind.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), signUpAppends*c.cfg.AppendTimeout)
	defer cancel()
	ctx = WithActor(ctx, id.String())
	for i, r := range wanted {
		if _, err := c.claim(ctx, r, id); err != nil {
			if fault.As(err) != nil {
				c.giveUp(ctx, id, wanted[:i])
			}
			return SignedUp{}, err
		}
	}
	out, err := c.register(ctx, id, r, then...)
	if errors.Is(err, account.ErrAbandoned) {
		c.giveUp(ctx, id, wanted)
	}
	if err != nil {
		return SignedUp{}, err
	}
	mail(ctx)
	return SignedUp{Account: id, Position: out.Position}, nil
}

// enrol says how the account is signed in to, and what is known of its
// address: by a password, and a mail that asks; or by a provider, who knows;
// or, where it is imported, by a password that a reset will set.
func (c *Commands) enrol(ctx context.Context, id uuid.UUID, a applicant, r *account.Registered) (then []event.Data, mail func(context.Context), err error) {
	verified := account.EmailVerified{Email: r.Email, Claim: r.EmailClaim}
	switch {
	case a.imported != nil && a.imported.Bio == nil:
		return []event.Data{verified}, func(context.Context) {}, nil
	case a.imported != nil:
		return []event.Data{verified, *a.imported}, func(context.Context) {}, nil
	case a.vouched != nil:
		return []event.Data{verified, a.vouched.linked()}, func(context.Context) {}, nil
	}
	if err := c.mayMail(ctx, a.email); err != nil {
		return nil, nil, err
	}
	if r.PasswordHash, err = c.hasher.Hash(ctx, a.password); err != nil {
		return nil, nil, err
	}
	p := c.newProof(id, c.cfg.VerificationTTL)
	then = []event.Data{account.VerificationRequested{
		Email: r.Email, Claim: r.EmailClaim, TokenHash: p.tokenHash(), CodeHash: p.codeHash(), ExpiresAt: p.expires,
	}}
	return then, func(ctx context.Context) { c.mailProof(ctx, r.Email, p) }, nil
}

// register makes the account. Where the log's answer is lost it is unknown
// whether the account was made, so its claims stay.
func (c *Commands) register(ctx context.Context, id uuid.UUID, r account.Registered, then ...event.Data) (Outcome, error) {
	if err := c.deps.Keyring.EnsureAccount(ctx, id); err != nil {
		return Outcome{}, fmt.Errorf("key of a new account: %w", err)
	}
	return change(ctx, c.core, account.Stream(id), account.New, func(a *account.Account) ([]event.Data, error) {
		return a.Register(r, then...)
	})
}

// free refuses names that others than id hold by now, all of them at once.
func (c *Commands) free(ctx context.Context, id uuid.UUID, wanted ...reservation) error {
	var refused *fault.Fault
	for _, r := range wanted {
		h, err := c.look(ctx, r)
		switch {
		case err != nil:
			return err
		case h.yields, h.owner == id: // an import that was cut off holds its names already
		case refused == nil:
			refused = r.taken
		default:
			refused = refused.With(r.taken.Details...)
		}
	}
	if refused != nil {
		return refused
	}
	return nil
}

// ChangeProfile changes what is given.
type ChangeProfile struct {
	DisplayName, Bio, Signature *string
	Links                       *[]account.Link
	Avatar, Banner              *uuid.UUID // uuid.Nil takes the picture away
	Match                       Match
}

// ChangeProfile changes one's own profile.
// Errors: fault.ErrInvalid, text.ErrInvalid, ErrImageUnknown, Match's.
func (c *Commands) ChangeProfile(ctx context.Context, by Actor, in ChangeProfile) (Outcome, error) {
	patch := account.ProfileChanged{
		DisplayName: tidy(in.DisplayName), Bio: in.Bio, Signature: in.Signature,
		Links: in.Links, Avatar: in.Avatar, Banner: in.Banner,
	}
	var check text.Check
	account.CheckProfile(patch, c.cfg.Accounts, &check)
	if err := check.Err(); err != nil {
		return Outcome{}, err
	}
	if err := c.nameImages(ctx, by, "avatar", namedFor(image.Avatar), given(in.Avatar)...); err != nil {
		return Outcome{}, err
	}
	if err := c.nameImages(ctx, by, "banner", namedFor(image.Banner), given(in.Banner)...); err != nil {
		return Outcome{}, err
	}
	return change(ctx, c.core, account.Stream(by.Account), account.New, func(a *account.Account) ([]event.Data, error) {
		if err := in.Match.check(a.Version); err != nil {
			return nil, err
		}
		return a.ChangeProfile(patch)
	})
}

// given is the picture of a field that names one.
func given(id *uuid.UUID) []uuid.UUID {
	if id == nil || *id == uuid.Nil {
		return nil
	}
	return []uuid.UUID{*id}
}

func tidy(s *string) *string {
	if s == nil {
		return nil
	}
	t := strings.TrimSpace(norm.NFC.String(*s))
	return &t
}
