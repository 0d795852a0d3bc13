// Package push brings events to sockets while they happen.
//
// Server answers GET /v1/push, speaks the subprotocol parley.v1.json and owns
// every connection. A feeder tails the log once for the whole node, encodes
// each event once for all its readers and hands it to topics. Numbered topics
// (a room, an inbox) are streams of the log, number = revision + 1; who
// comes back with its last number gets the past from the topic's ring or from
// the log, then the live, with nothing missing and nothing twice. Live topics
// (a post, a board, the feed) say at which position they begin.
//
// close.go is the table of close codes, frame.go what the server says,
// request.go what clients may say, command.go what is done about it. form_*.go
// say how each event looks; those forms belong to the subprotocol, not to the
// log. The package reads streams through small interfaces (ports.go) and never
// writes anything but through commands.
package push
