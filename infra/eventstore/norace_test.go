//go:build !race

package eventstore_test

import "testing"

// smaller is for the race detector.
func smaller(*testing.M) {}
