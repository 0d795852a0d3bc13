// Package pebblebench measures durable appends to the embedded log and the
// floor beneath them: the same payloads from the same number of writers into a
// raw file, with group commit and fsync and nothing else.
//
// `go test -bench` and `parley bench` run both with it, in turn on the same
// disk, because only the ratio of the two means anything on another machine.
package pebblebench
