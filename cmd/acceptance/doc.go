// Package acceptance holds the black-box tests: each drives a running Parley
// through its public contract and names the row of the acceptance list that
// it proves. The harness beside it is all that they use of the program.
package acceptance
