// Package eventstore is the event log on an EventStoreDB or KurrentDB server.
//
// Store implements event.Store over the connection strings and the generated
// stubs of the official Go client; see docs/decisions/0050 for why not over its
// Client. Positions are commit positions. Appends of many callers share a few
// long BatchAppend calls; one whose answer was lost is repeated or looked up
// and never guessed. A tail survives the server's restarts.
//
// The server keeps a clock of its own, so the time of an event rides in its
// metadata (metadata.go). What the server writes for itself, streams and types
// that begin with "$", is nobody's: All, Tail and Head pass over it.
//
// The package may not look into events.
package eventstore
