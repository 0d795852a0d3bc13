package chat

import (
	"github.com/google/uuid"

	"github.com/parleyhq/parley/domain/event"
)

// Receipt is the state of a receipt-<room>.<account> stream.
type Receipt struct{ number uint64 }

// NewReceipt is the state of one who has read nothing.
func NewReceipt() *Receipt { return &Receipt{} }

// Apply folds one event in.
func (r *Receipt) Apply(d event.Decoded) {
	if e, ok := d.Payload.(Read); ok {
		r.number = e.Number
	}
}

// Number is how far was read.
func (r *Receipt) Number() uint64 { return r.number }

// Read moves the receipt forward, never back.
func (r *Receipt) Read(room, account uuid.UUID, number uint64) ([]event.Data, error) {
	if number <= r.number {
		return nil, nil
	}
	return []event.Data{Read{Room: room, Account: account, Number: number}}, nil
}
