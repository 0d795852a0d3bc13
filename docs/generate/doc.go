// Command generate writes the pages of docs/ that follow from code:
// configuration.md from the table of settings, and features.md from the names
// and comments of tests.
//
// `make generate` runs it; `make verify` fails when a page is stale.
package main
