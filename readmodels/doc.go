// Package readmodels holds what can be read: the tables, their rows, and the
// queries and writes of each noun, one file a noun.
//
// The SQL port (Reader, Batch, DB, Generations) has one adapter for each
// engine; sqltest is its conformance suite. Queries take the viewer, and
// answer only what that viewer may see. Writes are called by projections
// alone. Nothing here appends events or knows a transport.
package readmodels
