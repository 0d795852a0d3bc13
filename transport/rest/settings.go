package rest

import (
	"context"
	"net/http"

	"github.com/parleyhq/parley/commands"
	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/fault"
)

func (s *Server) settings() {
	route(s, Op{
		Method: http.MethodPatch, Path: "/v1/me/settings", ID: "editSettings", Summary: "Change one's settings", Tag: "Accounts",
		Errors: []*fault.Fault{commands.ErrChanged},
	}, nil, s.editSettings)
}

// Settings are an account's own.
type Settings struct {
	Locale   string  `json:"locale"`
	Theme    string  `json:"theme" enum:"system,light,dark"`
	TimeZone string  `json:"timeZone"`
	Privacy  Privacy `json:"privacy"`
}

// Privacy says who may see and do what.
type Privacy struct {
	Profile          account.Audience `json:"profile" enum:"public,followers,private"`
	Follows          account.Audience `json:"follows" enum:"public,followers,private"`
	ApproveFollowers bool             `json:"approveFollowers"`
	DirectMessages   account.Audience `json:"directMessages" enum:"everyone,followed,nobody"`
	Presence         account.Audience `json:"presence" enum:"everyone,followers,nobody"`
}

func showSettings(s account.Settings) Settings {
	return Settings{Locale: s.Locale, Theme: s.Theme, TimeZone: s.TimeZone, Privacy: Privacy(s.Privacy)}
}

type settingsEdit struct {
	Locale   Maybe[string]      `json:"locale" nullable:"false" doc:"BCP 47" example:"de-CH"`
	Theme    Maybe[string]      `json:"theme" nullable:"false" doc:"system, light or dark"`
	TimeZone Maybe[string]      `json:"timeZone" nullable:"false" doc:"a name of the IANA database" example:"Europe/Zurich"`
	Privacy  Maybe[privacyEdit] `json:"privacy" nullable:"false"`
}

type privacyEdit struct {
	Profile          Maybe[string] `json:"profile" nullable:"false" doc:"public, followers or private: others see the summary alone"`
	Follows          Maybe[string] `json:"follows" nullable:"false" doc:"public, followers or private: for others there are no lists and no counts"`
	ApproveFollowers Maybe[bool]   `json:"approveFollowers" nullable:"false" doc:"new followers wait for approval; switched off, those waiting follow"`
	DirectMessages   Maybe[string] `json:"directMessages" nullable:"false" doc:"everyone, followed or nobody: who may begin a direct room"`
	Presence         Maybe[string] `json:"presence" nullable:"false" doc:"everyone, followers or nobody"`
}

func (s *Server) editSettings(ctx context.Context, c *Call, _ None, b settingsEdit) (Reply[Account], error) {
	patch := account.SettingsChanged{Locale: b.Locale.Pointer(), Theme: b.Theme.Pointer(), TimeZone: b.TimeZone.Pointer()}
	if p, given := b.Privacy.Get(); given {
		patch.Privacy = &account.PrivacyChanged{
			Profile: audience(p.Profile), Follows: audience(p.Follows), ApproveFollowers: p.ApproveFollowers.Pointer(),
			DirectMessages: audience(p.DirectMessages), Presence: audience(p.Presence),
		}
	}
	out, err := s.cfg.Commands.ChangeSettings(ctx, *c.Actor, commands.ChangeSettings{Settings: patch, Match: c.match()})
	return s.changedOwn(ctx, c, out, err)
}

func audience(m Maybe[string]) *account.Audience { return (*account.Audience)(m.Pointer()) }
