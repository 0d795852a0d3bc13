// Package keyring keeps the keys that seal what people wrote: event.Keys over
// one SQLite file (Open), or over a database that several processes share
// (Over). It is the only store that forgets.
//
// An account's key is made at sign-up (EnsureAccount) and destroyed with the
// account (Destroy); what it sealed is then unreadable for ever. A pseudonym's
// key (EnsurePseudonym) is wrapped by its account's and so dies with it, yet
// nothing that is stored names the account of a pseudonym in the open. System
// keys (System) outlive everybody. CopyTo takes all of them along.
//
// Every row is wrapped with AES-256-GCM by the master key, which is kept in a
// file of its own (NewMasterKey). Every commit is on the disk before a call
// returns. In a file destroyed rows are overwritten, not only unlinked; a
// database may keep them, still wrapped, in its write-ahead log, its archives,
// its replicas and its backups, until the master key is another one (Rewrap).
package keyring
