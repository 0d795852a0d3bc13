// Package pushtest holds what every adapter of the ports of package push must
// do: Bus and Routes are suites to be run by its tests.
package pushtest
