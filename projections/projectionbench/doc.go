// Package projectionbench measures a projector beside its floor: the same
// rows, upserted bare in batches of the same size, one transaction a batch.
// It also measures one transaction an event, and how long a write takes to be
// visible.
//
// `go test -bench` and `parley bench` run them with it, in turn on the same
// disk, because only ratios mean anything on another machine. Adapters are
// given; the package chooses none.
package projectionbench
