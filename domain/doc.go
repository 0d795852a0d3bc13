// Package domain gathers the catalogue of every event that Parley writes, from
// the packages below it. Each of those holds one noun: its events, the state
// that they fold to, and pure deciders that say what may happen next.
//
// testdata/events holds a golden sample of every version of every event ever
// written; they stay readable for ever.
//
// Nothing here does I/O, asks for the time or makes ids: they come in.
package domain
