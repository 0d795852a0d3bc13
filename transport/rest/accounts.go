package rest

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/commands/passwords"
	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/text"
	"github.com/parleyhq/parley/readmodels"
)

func (s *Server) accounts() {
	taken := []*fault.Fault{account.ErrEmailTaken, account.ErrHandleTaken, account.ErrAbandoned, passwords.ErrBusy}
	route(s, Op{
		Method: http.MethodPost, Path: "/v1/setup", ID: "setUp", Summary: "Make the first administrator", Tag: "Accounts",
		Auth: Public, Status: http.StatusCreated, Scarce: commands.ScarceSignUp, Errors: append([]*fault.Fault{commands.ErrSetup, fault.ErrNotFound}, taken...),
	}, s.maySetUp, s.setUp)
	route(s, Op{
		Method: http.MethodPost, Path: "/v1/accounts", ID: "signUp", Summary: "Sign up; a mail to verify the address is sent", Tag: "Accounts",
		Auth: Public, Status: http.StatusCreated, Scarce: commands.ScarceSignUp,
		Errors: append([]*fault.Fault{commands.ErrCaptchaRequired, commands.ErrCaptchaWrong}, taken...),
	}, nil, s.signUp)
	route(s, Op{
		Method: http.MethodPost, Path: "/v1/email-verifications", ID: "resendVerification", Summary: "Send another mail; older ones are dead", Tag: "Accounts",
	}, nil, s.resendVerification)
	route(s, Op{
		Method: http.MethodPut, Path: "/v1/email-verifications", ID: "verifyEmail", Summary: "Verify an address by the mail's token, or by address and code", Tag: "Accounts",
		Auth: Public, Scarce: commands.ScarceConfirm, Errors: []*fault.Fault{account.ErrVerification},
	}, nil, s.verifyEmail)
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/me", ID: "getMe", Summary: "One's own account", Tag: "Accounts",
	}, nil, s.getMe)
	route(s, Op{
		Method: http.MethodPatch, Path: "/v1/me/profile", ID: "editProfile", Summary: "Change one's profile", Tag: "Accounts",
		Errors: []*fault.Fault{commands.ErrImageUnknown, commands.ErrChanged},
	}, nil, s.editProfile)
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/accounts/{account}", ID: "getAccount", Summary: "An account, by id or @handle", Tag: "Accounts",
		Auth: Optional, Errors: []*fault.Fault{fault.ErrNotFound},
	}, nil, s.getAccount)
}

// Account is an account as the caller sees it. What follows viewer is told to
// the account itself alone.
type Account struct {
	Summary
	Banner    *Image          `json:"banner"`
	Signature *string         `json:"signature"`
	Bio       *string         `json:"bio"`
	Links     []Link          `json:"links"`
	CreatedAt Time            `json:"createdAt"`
	Followers int             `json:"followers"`
	Following int             `json:"following"`
	Posts     int             `json:"posts"`
	Viewer    AccountViewer   `json:"viewer"`
	Email     Maybe[string]   `json:"email,omitzero"`
	Verified  Maybe[bool]     `json:"emailVerified,omitzero"`
	Roles     Maybe[[]string] `json:"roles,omitzero"`
	Settings  Maybe[Settings] `json:"settings,omitzero"`
	Deletion  Maybe[Time]     `json:"deletionAt,omitzero"`
}

// Link is one address of a profile.
type Link struct {
	Kind string  `json:"kind" enum:"facebook,instagram,twitter,other"`
	Name *string `json:"name,omitempty"`
	URL  string  `json:"url"`
}

// AccountViewer is what stands between the caller and an account.
type AccountViewer struct {
	Following  bool `json:"following"`
	FollowedBy bool `json:"followedBy"`
	Requested  bool `json:"requested"`
	Blocking   bool `json:"blocking"`
	Muting     bool `json:"muting"`
}

func showAccount(a readmodels.Account) Account {
	out := Account{
		Summary: showSummary(a.Summary), Banner: openImage(a.Banner), Signature: orNull(a.Signature), Bio: orNull(a.Bio), Links: make([]Link, len(a.Links)),
		CreatedAt: At(a.CreatedAt), Followers: a.Followers, Following: a.Following, Posts: a.Posts,
		Viewer: AccountViewer{
			Following: a.Viewer.Following, FollowedBy: a.Viewer.FollowedBy, Requested: a.Viewer.Requested, Blocking: a.Viewer.Blocking, Muting: a.Viewer.Muting,
		},
	}
	for i, l := range a.Links {
		out.Links[i] = Link{Kind: l.Kind, Name: orNull(l.Name), URL: l.URL}
	}
	if a.Own != nil {
		out.Email = Null[string]()
		if a.Own.Email != "" {
			out.Email = Some(a.Own.Email)
		}
		out.Verified, out.Roles = Some(a.Own.EmailVerified), Some(a.Own.Roles)
		out.Settings, out.Deletion = Some(showSettings(a.Own.Settings)), Null[Time]()
	}
	return out
}

// orNull is a text, or null where it is empty.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// own reads an account as it sees itself, once the tables show position.
func (s *Server) own(ctx context.Context, id uuid.UUID, position uint64) (a readmodels.Account, err error) {
	if err := s.written(ctx, position); err != nil {
		return a, err
	}
	err = s.cfg.Tables.Read(ctx, func(r readmodels.Reader) (err error) {
		a, err = readmodels.AccountByID(ctx, r, id, id)
		return err
	})
	return a, err
}

func (s *Server) replyOwn(ctx context.Context, id uuid.UUID, position uint64) (Reply[Account], error) {
	a, err := s.own(ctx, id, position)
	return Reply[Account]{Data: showAccount(a), Position: position, ETag: a.Version}, err
}

// newAccount is a sign-up. Commands say what is missing or wrong, all at once.
type newAccount struct {
	Email       string `json:"email,omitempty" doc:"needed" example:"ada@example.org"`
	Handle      string `json:"handle,omitempty" doc:"needed; 3 to 30 of a-z, 0-9 and _, folded" example:"ada"`
	Password    string `json:"password,omitempty" doc:"needed; 8 to 128 characters, none of the common ones" text:"lines"`
	DisplayName string `json:"displayName,omitempty" doc:"the handle where it is left out" example:"Ada Lovelace"`
}

func (n newAccount) command() commands.SignUp {
	return commands.SignUp{Email: n.Email, Handle: n.Handle, Password: n.Password, DisplayName: n.DisplayName}
}

type newMember struct {
	newAccount
	captchaAnswer
}

func (s *Server) signUp(ctx context.Context, _ *Call, _ None, b newMember) (Reply[Account], error) {
	in := b.command()
	in.Captcha = b.captcha()
	done, err := s.cfg.Commands.SignUp(ctx, in)
	if err != nil {
		return Reply[Account]{}, err
	}
	return s.replyOwn(ctx, done.Account, done.Position)
}

type firstAdministrator struct {
	Token string `json:"token,omitempty" doc:"needed; of the set-up link"`
	newAccount
}

// maySetUp hides set-up once it was done.
func (s *Server) maySetUp(ctx context.Context, _ *Call, _ None) error {
	needed, err := s.cfg.Commands.NeedsSetup(ctx)
	if err == nil && !needed {
		err = fault.ErrNotFound
	}
	return err
}

func (s *Server) setUp(ctx context.Context, _ *Call, _ None, b firstAdministrator) (Reply[Account], error) {
	done, err := s.cfg.Commands.Setup(ctx, b.Token, b.command())
	if err != nil {
		return Reply[Account]{}, err
	}
	return s.replyOwn(ctx, done.Account, done.Position)
}

func (s *Server) resendVerification(ctx context.Context, c *Call, _, _ None) (Reply[None], error) {
	out, err := s.cfg.Commands.RequestVerification(ctx, *c.Actor)
	return s.settled(ctx, out, err)
}

type emailProof struct {
	Token string `json:"token,omitempty" doc:"of the mail's link"`
	Email string `json:"email,omitempty" doc:"beside code"`
	Code  string `json:"code,omitempty" doc:"six digits, beside email"`
}

func (s *Server) verifyEmail(ctx context.Context, _ *Call, _ None, b emailProof) (Reply[None], error) {
	out, err := s.cfg.Commands.Verify(ctx, commands.Verify{Token: b.Token, Email: b.Email, Code: b.Code})
	return s.settled(ctx, out, err)
}

func (s *Server) getMe(ctx context.Context, c *Call, _, _ None) (Reply[Account], error) {
	return s.replyOwn(ctx, c.Account(), 0)
}

type profileEdit struct {
	DisplayName Maybe[string]    `json:"displayName" nullable:"false" doc:"at most 50 characters"`
	Bio         Maybe[string]    `json:"bio" doc:"at most 500 characters" text:"lines"`
	Signature   Maybe[string]    `json:"signature" doc:"at most 160 characters" text:"lines"`
	Links       Maybe[[]Link]    `json:"links"`
	Avatar      Maybe[uuid.UUID] `json:"avatar" doc:"id of a picture; null takes it away"`
	Banner      Maybe[uuid.UUID] `json:"banner" doc:"id of a picture; null takes it away"`
}

func (s *Server) editProfile(ctx context.Context, c *Call, _ None, b profileEdit) (Reply[Account], error) {
	out, err := s.cfg.Commands.ChangeProfile(ctx, *c.Actor, commands.ChangeProfile{
		DisplayName: b.DisplayName.Pointer(), Bio: orCleared(b.Bio), Signature: orCleared(b.Signature),
		Links: linksOf(b.Links), Avatar: orCleared(b.Avatar), Banner: orCleared(b.Banner),
		Match: c.match(),
	})
	if err != nil {
		return Reply[Account]{}, err
	}
	return s.replyOwn(ctx, c.Account(), out.Position)
}

// orCleared is the value of a field; null is its zero value.
func orCleared[T any](m Maybe[T]) *T {
	if m.Null() {
		return new(T)
	}
	return m.Pointer()
}

func linksOf(m Maybe[[]Link]) *[]account.Link {
	if m.Absent() {
		return nil
	}
	given, _ := m.Get()
	links := make([]account.Link, len(given))
	for i, l := range given {
		links[i] = account.Link{Kind: l.Kind, URL: l.URL}
		if l.Name != nil {
			links[i].Name = *l.Name
		}
	}
	return &links
}

// accountRef is an id, or a handle behind "@".
type accountRef struct {
	id     uuid.UUID
	handle string // folded; empty: id counts
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *accountRef) UnmarshalText(b []byte) error {
	if handle, ok := strings.CutPrefix(string(b), "@"); ok {
		folded, problem := account.FoldHandle(handle, account.AnyHandle)
		if problem != "" {
			return errors.New(problem)
		}
		a.handle = folded
		return nil
	}
	id, ok := parseUUID(string(b))
	if !ok {
		return errors.New(text.Characters)
	}
	a.id = id
	return nil
}

// find reads the account that is meant. Errors: fault.ErrNotFound.
func (a accountRef) find(ctx context.Context, r readmodels.Reader, viewer uuid.UUID) (readmodels.Account, error) {
	if a.handle != "" {
		return readmodels.AccountByHandle(ctx, r, viewer, a.handle)
	}
	return readmodels.AccountByID(ctx, r, viewer, a.id)
}

type accountPath struct {
	Account accountRef `path:"account" doc:"an id, or a handle behind @"`
}

func (s *Server) getAccount(ctx context.Context, c *Call, p accountPath, _ None) (Reply[Account], error) {
	var a readmodels.Account
	err := s.cfg.Tables.Read(ctx, func(r readmodels.Reader) (err error) {
		a, err = p.Account.find(ctx, r, c.Account())
		return err
	})
	return Reply[Account]{Data: showAccount(a), ETag: a.Version}, err
}
