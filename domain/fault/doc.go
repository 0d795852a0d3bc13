// Package fault holds Parley's one error type.
//
// A Fault is what a caller did or met: a stable slug for programs, a sentence
// for people, a Kind that every transport maps once (REST to a status, push
// to an error frame), and the fields that were wrong. Anything that is not a
// Fault is an internal failure and is never shown to callers.
//
// It imports the standard library alone and does no I/O.
package fault
