// Package event says what an event is.
//
// A Record is an event as the log holds it. A Store is the port of the log:
// append with an expected revision, read a stream, read everything, tail it.
// eventtest is the conformance suite of that port.
//
// A Catalogue lists every type of event by its literal wire name. A Codec
// turns typed Data into stored bytes and back: it seals the fields that carry
// a `seal` tag with the key of the account they belong to, and lifts older
// versions to the newest on the way out.
//
// The package imports the standard library and uuid alone and does no I/O.
package event
