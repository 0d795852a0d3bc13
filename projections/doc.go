// Package projections folds the event log into tables.
//
// A Projector is a value: its tables and, for each type of event, a Handler
// that writes rows. A Runner drives one: it reads the log in order, past and
// live alike, and applies each batch together with its checkpoint in one
// transaction, so that delivery at least once has its effect exactly once.
//
// Tables live in generations. Whatever changes how they come about (schema,
// version, the types that are handled, the log's epoch) makes a new
// generation, which is built beside the live one and then takes its place;
// Rebuild does the same by hand.
//
// An event that cannot be applied is parked, everything later of its root or
// stream is held back behind it, and the rest goes on; Replay applies them in
// order. An event type of our own that this release does not know stops the
// Runner: it is never skipped.
//
// Of several processes one leads, by a lease, and checks that in each of its
// transactions; the others stand by. Announcements tell everybody how far it
// is: a process has one Hub, whose Followers and Runners wake those who wait.
// Requests carry wishes to the leader, and Administration shows them all.
//
// projections.go is the table of contents; each noun has a file of routes.
// Handlers write through the Batch alone: no clock, no ids of their own, no
// I/O. So the tables are a function of the log.
package projections
