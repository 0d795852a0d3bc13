// Package commands changes things. Every command loads the state of a stream,
// lets a pure decider of the domain decide, and appends what it decided.
//
// commands.go is the table of contents: one file for each noun. The one way
// to append is change; the one way to look at another stream is view. Neither
// ever reads a read model. The ports that commands need (keyring, mail, times
// and ids) are interfaces here, implemented under infra.
package commands
