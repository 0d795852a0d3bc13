package chat

import "github.com/parleyhq/parley/domain/fault"

// What stands against a command.
var (
	ErrOwnerMustTransfer = fault.New(fault.Conflict, "room.owner_must_transfer", "An owner hands the room over before leaving it.")
	ErrTooManyMembers    = fault.New(fault.Invalid, "room.too_many_members", "That is more people than a room holds.", fault.Field("members", "too many"))
	ErrFull              = fault.New(fault.Conflict, "room.full", "The room is full.")
)
