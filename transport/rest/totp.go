package rest

import (
	"context"
	"net/http"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/fault"
)

func (s *Server) totp() {
	route(s, Op{
		Method: http.MethodGet, Path: "/v1/me/totp", ID: "getTOTP", Summary: "Whether there is an authenticator app, and how many recovery codes are left", Tag: "Second factors",
	}, nil, s.getTOTP)
	route(s, Op{
		Method: http.MethodPost, Path: "/v1/me/totp", ID: "requestTOTP", Summary: "Make a secret for an authenticator app; it is shown here and never again", Tag: "Second factors",
		Secret: true, Errors: []*fault.Fault{commands.ErrNotRecent, account.ErrTOTPEnabled},
	}, nil, s.requestTOTP)
	route(s, Op{
		Method: http.MethodPut, Path: "/v1/me/totp", ID: "enableTOTP", Summary: "Put the newest secret in force by a code of it; the recovery codes are shown here and never again", Tag: "Second factors",
		Secret: true, Errors: []*fault.Fault{account.ErrOTPWrong, account.ErrTOTPNotRequested, account.ErrTOTPEnabled, commands.ErrLocked},
	}, nil, s.enableTOTP)
	route(s, Op{
		Method: http.MethodDelete, Path: "/v1/me/totp", ID: "disableTOTP", Summary: "Take the authenticator app away by a code of it, or a recovery code", Tag: "Second factors",
		Errors: []*fault.Fault{account.ErrOTPWrong, fault.ErrNotFound, commands.ErrLocked},
	}, nil, s.disableTOTP)
}

// TOTP is how the caller's second factor stands.
type TOTP struct {
	Enabled       bool `json:"enabled"`
	RecoveryCodes int  `json:"recoveryCodes" doc:"that are left"`
}

// NewTOTP is a secret as it is shown once.
type NewTOTP struct {
	Secret string `json:"secret" doc:"base32"`
	URI    string `json:"uri" doc:"otpauth://totp/…"`
	Image  string `json:"image" doc:"the same as a QR code: data:image/png;base64,…"`
}

// RecoveryCodes are shown once.
type RecoveryCodes struct {
	RecoveryCodes []string `json:"recoveryCodes" doc:"each works once in the place of a code"`
}

// getTOTP asks the account's own stream: no table knows of second factors.
func (s *Server) getTOTP(ctx context.Context, c *Call, _, _ None) (Reply[TOTP], error) {
	t, err := s.cfg.Commands.TOTP(ctx, *c.Actor)
	return Reply[TOTP]{Data: TOTP{Enabled: t.Enabled, RecoveryCodes: t.RecoveryCodes}}, err
}

func (s *Server) requestTOTP(ctx context.Context, c *Call, _, _ None) (Reply[NewTOTP], error) {
	made, out, err := s.cfg.Commands.RequestTOTP(ctx, *c.Actor)
	return Reply[NewTOTP]{Data: NewTOTP{Secret: made.Secret, URI: made.URI, Image: made.Image}, Position: out.Position}, err
}

type otpRequest struct {
	Code string `json:"code" doc:"six digits"`
}

func (s *Server) enableTOTP(ctx context.Context, c *Call, _ None, b otpRequest) (Reply[RecoveryCodes], error) {
	codes, out, err := s.cfg.Commands.EnableTOTP(ctx, *c.Actor, b.Code)
	return Reply[RecoveryCodes]{Data: RecoveryCodes{RecoveryCodes: codes}, Position: out.Position}, err
}

type otpProof struct {
	Code string `json:"code" doc:"six digits, or a recovery code"`
}

func (s *Server) disableTOTP(ctx context.Context, c *Call, _ None, b otpProof) (Reply[None], error) {
	out, err := s.cfg.Commands.DisableTOTP(ctx, *c.Actor, b.Code)
	return s.settled(ctx, out, err)
}
