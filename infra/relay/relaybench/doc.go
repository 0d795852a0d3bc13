// Package relaybench measures the relay beside its floor: kafka-go's own
// writer, bare, with the same messages made ready beforehand, on the same
// brokers.
//
// `go test -bench` and `parley bench` run them with it, in turn, because only
// ratios mean anything on another machine. The log, the state and the
// publisher are given; the package chooses none, and removes no topics.
package relaybench
