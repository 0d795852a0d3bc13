// Package app puts the parts together and runs them.
//
// Run takes the settings, builds the stack they ask for, starts the roles and
// stops them in reverse order. It is called by `parley serve` and by tests;
// it reads no flag and no environment.
package app
