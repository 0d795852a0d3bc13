package readmodels

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
)

// openings counts how often followers needed no approval any more: a request
// to follow that was made before the newest of them is granted.
var settingsSchema = []string{
	`CREATE TABLE IF NOT EXISTS account_settings (
		account text PRIMARY KEY, locale text NOT NULL, theme text NOT NULL, time_zone text NOT NULL,
		profile text NOT NULL, follows text NOT NULL, approve_followers bigint NOT NULL,
		direct_messages text NOT NULL, presence text NOT NULL, openings bigint NOT NULL)`,
}

const settingsColumns = `account_settings.locale, account_settings.theme, account_settings.time_zone, account_settings.profile,
	account_settings.follows, account_settings.approve_followers, account_settings.direct_messages, account_settings.presence`

// settingsRow is an account's settings while they are scanned.
type settingsRow struct {
	account.Settings
	approve int64
}

func (s *settingsRow) into() []any {
	p := &s.Privacy
	return []any{&s.Locale, &s.Theme, &s.TimeZone, &p.Profile, &p.Follows, &s.approve, &p.DirectMessages, &p.Presence}
}

func (s *settingsRow) settings() account.Settings {
	s.Privacy.ApproveFollowers = s.approve != 0
	return s.Settings
}

// SetSettings changes what d holds. Whoever waits to follow when approval is
// switched off follows from then on.
func SetSettings(ctx context.Context, b Batch, id uuid.UUID, d account.SettingsChanged, version uuid.UUID) error {
	row, found, err := first(ctx, b, scanSettings, `SELECT `+settingsColumns+` FROM account_settings WHERE account = ?`, id.String())
	if err != nil || !found {
		return err
	}
	approved := row.Privacy.ApproveFollowers
	row.Change(d)
	p := row.Privacy
	err = b.Exec(ctx, `UPDATE account_settings SET locale = ?, theme = ?, time_zone = ?, profile = ?, follows = ?,
		approve_followers = ?, direct_messages = ?, presence = ? WHERE account = ?`,
		row.Locale, row.Theme, row.TimeZone, string(p.Profile), string(p.Follows), flag(p.ApproveFollowers),
		string(p.DirectMessages), string(p.Presence), id.String())
	if err != nil {
		return err
	}
	if err := b.Exec(ctx, `UPDATE account SET version = ? WHERE id = ?`, version.String(), id.String()); err != nil {
		return err
	}
	if !approved || p.ApproveFollowers {
		return nil
	}
	if err := b.Exec(ctx, `UPDATE account_settings SET openings = openings + 1 WHERE account = ?`, id.String()); err != nil {
		return err
	}
	return grantAll(ctx, b, id)
}

func putSettings(ctx context.Context, b Batch, id uuid.UUID) error {
	s := account.DefaultSettings()
	return b.Exec(ctx, `INSERT INTO account_settings (account, locale, theme, time_zone, profile, follows, approve_followers,
		direct_messages, presence, openings) VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, 0)`,
		id.String(), s.Locale, s.Theme, s.TimeZone, string(s.Privacy.Profile), string(s.Privacy.Follows),
		string(s.Privacy.DirectMessages), string(s.Privacy.Presence))
}

func scanSettings(rows Rows) (account.Settings, error) {
	var s settingsRow
	err := rows.Scan(s.into()...)
	return s.settings(), err
}
