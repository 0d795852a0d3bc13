// Package lexicon makes up words for benchmarks of search: as many as are asked
// for, different ones, and the same ones each time.
package lexicon
