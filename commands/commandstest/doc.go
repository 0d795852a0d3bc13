// Package commandstest holds what every adapter of the ports of package
// commands must do: Ephemeral, Limits and Shared are suites to be run by its
// tests. They take a clock to be put forward, because what they test expires.
package commandstest
