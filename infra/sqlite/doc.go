// Package sqlite keeps tables in SQLite files, in pure Go.
//
// Generations implements readmodels.Generations: a file for each generation
// and a file that names the live one. Its files can be rebuilt from the log,
// so a commit does not wait for the disk (synchronous=NORMAL): a power cut may
// take the last batches, but together with the checkpoint that stood in them.
//
// OpenState opens a database for what cannot be rebuilt (leases, checkpoints
// of processes, kept answers): there every commit waits for the disk.
//
// A DB has one connection that writes and a bounded pool that reads; each
// keeps its prepared statements. It knows nothing of what the tables mean.
package sqlite
