package acceptance

import (
	"fmt"
	"os"
	"testing"

	"github.com/parleyhq/parley/cmd/acceptance/harness"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := harness.Clean(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}
