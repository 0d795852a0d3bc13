// Package sqltest is the conformance suite of readmodels.Generations.
//
// Every engine passes Run. It covers the dialect that the tables use, the
// promises of a batch (one transaction, alone, seeing its own writes), of a
// snapshot, of errors (what the statement is to blame for is not
// readmodels.ErrUnavailable) and of generations (created, live, swapped while
// being read, found again after a restart).
package sqltest
