//go:build !linux

package app

// releaseProgram needs Linux.
func releaseProgram() {}
