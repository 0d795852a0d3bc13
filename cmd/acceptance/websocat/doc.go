// Command websocat does what the README's tour asks of the program of that
// name: it sends lines of standard input as text frames, writes those that
// come to standard output, and closes when the input ends. The tour's test
// uses it where the real one is not installed.
package main
