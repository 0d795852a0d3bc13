package commands

import (
	"context"
	"strings"
	"time"
	_ "time/tzdata" // every node knows the same zones, whatever its system has

	"golang.org/x/text/language"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/text"
)

// Bounds of settings, in bytes.
const (
	maxLocale   = 64
	maxTimeZone = 64
)

// ChangeSettings changes what is given.
type ChangeSettings struct {
	Settings account.SettingsChanged
	Match    Match
}

// ChangeSettings changes one's own settings. Whoever waits to follow when
// followers need no approval any more follows by that.
// Errors: fault.ErrInvalid, Match's.
func (c *Commands) ChangeSettings(ctx context.Context, by Actor, in ChangeSettings) (Outcome, error) {
	patch := in.Settings
	var check text.Check
	if patch.Locale != nil {
		locale, ok := canonicalLocale(*patch.Locale)
		if !ok {
			check.Add("locale", "locale")
		}
		patch.Locale = &locale
	}
	if patch.TimeZone != nil && !isTimeZone(*patch.TimeZone) {
		check.Add("timeZone", "time zone")
	}
	account.CheckSettings(patch, &check)
	if err := check.Err(); err != nil {
		return Outcome{}, err
	}
	return change(ctx, c.core, account.Stream(by.Account), account.New, func(a *account.Account) ([]event.Data, error) {
		if err := in.Match.check(a.Version); err != nil {
			return nil, err
		}
		return a.ChangeSettings(patch)
	})
}

// canonicalLocale is the one spelling of a language tag (BCP 47) that names a
// language.
func canonicalLocale(s string) (string, bool) {
	if len(s) > maxLocale {
		return "", false
	}
	tag, err := language.Parse(s)
	if err != nil {
		return "", false
	}
	if base, _, _ := tag.Raw(); base.String() == "und" {
		return "", false
	}
	return tag.String(), true
}

// isTimeZone says whether s is a name of the IANA database. Systems keep other
// things beside it.
func isTimeZone(s string) bool {
	if s == "" || len(s) > maxTimeZone || s == "Local" || s == "Factory" || s == "localtime" || s == "posixrules" ||
		strings.HasPrefix(s, "posix/") || strings.HasPrefix(s, "right/") {
		return false
	}
	_, err := time.LoadLocation(s)
	return err == nil
}
