package pebble_test

import (
	"os"
	"strconv"
	"testing"
)

// rounds are how often a random test tries: n times, an eighth of that with
// -short, and so many times more with PARLEY_ROUNDS=50 go test ./infra/pebble.
func rounds(n int) int {
	if testing.Short() {
		n = max(1, n/8)
	}
	if more, err := strconv.Atoi(os.Getenv("PARLEY_ROUNDS")); err == nil && more > 1 {
		n *= more
	}
	return n
}
