package readmodels

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/account"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/session"
)

// What became of an account's sign-ins and ways in: each row is one event of
// the log.
var historySchema = []string{
	`CREATE TABLE IF NOT EXISTS history (
		id text PRIMARY KEY, account text NOT NULL, kind text NOT NULL, device text NOT NULL, network text NOT NULL, at bigint NOT NULL)`,
	`CREATE INDEX IF NOT EXISTS history_account ON history (account, at, id)`,
}

// Kinds of what a history tells.
const (
	HistorySignedIn  = "signed_in"
	HistorySignedOut = "signed_out" // here or elsewhere, by the account itself
	HistoryEnded     = "ended"      // all others, or all
	HistoryReused    = "reused"     // a used refresh token came back
	HistoryBinding   = "binding"    // a token came from another browser or network

	HistoryPasswordChanged  = "password_changed"
	HistoryPasswordReset    = "password_reset" // by the link of a mail
	HistoryEmailChanged     = "email_changed"  // to one that was confirmed
	HistoryHandleChanged    = "handle_changed"
	HistoryTOTPEnabled      = "totp_enabled"
	HistoryTOTPDisabled     = "totp_disabled"
	HistoryRecoveryCodeUsed = "recovery_code_used"
	HistoryPasskeyAdded     = "passkey_added"
	HistoryPasskeyRefused   = "passkey_refused" // it may have been copied
	HistoryPasskeyRemoved   = "passkey_removed"
	HistoryIdentityLinked   = "identity_linked"
	HistoryIdentityUnlinked = "identity_unlinked"
	HistorySuspended        = "suspended"
	HistorySuspensionLifted = "suspension_lifted"
)

// MaxHistory is how many entries of an account are kept, the newest ones.
const MaxHistory = 1000

// HistoryEntry is one of them. Device and Network are empty where they are
// not known.
type HistoryEntry struct {
	ID                    uuid.UUID
	Kind, Device, Network string
	At                    time.Time
}

// HistoryKey is an entry's place in its list.
type HistoryKey struct {
	At int64     `json:"at"`
	ID uuid.UUID `json:"id"`
}

// Key is where the entry stands.
func (h HistoryEntry) Key() HistoryKey { return HistoryKey{At: millis(h.At), ID: h.ID} }

// PutHistory notes what e says of an account.
func PutHistory(ctx context.Context, b Batch, account uuid.UUID, e event.Decoded, kind, device, network string) error {
	err := b.Exec(ctx, `INSERT INTO history (id, account, kind, device, network, at) VALUES (?, ?, ?, ?, ?, ?)`,
		e.ID.String(), account.String(), kind, device, network, millis(e.Time))
	if err != nil {
		return err
	}
	return pruneHistory(ctx, b, account)
}

// putHistoryOf notes what e says of a session that has a row.
func putHistoryOf(ctx context.Context, b Batch, id uuid.UUID, e event.Decoded, account uuid.UUID, kind string) error {
	err := b.Exec(ctx, `INSERT INTO history (id, account, kind, device, network, at)
		SELECT ?, account, ?, device, network, ? FROM session WHERE id = ?`, e.ID.String(), kind, millis(e.Time), id.String())
	if err != nil {
		return err
	}
	return pruneHistory(ctx, b, account)
}

// PutHistoryOfEmail notes that an account changes to an address, and is called
// before it does. The proof of the one that it has is no change, nor is another
// spelling.
func PutHistoryOfEmail(ctx context.Context, b Batch, id uuid.UUID, d account.EmailVerified, e event.Decoded) error {
	err := b.Exec(ctx, `INSERT INTO history (id, account, kind, device, network, at)
		SELECT ?, id, ?, '', '', ? FROM account WHERE id = ? AND email_claim <> ?`,
		e.ID.String(), HistoryEmailChanged, millis(e.Time), id.String(), d.Claim)
	if err != nil {
		return err
	}
	return pruneHistory(ctx, b, id)
}

func pruneHistory(ctx context.Context, b Batch, account uuid.UUID) error {
	return b.Exec(ctx, `DELETE FROM history WHERE account = ? AND at <= (
		SELECT at FROM history WHERE account = ? ORDER BY at DESC, id DESC LIMIT 1 OFFSET ?)`,
		account.String(), account.String(), MaxHistory)
}

// EndSession takes a session that was ended away, and notes it.
func EndSession(ctx context.Context, b Batch, id uuid.UUID, e event.Decoded, d session.Ended) error {
	var err error
	switch d.Reason {
	case session.SignedOut:
		err = putHistoryOf(ctx, b, id, e, d.Account, HistorySignedOut)
	case session.Reused:
		err = putHistoryOf(ctx, b, id, e, d.Account, HistoryReused)
	}
	if err != nil {
		return err
	}
	return b.Exec(ctx, `DELETE FROM session WHERE id = ?`, id.String())
}

// History is limit of what an account's newest entries tell, of keep of them in
// all, newest first, after the one at key after (nil: from the first).
func History(ctx context.Context, r Reader, account uuid.UUID, keep int, after *HistoryKey, limit int) ([]HistoryEntry, error) {
	if after == nil {
		after = &HistoryKey{At: 1 << 62}
	}
	return collect(ctx, r, scanHistory, `SELECT id, kind, device, network, at FROM (
			SELECT id, kind, device, network, at FROM history WHERE account = ? ORDER BY at DESC, id DESC LIMIT ?) AS newest
		WHERE at < ? OR (at = ? AND id < ?) ORDER BY at DESC, id DESC LIMIT ?`,
		account.String(), keep, after.At, after.At, textID(after.ID), limit)
}

func scanHistory(rows Rows) (HistoryEntry, error) {
	var h HistoryEntry
	var id string
	var at int64
	err := rows.Scan(&id, &h.Kind, &h.Device, &h.Network, &at)
	h.ID, h.At = idOf(id), fromMillis(at)
	return h, err
}
