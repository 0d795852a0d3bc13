package rest

import (
	"context"
	"net/http"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/commands/passwords"
	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/fault"
)

// passwords are the routes of how one gets in and is known: what a mail or
// the password proves.
func (s *Server) passwords() {
	proven := []*fault.Fault{account.ErrWrongPassword, commands.ErrLocked, commands.ErrNotRecent, passwords.ErrBusy, commands.ErrChanged}
	route(s, Op{
		Method: http.MethodPost, Path: "/v1/password-resets", ID: "requestPasswordReset", Summary: "Ask for a mail that sets a new password; the answer is the same where nobody has the address", Tag: "Accounts",
		Auth: Public, Status: http.StatusAccepted, Scarce: commands.ScarceSignUp, Waits: NoWait, Errors: []*fault.Fault{commands.ErrCaptchaRequired, commands.ErrCaptchaWrong},
	}, nil, s.requestPasswordReset)
	route(s, Op{
		Method: http.MethodPut, Path: "/v1/password-resets", ID: "resetPassword", Summary: "Set a new password by the mail's token; every session is over", Tag: "Accounts",
		Auth: Public, Scarce: commands.ScarceConfirm, Errors: []*fault.Fault{account.ErrReset, passwords.ErrBusy},
	}, nil, s.resetPassword)
	route(s, Op{
		Method: http.MethodPut, Path: "/v1/me/password", ID: "changePassword", Summary: "Change the password; all other sessions are over", Tag: "Accounts",
		Errors: proven,
	}, nil, s.changePassword)
	route(s, Op{
		Method: http.MethodPut, Path: "/v1/me/email", ID: "changeEmail", Summary: "Change the address, once the new one is confirmed", Tag: "Accounts",
		Errors: proven,
	}, nil, s.changeEmail)
	route(s, Op{
		Method: http.MethodPut, Path: "/v1/me/handle", ID: "changeHandle", Summary: "Change the handle", Tag: "Accounts",
		Errors: []*fault.Fault{account.ErrHandleTaken, commands.ErrChanged},
	}, nil, s.changeHandle)
}

type resetRequest struct {
	Email string `json:"email,omitempty" doc:"needed" example:"ada@example.org"`
	captchaAnswer
}

func (s *Server) requestPasswordReset(ctx context.Context, _ *Call, _ None, b resetRequest) (Reply[None], error) {
	return Reply[None]{}, s.cfg.Commands.RequestReset(ctx, commands.RequestReset{Email: b.Email, Captcha: b.captcha()})
}

type passwordReset struct {
	Token    string `json:"token,omitempty" doc:"needed; of the mail's link"`
	Password string `json:"password,omitempty" doc:"needed; as at sign-up" text:"lines"`
}

func (s *Server) resetPassword(ctx context.Context, _ *Call, _ None, b passwordReset) (Reply[None], error) {
	out, err := s.cfg.Commands.ResetPassword(ctx, commands.ResetPassword{Token: b.Token, Password: b.Password})
	return s.settled(ctx, out, err)
}

type passwordChange struct {
	Current  string `json:"current,omitempty" doc:"needed; the password as it is" text:"lines"`
	Password string `json:"password,omitempty" doc:"needed; as at sign-up" text:"lines"`
}

func (s *Server) changePassword(ctx context.Context, c *Call, _ None, b passwordChange) (Reply[Account], error) {
	out, err := s.cfg.Commands.ChangePassword(ctx, *c.Actor, commands.ChangePassword{Current: b.Current, Password: b.Password, Match: c.match()})
	return s.changedOwn(ctx, c, out, err)
}

type emailChange struct {
	Current string `json:"current,omitempty" doc:"needed; the password" text:"lines"`
	Email   string `json:"email,omitempty" doc:"needed; one's own ends a change that is under way" example:"ada@example.org"`
}

func (s *Server) changeEmail(ctx context.Context, c *Call, _ None, b emailChange) (Reply[Account], error) {
	out, err := s.cfg.Commands.ChangeEmail(ctx, *c.Actor, commands.ChangeEmail{Current: b.Current, Email: b.Email, Match: c.match()})
	return s.changedOwn(ctx, c, out, err)
}

type handleChange struct {
	Handle string `json:"handle,omitempty" doc:"needed; as at sign-up" example:"ada"`
}

func (s *Server) changeHandle(ctx context.Context, c *Call, _ None, b handleChange) (Reply[Account], error) {
	out, err := s.cfg.Commands.ChangeHandle(ctx, *c.Actor, commands.ChangeHandle{Handle: b.Handle, Match: c.match()})
	return s.changedOwn(ctx, c, out, err)
}

// changedOwn answers one's own account after a change of it.
func (s *Server) changedOwn(ctx context.Context, c *Call, out commands.Outcome, err error) (Reply[Account], error) {
	if err != nil {
		return Reply[Account]{}, err
	}
	return s.replyOwn(ctx, c.Account(), out.Position)
}
