package readmodels

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/chat"
)

// Unread messages are counted without reading them: a room counts the messages
// in it that were not deleted (alive), a member those of its own since it came
// (alive) and those of others up to its receipt (seen). What is left over is
// unread. Only a receipt that moves looks at messages, at each of them once.
var roomSchema = []string{
	`CREATE TABLE IF NOT EXISTS room (
		id text PRIMARY KEY, kind text NOT NULL, name text NOT NULL, avatar text NOT NULL, emoji text NOT NULL,
		history bigint NOT NULL, created_at bigint NOT NULL, version text NOT NULL,
		members bigint NOT NULL, alive bigint NOT NULL, last_message bigint NOT NULL, active bigint NOT NULL)`,
	`CREATE TABLE IF NOT EXISTS room_member (
		room text NOT NULL, account text NOT NULL, role text NOT NULL, joined_at bigint NOT NULL, since bigint NOT NULL,
		read_up_to bigint NOT NULL, read_position bigint NOT NULL, told bigint NOT NULL, alive bigint NOT NULL, seen bigint NOT NULL,
		PRIMARY KEY (room, account))`,
	`CREATE INDEX IF NOT EXISTS room_member_account ON room_member (account)`,
}

// Room is a room as one of its members sees it.
type Room struct {
	ID        uuid.UUID
	Kind      chat.Kind
	Name      string
	Avatar    uuid.UUID // uuid.Nil: none
	Emoji     string
	History   bool
	Members   int
	CreatedAt time.Time
	Version   string    // id of the newest event that changed the above
	Active    uint64    // position of the newest activity
	Peer      uuid.UUID // the other one of a direct room, uuid.Nil in a group

	Role        chat.Role // the member's own
	Since       uint64    // number of the event that brought the member in
	ReadUpTo    uint64
	Unread      int
	LastMessage *Message // newest that the member may see
}

// RoomMember is somebody in a room.
type RoomMember struct {
	Account  uuid.UUID
	Role     chat.Role
	JoinedAt time.Time
	Since    uint64
	ReadUpTo uint64
}

// PutRoom adds a room without members. position is that of its first event.
func PutRoom(ctx context.Context, b Batch, id uuid.UUID, e chat.RoomCreated, at time.Time, version uuid.UUID, position uint64) error {
	return b.Exec(ctx, `INSERT INTO room (id, kind, name, avatar, emoji, history, created_at, version, members, alive, last_message, active)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, ?)`,
		id.String(), string(e.Kind), e.Name, textID(e.Avatar), e.Emoji, flag(e.History), millis(at), version.String(), int64(position))
}

// SetRoom changes what is shared; version is the event that did.
func SetRoom(ctx context.Context, b Batch, id uuid.UUID, e chat.SettingsChanged, version uuid.UUID) error {
	if e.Name != nil {
		if err := b.Exec(ctx, `UPDATE room SET name = ? WHERE id = ?`, *e.Name, id.String()); err != nil {
			return err
		}
	}
	if e.Avatar != nil {
		if err := b.Exec(ctx, `UPDATE room SET avatar = ? WHERE id = ?`, textID(*e.Avatar), id.String()); err != nil {
			return err
		}
	}
	if e.Emoji != nil {
		if err := b.Exec(ctx, `UPDATE room SET emoji = ? WHERE id = ?`, *e.Emoji, id.String()); err != nil {
			return err
		}
	}
	if e.History != nil {
		if err := b.Exec(ctx, `UPDATE room SET history = ? WHERE id = ?`, flag(*e.History), id.String()); err != nil {
			return err
		}
	}
	return b.Exec(ctx, `UPDATE room SET version = ? WHERE id = ?`, version.String(), id.String())
}

// AddRoomMember brings somebody in. Whatever came before them counts as read.
func AddRoomMember(ctx context.Context, b Batch, room, account uuid.UUID, role chat.Role, at time.Time, since uint64) error {
	err := b.Exec(ctx, `INSERT INTO room_member (room, account, role, joined_at, since, read_up_to, read_position, told, alive, seen)
		SELECT id, ?, ?, CAST(? AS bigint), CAST(? AS bigint), CAST(? AS bigint), 0, 0, 0, alive FROM room WHERE id = ?`,
		account.String(), string(role), millis(at), int64(since), int64(since), room.String())
	if err != nil {
		return err
	}
	return b.Exec(ctx, `UPDATE room SET members = members + 1 WHERE id = ?`, room.String())
}

// RemoveRoomMember takes somebody out.
func RemoveRoomMember(ctx context.Context, b Batch, room, account uuid.UUID) error {
	if err := b.Exec(ctx, `DELETE FROM room_member WHERE room = ? AND account = ?`, room.String(), account.String()); err != nil {
		return err
	}
	return b.Exec(ctx, `UPDATE room SET members = members - 1 WHERE id = ?`, room.String())
}

// SetRoomRole gives a member another role.
func SetRoomRole(ctx context.Context, b Batch, room, account uuid.UUID, role chat.Role) error {
	return b.Exec(ctx, `UPDATE room_member SET role = ? WHERE room = ? AND account = ?`, string(role), room.String(), account.String())
}

const roomColumns = `r.id, r.kind, r.name, r.avatar, r.emoji, r.history, r.created_at, r.version, r.members, r.active,
	m.role, m.since, m.read_up_to, r.alive - m.alive - m.seen, r.last_message,
	CASE WHEN r.kind = 'direct' THEN coalesce((SELECT min(p.account) FROM room_member p WHERE p.room = r.id AND p.account <> m.account), '') ELSE '' END`

// roomRow is a Room without its last message, and that one's number.
type roomRow struct {
	Room
	last uint64
}

func scanRoom(rows Rows) (x roomRow, err error) {
	var id, avatar, peer string
	var history, created int64
	err = rows.Scan(&id, &x.Kind, &x.Name, &avatar, &x.Emoji, &history, &created, &x.Version, &x.Members, &x.Active,
		&x.Role, &x.Since, &x.ReadUpTo, &x.Unread, &x.last, &peer)
	if err != nil {
		return x, err
	}
	x.ID, x.Avatar, x.Peer = idOf(id), idOf(avatar), idOf(peer)
	x.History, x.CreatedAt = history != 0, fromMillis(created)
	if !x.History && x.last < x.Since {
		x.last = 0
	}
	return x, err
}

// RoomOf is a room as viewer sees it; false where viewer is no member.
func RoomOf(ctx context.Context, r Reader, viewer, room uuid.UUID) (Room, bool, error) {
	x, ok, err := first(ctx, r, scanRoom, `SELECT `+roomColumns+`
		FROM room_member m JOIN room r ON r.id = m.room WHERE m.room = ? AND m.account = ?`, room.String(), viewer.String())
	if err != nil || !ok {
		return Room{}, false, err
	}
	rooms, err := withLastMessages(ctx, r, []roomRow{x})
	if err != nil {
		return Room{}, false, err
	}
	return rooms[0], true, nil
}

// RoomsOf are viewer's rooms, the newest activity first, at most limit, those
// less active than before (0: all).
func RoomsOf(ctx context.Context, r Reader, viewer uuid.UUID, before uint64, limit int) ([]Room, error) {
	if before == 0 {
		before = 1<<63 - 1
	}
	rows, err := collect(ctx, r, scanRoom, `SELECT `+roomColumns+`
		FROM room_member m JOIN room r ON r.id = m.room WHERE m.account = ? AND r.active < ?
		ORDER BY r.active DESC LIMIT ?`, viewer.String(), int64(before), limit)
	if err != nil {
		return nil, err
	}
	return withLastMessages(ctx, r, rows)
}

// RoomsSeen are viewer's rooms, the newest activity first, at most limit, each
// with the number from which on viewer may see its messages: 0 for all, also
// for those who were there from the start.
func RoomsSeen(ctx context.Context, r Reader, viewer uuid.UUID, limit int) ([]RoomSeen, error) {
	return collect(ctx, r, func(rows Rows) (x RoomSeen, err error) {
		err = rows.Scan(&x.Room, &x.From)
		return x, err
	}, `SELECT m.room, CASE WHEN r.history = 1 OR m.since <= 1 THEN 0 ELSE m.since END FROM room_member m JOIN room r ON r.id = m.room
		WHERE m.account = ? ORDER BY r.active DESC LIMIT ?`, textID(viewer), limit)
}

// withLastMessages adds the last messages of rooms in one query.
func withLastMessages(ctx context.Context, r Reader, rows []roomRow) ([]Room, error) {
	rooms := make([]Room, len(rows))
	var wanted []MessageKey
	for i, x := range rows {
		rooms[i] = x.Room
		if x.last > 0 {
			wanted = append(wanted, MessageKey{x.ID, x.last})
		}
	}
	messages, err := messagesByKey(ctx, r, wanted)
	if err != nil {
		return nil, err
	}
	for i := range rooms {
		if m, ok := messages[MessageKey{rows[i].ID, rows[i].last}]; ok {
			rooms[i].LastMessage = &m
		}
	}
	return rooms, nil
}

func scanRoomMember(rows Rows) (m RoomMember, err error) {
	var joined int64
	err = rows.Scan(&m.Account, &m.Role, &joined, &m.Since, &m.ReadUpTo)
	m.JoinedAt = fromMillis(joined)
	return m, err
}

// RoomMembers are those in a room, in the order they came, at most limit,
// those after the one given (nil: from the first).
func RoomMembers(ctx context.Context, r Reader, room uuid.UUID, after *RoomMember, limit int) ([]RoomMember, error) {
	since, account := int64(-1), ""
	if after != nil {
		since, account = int64(after.Since), after.Account.String()
	}
	return collect(ctx, r, scanRoomMember, `SELECT account, role, joined_at, since, read_up_to FROM room_member
		WHERE room = ? AND (since > ? OR since = ? AND account > ?) ORDER BY since, account LIMIT ?`,
		room.String(), since, since, account, limit)
}

// RoomMemberOf is one of those in a room; false where there is none.
func RoomMemberOf(ctx context.Context, r Reader, room, account uuid.UUID) (RoomMember, bool, error) {
	return first(ctx, r, scanRoomMember, `SELECT account, role, joined_at, since, read_up_to FROM room_member
		WHERE room = ? AND account = ?`, room.String(), account.String())
}

// flag is how a yes or no stands in the tables.
func flag(on bool) int64 {
	if on {
		return 1
	}
	return 0
}
