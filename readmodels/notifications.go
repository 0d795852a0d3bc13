package readmodels

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/notification"
)

// Entries of one kind and subject are one group while they are unread: the
// newest has head = 1 and the number of people in actors. Whatever was read
// stands alone.
var inboxSchema = []string{
	`CREATE TABLE IF NOT EXISTS inbox (account text PRIMARY KEY, read_up_to bigint NOT NULL, unread bigint NOT NULL)`,
	`CREATE TABLE IF NOT EXISTS inbox_entry (
		account text NOT NULL, number bigint NOT NULL, kind text NOT NULL, actor text NOT NULL,
		subject_type text NOT NULL, subject text NOT NULL, created_at bigint NOT NULL,
		head bigint NOT NULL, actors bigint NOT NULL,
		PRIMARY KEY (account, number))`,
	`CREATE INDEX IF NOT EXISTS inbox_entry_group ON inbox_entry (account, subject, kind, number)`,
	`CREATE INDEX IF NOT EXISTS inbox_entry_actor ON inbox_entry (account, subject, kind, actor, number)`,
	`CREATE INDEX IF NOT EXISTS inbox_entry_head ON inbox_entry (account, head, number)`,
}

// Notification is an entry of an inbox, or the newest of a group of them.
type Notification struct {
	Number    uint64
	Kind      notification.Kind
	Actor     uuid.UUID // uuid.Nil: an anonymous author
	Actors    int       // people in the group; 1 alone
	Subject   notification.Subject
	CreatedAt time.Time
	Read      bool
}

// Inbox is how an inbox stands.
type Inbox struct {
	ReadUpTo uint64
	Unread   int // entries after it
}

// PutNotification adds an entry, which takes the lead of its group.
func PutNotification(ctx context.Context, b Batch, account uuid.UUID, number uint64, e notification.Notified, at time.Time) error {
	inbox, kind, actor, subject := account.String(), string(e.Kind), textID(e.Actor), e.Subject.ID.String()
	err := b.Exec(ctx, `INSERT INTO inbox (account, read_up_to, unread) VALUES (?, 0, 1)
		ON CONFLICT (account) DO UPDATE SET unread = inbox.unread + 1`, inbox)
	if err != nil {
		return err
	}
	group := []any{inbox, subject, kind, inbox}
	const inGroup = ` FROM inbox_entry WHERE account = ? AND subject = ? AND kind = ? AND number > (SELECT read_up_to FROM inbox WHERE account = ?)`
	err = b.Exec(ctx, `INSERT INTO inbox_entry (account, number, kind, actor, subject_type, subject, created_at, head, actors)
		VALUES (?, ?, ?, ?, ?, ?, ?, 1, COALESCE((SELECT actors`+inGroup+` ORDER BY number DESC LIMIT 1), 0) +
			CASE WHEN EXISTS (SELECT 1`+inGroup+` AND actor = ?) THEN 0 ELSE 1 END)`,
		slices.Concat([]any{inbox, int64(number), kind, actor, e.Subject.Type, subject, millis(at)}, group, group, []any{actor})...)
	if err != nil {
		return err
	}
	return b.Exec(ctx, `UPDATE inbox_entry SET head = 0 WHERE account = ? AND number = (SELECT max(number)`+inGroup+` AND number < ?)`,
		slices.Concat([]any{inbox}, group, []any{int64(number)})...)
}

// ReadInbox moves how far an inbox was read: what is read stands alone, and
// the groups of which that leaves a part are counted anew.
func ReadInbox(ctx context.Context, b Batch, account uuid.UUID, number uint64) error {
	inbox, read := account.String(), int64(number)
	before, err := InboxOf(ctx, b, account)
	if err != nil || before.ReadUpTo >= number {
		return err
	}
	for _, step := range []struct {
		sql  string
		args []any
	}{
		{
			`UPDATE inbox_entry SET actors = (SELECT count(DISTINCT e.actor) FROM inbox_entry e WHERE e.account = inbox_entry.account
				AND e.subject = inbox_entry.subject AND e.kind = inbox_entry.kind AND e.number > ?)
			WHERE account = ? AND head = 1 AND number > ? AND actors > 1`, []any{read, inbox, read},
		},
		{
			`UPDATE inbox_entry SET head = 1, actors = 1 WHERE account = ? AND number > ? AND number <= ?`,
			[]any{inbox, int64(before.ReadUpTo), read},
		},
		{
			`INSERT INTO inbox (account, read_up_to, unread) VALUES (?, ?, 0) ON CONFLICT (account) DO UPDATE SET read_up_to = excluded.read_up_to,
				unread = inbox.unread - (SELECT count(*) FROM inbox_entry WHERE inbox_entry.account = inbox.account
					AND number > inbox.read_up_to AND number <= excluded.read_up_to)`,
			[]any{inbox, read},
		},
	} {
		if err := b.Exec(ctx, step.sql, step.args...); err != nil {
			return err
		}
	}
	return nil
}

// InboxOf is how an account's inbox stands.
func InboxOf(ctx context.Context, r Reader, account uuid.UUID) (Inbox, error) {
	i, _, err := first(ctx, r, func(rows Rows) (i Inbox, err error) {
		err = rows.Scan(&i.ReadUpTo, &i.Unread)
		return i, err
	}, `SELECT read_up_to, unread FROM inbox WHERE account = ?`, account.String())
	return i, err
}

// NotificationsOf are an account's notifications, the newest first, grouped
// while unread, at most limit, those of numbers below before (0: all).
func NotificationsOf(ctx context.Context, r Reader, account uuid.UUID, before uint64, limit int) ([]Notification, error) {
	if before == 0 {
		before = 1<<63 - 1
	}
	return collect(ctx, r, scanNotification, `SELECT e.number, e.kind, e.actor, e.actors, e.subject_type, e.subject, e.created_at,
			e.number <= coalesce(i.read_up_to, 0)
		FROM inbox_entry e LEFT JOIN inbox i ON i.account = e.account
		WHERE e.account = ? AND e.head = 1 AND e.number < ? ORDER BY e.number DESC LIMIT ?`,
		account.String(), int64(before), limit)
}

func scanNotification(rows Rows) (n Notification, err error) {
	var actor string
	var created int64
	err = rows.Scan(&n.Number, &n.Kind, &actor, &n.Actors, &n.Subject.Type, &n.Subject.ID, &created, &n.Read)
	if err == nil && actor != "" {
		n.Actor, err = uuid.Parse(actor)
	}
	n.CreatedAt = fromMillis(created)
	return n, err
}

func scanCount(rows Rows) (n int64, err error) {
	err = rows.Scan(&n)
	return n, err
}

// ToldOfRoom notes that a member was told of a message: the next time is when
// the room was read up to there.
func ToldOfRoom(ctx context.Context, b Batch, room, account uuid.UUID, number uint64) error {
	return b.Exec(ctx, `UPDATE room_member SET told = ? WHERE room = ? AND account = ? AND told < ?`,
		int64(number), room.String(), account.String(), int64(number))
}

// ToTell is a member who is to be told of a message.
type ToTell struct {
	Account  uuid.UUID
	ReadUpTo uint64
}

// RoomToTell are the members who are to be told of a message: others than its
// sender who were there, have read up to what they were last told of, and not
// yet this one. Who has read on since position, that of the message, saw it
// come. Blocks and mutes are not looked at.
func RoomToTell(ctx context.Context, r Reader, k MessageKey, sender uuid.UUID, position uint64) ([]ToTell, error) {
	return collect(ctx, r, func(rows Rows) (m ToTell, err error) {
		err = rows.Scan(&m.Account, &m.ReadUpTo)
		return m, err
	}, `SELECT account, read_up_to FROM room_member
		WHERE room = ? AND account <> ? AND since < ? AND read_up_to < ? AND told <= read_up_to AND read_position < ? ORDER BY account`,
		k.Room.String(), sender.String(), int64(k.Number), int64(k.Number), int64(position))
}

// Silenced are those of readers who are not to hear of actor: a block stands
// between the two, or they mute it. One query for each 100 readers.
func Silenced(ctx context.Context, r Reader, actor uuid.UUID, readers ...uuid.UUID) ([]uuid.UUID, error) {
	const most = 100
	var silenced []uuid.UUID
	for chunk := range slices.Chunk(readers, most) {
		var args []any
		for range 3 {
			args = append(args, actor.String())
			for _, reader := range chunk {
				args = append(args, reader.String())
			}
		}
		in := marks(len(chunk))
		found, err := collect(ctx, r, scanText, `SELECT muter FROM mute WHERE muted = ? AND muter IN (`+in+`)
			UNION ALL SELECT blocker FROM block WHERE blocked = ? AND blocker IN (`+in+`)
			UNION ALL SELECT blocked FROM block WHERE blocker = ? AND blocked IN (`+in+`)`, args...)
		if err != nil {
			return nil, err
		}
		for _, id := range found {
			silenced = append(silenced, idOf(id))
		}
	}
	return silenced, nil
}
