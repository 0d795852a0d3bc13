package eventgrpc_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain holds the package to its word that nothing is left running. The
// clock of regexp2 stops by itself some time after the last expression.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/dlclark/regexp2.runClock"))
}
