package app_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/parleyhq/parley/cmd/app"
	"github.com/parleyhq/parley/cmd/settings"
)

// told is a writer that asks for a stop with its first line: as early as an
// operator can.
type told struct {
	bytes.Buffer
	stop context.CancelFunc
}

func (w *told) Write(p []byte) (int, error) {
	w.stop()
	return w.Buffer.Write(p)
}

// A stop that comes before the services began is a stop like any other.
func TestStopBeforeItBegan(t *testing.T) {
	t.Parallel()
	for range 5 {
		cfg, err := settings.Parse([]string{"--data", t.TempDir(), "--http", "127.0.0.1:0"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		out := &told{stop: stop}
		if err := app.Run(ctx, cfg, out, io.Discard); err != nil {
			t.Errorf("it ends with %v", err)
		}
		if !strings.HasPrefix(out.String(), "parley listening on ") {
			t.Errorf("stdout begins with %q", out.String())
		}
	}
}
