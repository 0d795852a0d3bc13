//go:build race

package eventstore_test

import (
	"flag"
	"testing"
)

// smaller makes crowds small: the race detector slows both ends and all that
// is between them down, ten times over.
func smaller(*testing.M) {
	flag.Parse()
	_ = flag.Set("test.short", "true") // a flag of package testing, which is there
}
