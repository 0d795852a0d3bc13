// Package bench measures Parley beside floors: programs that do the same work
// with nothing around it, on the same disk, with the same sizes, clients and
// durability. Each pair is run in turn, A B A B, in one process, because times
// of different runs of a shared machine say nothing of each other.
//
// Pairs lists what is measured, one file for each thing; Compare runs pairs
// and hands over a Result for each; a Table or WriteJSON shows them. Nothing
// here fails on a slow time: benchmarks are no tests.
package bench
