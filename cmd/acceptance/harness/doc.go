// Package harness drives a real Parley through its public contract.
//
// Start runs a server on an empty folder: in this process for speed, or as the
// real binary where a test kills it or PARLEY_TEST_PROCESS=1 asks for that. A
// Client is one person with one browser; a Socket is one live connection.
// Every acceptance test uses these and nothing else of the program.
package harness
