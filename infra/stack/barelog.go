package stack

import (
	"log/slog"
	"path/filepath"

	"github.com/parleyhq/parley/infra/pebble"
)

// BareLog opens the log of a folder and nothing else of it. The folder is made
// if absent; it may be a community's.
func BareLog(data string, log *slog.Logger) (*pebble.Log, error) {
	if err := claim(data); err != nil {
		return nil, err
	}
	return pebble.Open(filepath.Join(data, "log"), pebble.Options{Logger: log, MaxEvent: 1 << 20}) // metadata beside an event of the largest size
}
