// Package files keeps small things as files of the data folder: mails (Mail),
// keys that are made once (Key, SigningKeys), the set-up token (SetupToken).
// Certificate reads TLS certificates, and reads them again when they change.
//
// Whatever is written is whole and on the disk before a call returns: a
// temporary file, synced, renamed or linked into place, its folder synced. Who
// reads a folder never sees half a file. Nothing is read from a name that a
// caller gave.
package files
