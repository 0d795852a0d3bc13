// Package foldtest proves that the tables are what the log says: it makes up
// histories, and it knows without SQL what follows from them.
//
// NewHistory makes up a random history of every type of event there is, legal
// for each stream (the domain's own deciders say so), and between streams in
// orders that commands leave behind when they cross each other or crash.
//
// Model folds a history with maps and slices, and counts at the end instead of
// on the way. It is written from what events and columns mean and shares no
// code with the handlers but the renderer of texts. Rows prints it in the form
// in which Read prints the tables of a generation.
package foldtest
