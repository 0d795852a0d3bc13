package readmodels

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/text"
)

var messageSchema = []string{
	`CREATE TABLE IF NOT EXISTS message (
		room text NOT NULL, number bigint NOT NULL, id text NOT NULL, sender text NOT NULL, body text NOT NULL,
		mentions text NOT NULL, images text NOT NULL, reply_to bigint NOT NULL, client_id text NOT NULL, created_at bigint NOT NULL,
		edited_at bigint NOT NULL, changed bigint NOT NULL, deleted bigint NOT NULL,
		PRIMARY KEY (room, number))`,
	`CREATE INDEX IF NOT EXISTS message_id ON message (id)`,
	`CREATE TABLE IF NOT EXISTS message_reaction (
		room text NOT NULL, number bigint NOT NULL, kind text NOT NULL, account text NOT NULL,
		PRIMARY KEY (room, number, kind, account))`,
}

// Message is a message as it stands. A deleted one keeps its place, its
// sender and its times, and says nothing.
type Message struct {
	Room      uuid.UUID
	Number    uint64
	ID        uuid.UUID
	Sender    uuid.UUID
	Text      string      // with ids in the place of the handles of Mentions, until NameMessages
	Mentions  []uuid.UUID // each once
	Images    []uuid.UUID
	ReplyTo   uint64 // 0: none
	ClientID  string
	CreatedAt time.Time
	EditedAt  time.Time // zero: never
	Changed   uint64    // number of the newest event that changed it: its version
	Deleted   bool
	Reactions map[string]int // those that stand; nil: none
}

// MessageKey names a message.
type MessageKey struct {
	Room   uuid.UUID
	Number uint64
}

// PutMessage adds a message. position is that of its event.
func PutMessage(ctx context.Context, b Batch, m Message, position uint64) error {
	room, sender := m.Room.String(), m.Sender.String()
	err := b.Exec(ctx, `INSERT INTO message (room, number, id, sender, body, mentions, images, reply_to, client_id, created_at, edited_at, changed, deleted)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, 0)`,
		room, int64(m.Number), m.ID.String(), sender, m.Text, textIDs(m.Mentions), textIDs(m.Images), int64(m.ReplyTo), m.ClientID, millis(m.CreatedAt), int64(m.Number))
	if err != nil {
		return err
	}
	if err := b.Exec(ctx, `UPDATE room SET alive = alive + 1, last_message = ?, active = ? WHERE id = ?`, int64(m.Number), int64(position), room); err != nil {
		return err
	}
	return b.Exec(ctx, `UPDATE room_member SET alive = alive + 1 WHERE room = ? AND account = ?`, room, sender)
}

// EditMessage gives a message another text; by is the number of the event.
func EditMessage(ctx context.Context, b Batch, room uuid.UUID, e chat.MessageEdited, at time.Time, by uint64) error {
	return b.Exec(ctx, `UPDATE message SET body = ?, mentions = ?, edited_at = ?, changed = ? WHERE room = ? AND number = ?`,
		e.Text, textIDs(e.Mentions), millis(at), int64(by), room.String(), int64(e.Number))
}

// EmptyMessage deletes a message; by is the number of the event.
func EmptyMessage(ctx context.Context, b Batch, k MessageKey, by uint64) error {
	room, number := k.Room.String(), int64(k.Number)
	sender, ok, err := first(ctx, b, scanText, `UPDATE message SET body = '', mentions = '', images = '', deleted = 1, changed = ?
		WHERE room = ? AND number = ? AND deleted = 0 RETURNING sender`, int64(by), room, number)
	if err != nil || !ok {
		return err
	}
	if err := b.Exec(ctx, `DELETE FROM message_reaction WHERE room = ? AND number = ?`, room, number); err != nil {
		return err
	}
	return countMessage(ctx, b, room, sender, number, -1)
}

// countMessage counts a message that goes, or comes back, for its room and for
// those in it: as their own since they came, or as seen.
func countMessage(ctx context.Context, b Batch, room, sender string, number int64, by int) error {
	for _, step := range []struct {
		sql  string
		args []any
	}{
		{`UPDATE room SET alive = alive + ? WHERE id = ?`, []any{by, room}},
		{`UPDATE room_member SET alive = alive + ? WHERE room = ? AND account = ? AND since < ?`, []any{by, room, sender, number}},
		{
			`UPDATE room_member SET seen = seen + ? WHERE room = ? AND read_up_to >= ? AND (account <> ? OR since > ?)`,
			[]any{by, room, number, sender, number},
		},
	} {
		if err := b.Exec(ctx, step.sql, step.args...); err != nil {
			return err
		}
	}
	return nil
}

// FillMessage gives a message that was emptied its words again; by is the
// number of the event.
func FillMessage(ctx context.Context, b Batch, room uuid.UUID, e chat.MessageRestored, by uint64) error {
	in, number := room.String(), int64(e.Number)
	sender, ok, err := first(ctx, b, scanText, `UPDATE message SET body = ?, mentions = ?, images = ?, deleted = 0, changed = ?
		WHERE room = ? AND number = ? AND deleted = 1 RETURNING sender`,
		e.Text, textIDs(e.Mentions), textIDs(e.Images), int64(by), in, number)
	if err != nil || !ok {
		return err
	}
	return countMessage(ctx, b, in, sender, number, 1)
}

// SetMessageReaction puts a reaction on a message, or takes it back.
func SetMessageReaction(ctx context.Context, b Batch, k MessageKey, account uuid.UUID, kind string, on bool) error {
	room, number := k.Room.String(), int64(k.Number)
	if !on {
		return b.Exec(ctx, `DELETE FROM message_reaction WHERE room = ? AND number = ? AND kind = ? AND account = ?`, room, number, kind, account.String())
	}
	return b.Exec(ctx, `INSERT INTO message_reaction (room, number, kind, account) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		room, number, kind, account.String())
}

const messageColumns = `room, number, id, sender, body, mentions, images, reply_to, client_id, created_at, edited_at, changed, deleted`

func scanMessage(rows Rows) (m Message, err error) {
	var mentions, images string
	var created, edited, deleted int64
	err = rows.Scan(&m.Room, &m.Number, &m.ID, &m.Sender, &m.Text, &mentions, &images, &m.ReplyTo, &m.ClientID, &created, &edited, &m.Changed, &deleted)
	m.Mentions, m.Images = idsOf(mentions), idsOf(images)
	m.CreatedAt, m.EditedAt, m.Deleted = fromMillis(created), fromMillis(edited), deleted != 0
	return m, err
}

// MessageRange says which page of a room's history is wanted. Before and
// After exclude the number, Around has it in its middle; 0 is not given. At
// most one is; none means the newest page.
type MessageRange struct {
	Before, After, Around uint64
	First                 uint64 // the first number that the reader may see
	Limit                 int
}

// MessagesOf is a page of a room's history, rising by number.
func MessagesOf(ctx context.Context, r Reader, room uuid.UUID, w MessageRange) ([]Message, error) {
	var page []Message
	var err error
	switch {
	case w.After > 0:
		page, err = messagesFrom(ctx, r, room, max(w.First, min(w.After, 1<<62)+1), w.Limit)
	case w.Around > 0:
		half := w.Limit / 2
		if page, err = messagesBefore(ctx, r, room, w.First, w.Around, half); err != nil {
			return nil, err
		}
		var rest []Message
		if rest, err = messagesFrom(ctx, r, room, max(w.First, w.Around), w.Limit-len(page)); err != nil {
			return nil, err
		}
		if short := w.Limit - len(page) - len(rest); short > 0 && len(page) == half { // near the end: more of what is before
			if page, err = messagesBefore(ctx, r, room, w.First, w.Around, half+short); err != nil {
				return nil, err
			}
		}
		page = append(page, rest...)
	case w.Before > 0:
		page, err = messagesBefore(ctx, r, room, w.First, w.Before, w.Limit)
	default:
		page, err = messagesBefore(ctx, r, room, w.First, 1<<63-1, w.Limit)
	}
	if err != nil {
		return nil, err
	}
	return page, addMessageReactions(ctx, r, room, page)
}

func messagesFrom(ctx context.Context, r Reader, room uuid.UUID, from uint64, limit int) ([]Message, error) {
	return collect(ctx, r, scanMessage, `SELECT `+messageColumns+` FROM message WHERE room = ? AND number >= ? ORDER BY number LIMIT ?`,
		room.String(), int64(min(from, 1<<63-1)), limit)
}

func messagesBefore(ctx context.Context, r Reader, room uuid.UUID, from, before uint64, limit int) ([]Message, error) {
	page, err := collect(ctx, r, scanMessage, `SELECT `+messageColumns+` FROM message WHERE room = ? AND number >= ? AND number < ? ORDER BY number DESC LIMIT ?`,
		room.String(), int64(from), int64(min(before, 1<<63-1)), limit)
	slices.Reverse(page)
	return page, err
}

// MessageOf is one message; false where that number is none.
func MessageOf(ctx context.Context, r Reader, k MessageKey) (Message, bool, error) {
	found, err := messagesByKey(ctx, r, []MessageKey{k})
	m, ok := found[k]
	return m, ok, err
}

// MessageByID is where a message stands; false where there is none.
func MessageByID(ctx context.Context, r Reader, id uuid.UUID) (MessageKey, bool, error) {
	return first(ctx, r, func(rows Rows) (k MessageKey, err error) {
		err = rows.Scan(&k.Room, &k.Number)
		return k, err
	}, `SELECT room, number FROM message WHERE id = ?`, id.String())
}

// messagesByKey finds messages of any rooms in one query, and their reactions
// in another.
func messagesByKey(ctx context.Context, r Reader, keys []MessageKey) (map[MessageKey]Message, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	where, args := byKey(keys)
	messages, err := collect(ctx, r, scanMessage, `SELECT `+messageColumns+` FROM message WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	counts, err := messageReactions(ctx, r, where, args)
	if err != nil {
		return nil, err
	}
	found := make(map[MessageKey]Message, len(messages))
	for _, m := range messages {
		k := MessageKey{m.Room, m.Number}
		m.Reactions = counts[k]
		found[k] = m
	}
	return found, nil
}

// MessagesSeen are those of some messages that viewer may see now and that say
// something, in no order: what search found.
func MessagesSeen(ctx context.Context, r Reader, viewer uuid.UUID, keys []MessageKey) ([]Message, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	where, args := byKey(keys)
	found, err := collect(ctx, r, scanMessage, `SELECT `+messageColumns+` FROM message WHERE deleted = 0 AND (`+where+`)
		AND EXISTS (SELECT 1 FROM room_member me JOIN room r ON r.id = me.room
			WHERE me.room = message.room AND me.account = ? AND (r.history = 1 OR message.number >= me.since))`,
		append(args, textID(viewer))...)
	if err != nil || len(found) == 0 {
		return found, err
	}
	where, args = byKey(keys)
	counts, err := messageReactions(ctx, r, where, args)
	for i := range found {
		found[i].Reactions = counts[MessageKey{found[i].Room, found[i].Number}]
	}
	return found, err
}

// byKey is a condition for rows of those keys. Postgres and SQLite both use
// the primary key for it.
func byKey(keys []MessageKey) (where string, args []any) {
	for i, k := range keys {
		if i > 0 {
			where += " OR "
		}
		where += "room = ? AND number = ?"
		args = append(args, k.Room.String(), int64(k.Number))
	}
	return where, args
}

// addMessageReactions fills in the reactions of a page of one room.
func addMessageReactions(ctx context.Context, r Reader, room uuid.UUID, page []Message) error {
	if len(page) == 0 {
		return nil
	}
	counts, err := messageReactions(ctx, r, `room = ? AND number BETWEEN ? AND ?`,
		[]any{room.String(), int64(page[0].Number), int64(page[len(page)-1].Number)})
	for i := range page {
		page[i].Reactions = counts[MessageKey{room, page[i].Number}]
	}
	return err
}

func messageReactions(ctx context.Context, r Reader, where string, args []any) (map[MessageKey]map[string]int, error) {
	type count struct {
		key   MessageKey
		kind  string
		count int
	}
	rows, err := collect(ctx, r, func(rows Rows) (c count, err error) {
		err = rows.Scan(&c.key.Room, &c.key.Number, &c.kind, &c.count)
		return c, err
	}, fmt.Sprintf(`SELECT room, number, kind, count(*) FROM message_reaction WHERE %s GROUP BY room, number, kind`, where), args...)
	if err != nil {
		return nil, err
	}
	counts := map[MessageKey]map[string]int{}
	for _, c := range rows {
		if counts[c.key] == nil {
			counts[c.key] = map[string]int{}
		}
		counts[c.key][c.kind] = c.count
	}
	return counts, nil
}

// MessageSent is m as its event says it.
func MessageSent(room uuid.UUID, number uint64, id uuid.UUID, at time.Time, e chat.MessageSent) Message {
	return Message{
		Room: room, Number: number, ID: id, Sender: e.Sender, Text: e.Text, Mentions: e.Mentions, Images: e.Images,
		ReplyTo: e.ReplyTo, ClientID: e.ClientID, CreatedAt: at, Changed: number,
	}
}

// NameMessages loads the summaries of those who sent messages and of others,
// in one query, and puts handles back where texts hold ids.
func NameMessages(ctx context.Context, r Reader, messages []*Message, others ...uuid.UUID) (map[uuid.UUID]Summary, error) {
	people := others
	for _, m := range messages {
		people = append(append(people, m.Sender), m.Mentions...)
	}
	summaries, err := Summaries(ctx, r, people...)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		m.Text = text.Unquote(m.Text, m.Mentions, func(id uuid.UUID) string { return summaries[id].Handle })
	}
	return summaries, nil
}
