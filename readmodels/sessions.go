package readmodels

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/session"
)

// Only sessions that were not ended have a row; those that nobody refreshed in
// time have one until their account ends them all.
var sessionSchema = []string{
	`CREATE TABLE IF NOT EXISTS session (
		id text PRIMARY KEY, account text NOT NULL, device text NOT NULL, network text NOT NULL,
		created_at bigint NOT NULL, last_seen_at bigint NOT NULL, expires_at bigint NOT NULL)`,
	`CREATE INDEX IF NOT EXISTS session_account ON session (account, created_at, id)`,
}

// Session is one of an account's own sessions.
type Session struct {
	ID                    uuid.UUID
	Device                string // in words; empty: unknown
	Network               string
	CreatedAt, LastSeenAt time.Time // last refreshed, to be exact
}

// SessionKey is a session's place in its list.
type SessionKey struct {
	At int64     `json:"at"`
	ID uuid.UUID `json:"id"`
}

// Key is where the session stands.
func (s Session) Key() SessionKey { return SessionKey{At: millis(s.CreatedAt), ID: s.ID} }

// PutSession adds a session, unless its account has ended all of its epoch.
func PutSession(ctx context.Context, b Batch, id uuid.UUID, d session.Started, e event.Decoded) error {
	_, counts, err := first(ctx, b, scanText, `SELECT id FROM account WHERE id = ? AND (epoch <= ? OR kept_session = ?)`,
		d.Account.String(), int64(d.Epoch), id.String())
	if err != nil || !counts {
		return err
	}
	err = b.Exec(ctx, `INSERT INTO session (id, account, device, network, created_at, last_seen_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		id.String(), d.Account.String(), d.Device, d.Network, millis(e.Time), millis(e.Time), millis(d.ExpiresAt))
	if err != nil {
		return err
	}
	return PutHistory(ctx, b, d.Account, e, HistorySignedIn, d.Device, d.Network)
}

// JoinSession says that a sign-in shares a session: it is where that came from.
func JoinSession(ctx context.Context, b Batch, id uuid.UUID, d session.Joined, e event.Decoded) error {
	err := b.Exec(ctx, `UPDATE session SET device = ?, network = ?, last_seen_at = ?, expires_at = ? WHERE id = ?`,
		d.Device, d.Network, millis(e.Time), millis(d.ExpiresAt), id.String())
	if err != nil {
		return err
	}
	return putHistoryOf(ctx, b, id, e, d.Account, HistorySignedIn)
}

// TouchSession says that a session was refreshed.
func TouchSession(ctx context.Context, b Batch, id uuid.UUID, at, expires time.Time) error {
	return b.Exec(ctx, `UPDATE session SET last_seen_at = ?, expires_at = ? WHERE id = ?`, millis(at), millis(expires), id.String())
}

// DropSessions takes all sessions of an account but d.Keep away, and notes it.
func DropSessions(ctx context.Context, b Batch, id uuid.UUID, d account.SessionsEnded, e event.Decoded) error {
	err := b.Exec(ctx, `UPDATE account SET epoch = ?, kept_session = ? WHERE id = ?`, int64(d.Epoch), textID(d.Keep), id.String())
	if err != nil {
		return err
	}
	err = b.Exec(ctx, `DELETE FROM session WHERE account = ? AND id <> ?`, id.String(), textID(d.Keep))
	if err != nil {
		return err
	}
	return PutHistory(ctx, b, id, e, HistoryEnded, "", "")
}

// Sessions are an account's own sessions that live at now, newest first, after
// the one at key after (nil: from the first); limit+1 of them tell of more.
func Sessions(ctx context.Context, r Reader, account uuid.UUID, now time.Time, after *SessionKey, limit int) ([]Session, error) {
	if after == nil {
		after = &SessionKey{At: 1 << 62}
	}
	return collect(ctx, r, scanSession, `SELECT id, device, network, created_at, last_seen_at FROM session
		WHERE account = ? AND expires_at > ? AND (created_at < ? OR (created_at = ? AND id < ?))
		ORDER BY created_at DESC, id DESC LIMIT ?`,
		account.String(), millis(now), after.At, after.At, textID(after.ID), limit+1)
}

// SessionOf is one of an account's own sessions; false where there is none.
func SessionOf(ctx context.Context, r Reader, account, id uuid.UUID) (Session, bool, error) {
	return first(ctx, r, scanSession, `SELECT id, device, network, created_at, last_seen_at FROM session WHERE id = ? AND account = ?`,
		id.String(), account.String())
}

func scanSession(rows Rows) (Session, error) {
	var s Session
	var id string
	var created, seen int64
	err := rows.Scan(&id, &s.Device, &s.Network, &created, &seen)
	s.ID, s.CreatedAt, s.LastSeenAt = idOf(id), fromMillis(created), fromMillis(seen)
	return s, err
}
