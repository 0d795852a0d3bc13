// Package postgresbench is the floor beneath package postgres: Bare is
// nothing but pgx, and Drop removes what a benchmark has left. It is for
// `go test -bench` and `parley bench` alone.
package postgresbench
