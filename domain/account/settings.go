package account

import (
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/text"
)

// Audience is for whom something is.
type Audience string

// Audiences. Which of them a setting takes is said beside it.
const (
	Public    Audience = "public"
	Everyone  Audience = "everyone"
	Followers Audience = "followers" // who follow the account
	Followed  Audience = "followed"  // whom the account follows
	Private   Audience = "private"
	Nobody    Audience = "nobody"
)

// Settings are what an account chose for itself.
type Settings struct {
	Locale   string // BCP 47, canonical
	Theme    string // system, light or dark
	TimeZone string // of the IANA database
	Privacy  Privacy
}

// Privacy says who may see and do what.
type Privacy struct {
	Profile          Audience // Public, Followers or Private: others see the summary
	Follows          Audience // likewise: whom it follows and who follows it
	ApproveFollowers bool
	DirectMessages   Audience // Everyone, Followed or Nobody: who may begin a direct room with it
	Presence         Audience // Everyone, Followers or Nobody
}

// DefaultSettings are those of a new account.
func DefaultSettings() Settings {
	return Settings{Locale: "en", Theme: "system", TimeZone: "UTC", Privacy: Privacy{
		Profile: Public, Follows: Public, DirectMessages: Everyone, Presence: Everyone,
	}}
}

// settingsEvents are what changes settings.
var settingsEvents = []event.Definition{
	event.Of[SettingsChanged]("account.settings_changed.v1", event.People, nil),
}

// SettingsChanged holds what was changed alone.
type SettingsChanged struct {
	Locale   *string         `json:"locale,omitzero" seal:"personal"`
	Theme    *string         `json:"theme,omitzero"`
	TimeZone *string         `json:"timeZone,omitzero" seal:"personal"`
	Privacy  *PrivacyChanged `json:"privacy,omitzero"`
}

// PrivacyChanged holds what was changed alone. Whoever waits to follow when
// ApproveFollowers is switched off follows from then on.
type PrivacyChanged struct {
	Profile          *Audience `json:"profile,omitzero"`
	Follows          *Audience `json:"follows,omitzero"`
	ApproveFollowers *bool     `json:"approveFollowers,omitzero"`
	DirectMessages   *Audience `json:"directMessages,omitzero"`
	Presence         *Audience `json:"presence,omitzero"`
}

// Change does what d says.
func (s *Settings) Change(d SettingsChanged) {
	set(&s.Locale, d.Locale)
	set(&s.Theme, d.Theme)
	set(&s.TimeZone, d.TimeZone)
	if p := d.Privacy; p != nil {
		set(&s.Privacy.Profile, p.Profile)
		set(&s.Privacy.Follows, p.Follows)
		set(&s.Privacy.ApproveFollowers, p.ApproveFollowers)
		set(&s.Privacy.DirectMessages, p.DirectMessages)
		set(&s.Privacy.Presence, p.Presence)
	}
}

// Admits says whether an audience takes in somebody who is not the account
// itself, and who follows it or not.
func (a Audience) Admits(follower bool) bool {
	switch a {
	case Public, Everyone:
		return true
	case Followers:
		return follower
	}
	return false
}

// ChangeSettings changes what is given; what stays as it is is not said again.
// The patch was checked by CheckSettings.
func (a *Account) ChangeSettings(patch SettingsChanged) ([]event.Data, error) {
	if !a.Exists() {
		return nil, fault.ErrNotFound
	}
	s := a.Settings
	drop(&patch.Locale, s.Locale)
	drop(&patch.Theme, s.Theme)
	drop(&patch.TimeZone, s.TimeZone)
	if patch.Privacy != nil {
		p := *patch.Privacy // the caller's, and deciders may run again
		drop(&p.Profile, s.Privacy.Profile)
		drop(&p.Follows, s.Privacy.Follows)
		drop(&p.ApproveFollowers, s.Privacy.ApproveFollowers)
		drop(&p.DirectMessages, s.Privacy.DirectMessages)
		drop(&p.Presence, s.Privacy.Presence)
		patch.Privacy = &p
		if p == (PrivacyChanged{}) {
			patch.Privacy = nil
		}
	}
	if patch == (SettingsChanged{}) {
		return nil, nil
	}
	return []event.Data{patch}, nil
}

// CheckSettings gathers what is wrong with the words of a patch, under its
// JSON names; locales and time zones are the caller's to check.
func CheckSettings(p SettingsChanged, c *text.Check) {
	oneOf(c, "theme", p.Theme, "system", "light", "dark")
	if p.Privacy == nil {
		return
	}
	oneOf(c, "privacy.profile", p.Privacy.Profile, Public, Followers, Private)
	oneOf(c, "privacy.follows", p.Privacy.Follows, Public, Followers, Private)
	oneOf(c, "privacy.directMessages", p.Privacy.DirectMessages, Everyone, Followed, Nobody)
	oneOf(c, "privacy.presence", p.Privacy.Presence, Everyone, Followers, Nobody)
}

func oneOf[T comparable](c *text.Check, field string, given *T, words ...T) {
	if given == nil {
		return
	}
	for _, w := range words {
		if w == *given {
			return
		}
	}
	c.Add(field, "unknown")
}

func (a *Account) applySettings(d SettingsChanged) {
	before := a.Settings.Privacy.ApproveFollowers
	a.Settings.Change(d)
	if before && !a.Settings.Privacy.ApproveFollowers {
		a.Openings++
	}
}
