package readmodels

import (
	"context"

	"github.com/google/uuid"
)

// SetReceipt moves how far a member has read; it never goes back. position is
// that of the event. Those who are no members any more have no receipt.
func SetReceipt(ctx context.Context, b Batch, room, account uuid.UUID, number, position uint64) error {
	return b.Exec(ctx, `UPDATE room_member SET
			seen = seen + (SELECT count(*) FROM message WHERE message.room = room_member.room
				AND number > room_member.read_up_to AND number <= ? AND sender <> room_member.account AND deleted = 0),
			read_up_to = ?, read_position = ?
		WHERE room = ? AND account = ? AND read_up_to < ?`,
		int64(number), int64(number), int64(position), room.String(), account.String(), int64(number))
}
