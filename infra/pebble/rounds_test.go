package pebble_test

import (
	"os"
	"strconv"
)

// rounds multiplies the random tests: PARLEY_ROUNDS=50 go test ./infra/pebble.
var rounds = max(1, number(os.Getenv("PARLEY_ROUNDS")))

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 1
	}
	return n
}
