package commands

import (
	"context"

	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/chat"
	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/fault"
)

// ReadRoom says that the one who asks has read a room up to a number; beyond
// the newest is the newest, and never back. It answers how far was read.
// Errors: 404.
func (c *Commands) ReadRoom(ctx context.Context, by Actor, room uuid.UUID, number uint64) (uint64, Outcome, error) {
	r, err := c.room(ctx, room)
	if err != nil {
		return 0, Outcome{}, err
	}
	if _, ok := r.Member(by.Account); !ok {
		return 0, Outcome{}, fault.ErrNotFound
	}
	number = min(number, r.Newest())
	read := number
	out, err := change(ctx, c.core, chat.ReceiptStream(room, by.Account), chat.NewReceipt, func(r *chat.Receipt) ([]event.Data, error) {
		read = max(number, r.Number())
		return r.Read(room, by.Account, number)
	})
	return read, out, err
}
