// Package pebble is the embedded event log: an event.Store in one folder of
// this machine, on the storage engine Pebble.
//
// One goroutine, the sequencer, gives positions and revisions and writes what
// waits as one batch; a second waits for the disk and answers. So Append is
// durable when it returns, and a thousand writers share one sync. Reads see
// what is durable and nothing else. Tails are woken by the second goroutine.
//
// Keys are short: a prefix byte and ordered numbers (see keys.go). Every record
// carries a checksum over its bytes, its revision and its position, so that a
// flipped bit is event.ErrCorrupt and never an altered event.
//
// What happens when the disk is full, fails, or lost its power is in disk.go,
// check.go and docs/decisions/0002-embedded-log.md.
//
// The package may not know what events mean: it stores bytes.
package pebble
