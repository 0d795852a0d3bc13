// Package chat decides what happens in a room.
//
// A Room is the state of one chat-<room> stream: who is in it with which
// role, and what its numbered conversation holds. All that happens there
// (created, joined, left, roles, settings, sent, edited, deleted, reacted)
// takes the next number; a number is the event's revision + 1. A Receipt is
// the state of one receipt-<room>.<account> stream: how far one member read.
//
// A room's state is compact so that a long conversation fits into memory: see
// Room for what it holds and its bounds. The package does no I/O; ids and
// times come in.
package chat
