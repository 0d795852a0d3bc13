// Package memory keeps in this process what a single binary need not share:
// small values for a short time (Ephemeral), buckets and locks (Limits). Both
// are bounded and forget everything when the process ends: no promise stands
// on them. infra/redis is the same for many processes.
//
// It has no goroutines and does no I/O.
package memory
