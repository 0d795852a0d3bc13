// Package bench measures Parley beside floors: programs that do the same work
// with nothing around it, on the same disk, with the same sizes, clients and
// durability. Each pair is run in turn, A B A B, in one process, because times
// of different runs of a shared machine say nothing of each other.
//
// Compare runs such pairs and prints a table; pairs.go lists them.
package bench
