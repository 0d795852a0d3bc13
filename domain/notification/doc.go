// Package notification is what a person is told: the stream inbox-<account>.
//
// An Inbox is the state of such a stream. Everything in it takes the next
// number (the event's revision + 1), being told and reading alike. Each entry
// names the event that caused it, and whoever tells does so in the order of
// the log; so an inbox itself says how far it was told, and being told the
// same thing twice says nothing.
//
// Who is told of what is decided by projections/process. The package does no
// I/O.
package notification
