package rest

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/fault"
)

func (s *Server) captchas() {
	route(s, Op{
		Method: http.MethodPost, Path: "/v1/captchas", ID: "newCaptcha", Summary: "A captcha, for one answer", Tag: "Captchas",
		Auth: Public, Status: http.StatusCreated, Waits: NoWait, Secret: true, Scarce: commands.ScarceCaptcha,
		Errors: []*fault.Fault{fault.ErrUnavailable},
	}, nil, s.newCaptcha)
	handle(s, Op{
		Method: http.MethodGet, Path: "/v1/captchas/{id}.png", ID: "captchaPicture", Summary: "Its characters as a picture", Tag: "Captchas",
		Auth: Public, Waits: NoWait, Secret: true, Scarce: commands.ScarceCaptcha, Produces: "image/png",
		Errors: []*fault.Fault{fault.ErrNotFound, fault.ErrUnavailable},
	}, nil, s.captchaPicture)
	route(s, Op{
		Method: http.MethodPost, Path: "/v1/captchas/{id}/refresh", ID: "refreshCaptcha", Summary: "Other characters, for who cannot read these", Tag: "Captchas",
		Auth: Public, Waits: NoWait, Secret: true, Scarce: commands.ScarceCaptcha,
		Errors: []*fault.Fault{fault.ErrNotFound, fault.ErrUnavailable},
	}, nil, s.refreshCaptcha)
}

// Captcha is a challenge.
type Captcha struct {
	ID        uuid.UUID `json:"id"`
	ExpiresAt Time      `json:"expiresAt"`
}

// captchaAnswer is the part of a body that answers one.
type captchaAnswer struct {
	CaptchaID string `json:"captchaId,omitempty" doc:"of POST /v1/captchas, where the answer was captcha.required"`
	Captcha   string `json:"captcha,omitempty" doc:"the characters of the picture, in any case"`
}

func (a captchaAnswer) captcha() commands.CaptchaAnswer {
	return commands.CaptchaAnswer{ID: a.CaptchaID, Text: a.Captcha}
}

func replyCaptcha(made commands.Captcha, err error) (Reply[Captcha], error) {
	return Reply[Captcha]{Data: Captcha{ID: made.ID, ExpiresAt: At(made.ExpiresAt)}}, err
}

func (s *Server) newCaptcha(ctx context.Context, _ *Call, _, _ None) (Reply[Captcha], error) {
	return replyCaptcha(s.cfg.Commands.NewCaptcha(ctx))
}

func (s *Server) refreshCaptcha(ctx context.Context, _ *Call, p otherPath, _ None) (Reply[Captcha], error) {
	return replyCaptcha(s.cfg.Commands.RefreshCaptcha(ctx, p.ID))
}

func (s *Server) captchaPicture(ctx context.Context, c *Call, p otherPath, w http.ResponseWriter) error {
	picture, err := s.cfg.Commands.PaintCaptcha(ctx, p.ID)
	if err != nil {
		return err
	}
	c.Header().Set("Content-Type", "image/png")
	_, err = w.Write(picture)
	return err
}
