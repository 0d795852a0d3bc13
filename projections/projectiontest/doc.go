// Package projectiontest proves that a projector is a fold: whatever happens
// on the way, the tables are those of one clean pass over the log.
//
// Fold runs a projector over a log until it has caught up, and Dump prints
// its tables. Check compares a clean pass with one that meets crashes before
// and after commits, duplicate deliveries and restarts. Log is an event.Store
// in memory, Faults a readmodels.Generations that fails as it is told, and
// Cluster what several processes share, whose leaders fall as it is told.
package projectiontest
