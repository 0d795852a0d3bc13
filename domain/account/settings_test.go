package account_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
	"github.com/parleyhq/parley/domain/text"
)

// A8: what stays as it is is not said again; switching approval off is counted.
func TestChangeSettings(t *testing.T) {
	t.Parallel()
	approve := func(on bool) account.SettingsChanged {
		return account.SettingsChanged{Privacy: &account.PrivacyChanged{ApproveFollowers: &on}}
	}
	dark := account.SettingsChanged{Theme: new("dark")}
	for name, c := range map[string]struct {
		given []event.Data
		patch account.SettingsChanged
		want  []event.Data
		err   error
	}{
		"nothing":  {[]event.Data{registered}, account.SettingsChanged{}, nil, nil},
		"defaults": {[]event.Data{registered}, account.SettingsChanged{Theme: new("system"), Privacy: &account.PrivacyChanged{Profile: new(account.Public)}}, nil, nil},
		"part":     {[]event.Data{registered}, account.SettingsChanged{Theme: new("dark"), Locale: new("en")}, []event.Data{dark}, nil},
		"again":    {[]event.Data{registered, dark}, dark, nil, nil},
		"on":       {[]event.Data{registered}, approve(true), []event.Data{approve(true)}, nil},
		"off":      {[]event.Data{registered, approve(true)}, approve(false), []event.Data{approve(false)}, nil},
		"nobody":   {nil, dark, nil, fault.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := given(c.given...).ChangeSettings(c.patch)
			then(t, got, err, c.want, c.err)
		})
	}
	a := given(registered, approve(true), approve(false), approve(true))
	if a.Openings != 1 || !a.Settings.Privacy.ApproveFollowers || a.Settings.Theme != "system" {
		t.Errorf("%+v %d", a.Settings, a.Openings)
	}
}

func TestCheckSettings(t *testing.T) {
	t.Parallel()
	bad := account.Audience("x")
	var check text.Check
	account.CheckSettings(account.SettingsChanged{Theme: new("x"), Privacy: &account.PrivacyChanged{
		Profile: &bad, Follows: new(account.Nobody), DirectMessages: new(account.Followers), Presence: new(account.Followed),
	}}, &check)
	want := []fault.Detail{
		fault.Field("theme", "unknown"), fault.Field("privacy.profile", "unknown"), fault.Field("privacy.follows", "unknown"),
		fault.Field("privacy.directMessages", "unknown"), fault.Field("privacy.presence", "unknown"),
	}
	if diff := cmp.Diff(want, []fault.Detail(check.Checks)); diff != "" {
		t.Error(diff)
	}
	for audience, want := range map[account.Audience][2]bool{
		account.Public: {true, true}, account.Everyone: {true, true}, account.Followers: {false, true}, account.Private: {}, account.Nobody: {},
	} {
		if got := [2]bool{audience.Admits(false), audience.Admits(true)}; got != want {
			t.Errorf("%s admits %v", audience, got)
		}
	}
}
