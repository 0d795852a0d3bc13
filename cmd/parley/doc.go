// Command parley is Parley: the server, and every tool that steers one.
//
// One file a command; main.go lists them. A command reads its flags, calls
// the package that does the work, and says what came of it: exit status 0
// done, 1 failed, 2 wrong use, with one sentence on standard error.
package main
