// Package ops holds the events that are about the log itself, not about
// people: which life of the log this is.
package ops
