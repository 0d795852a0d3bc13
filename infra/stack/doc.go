// Package stack chooses the engines. Embedded puts everything into one folder;
// what it returns is all that the rest of the program knows of engines, so no
// other code can tell which stack it runs on.
package stack
