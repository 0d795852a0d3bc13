// Package eventtest is the conformance suite of event.Store. An adapter is one
// when Run passes; whoever writes one can read here what a store must do.
//
// Run opens an empty store for most subtests. Each of them says in its comment
// which sentence of the port it holds the store to. The suite claims nothing
// that EventStoreDB does not promise: no lasting idempotency for event.Any and
// event.Exists, no positions without holes.
//
// Decided is for deciders, whose tests are tables of given, when and then.
//
// With `go test -short` the crowds are smaller: fewer streams, writers and
// events, the same rules.
package eventtest
