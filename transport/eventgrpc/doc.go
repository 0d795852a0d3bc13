// Package eventgrpc serves an event.Store in the EventStoreDB protocol, so that
// the official client of any language works against the embedded log.
//
// Server implements the services Streams (read, append, batch append, delete,
// tombstone, subscriptions), ServerFeatures and Gossip; all others answer
// UNIMPLEMENTED, persistent subscriptions among them. Positions are the log's,
// commit and prepare alike.
//
// Streams of the categories that Config.Owns names are read-only, with their
// metadata. Events go out as they are stored: sealed fields stay sealed. With
// Config.Authenticate callers need an API key: see access.go.
//
// A stream's metadata are the last event of `$$<stream>`, a deletion is
// metadata and a tombstone an event of the stream: see streams.go and
// docs/decisions/0040-deletions-are-events.md. The package may not look into
// other events.
package eventgrpc
