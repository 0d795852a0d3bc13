package ops

import (
	"maps"
	"slices"

	"github.com/parleyhq/parley/domain/event"
)

// TypesStream is the stream that says which types of events may be written.
const TypesStream = "log-types"

// TypesEnabled says that every process of the community can read events of
// those types: from here on they may be written, and a process that does not
// know one of them must not run.
type TypesEnabled struct {
	Types []string `json:"types"` // wire names, sorted
}

// Types is the state of TypesStream.
type Types struct{ enabled map[string]bool }

// NewTypes is the state of a log in which nothing was enabled yet.
func NewTypes() *Types { return &Types{enabled: map[string]bool{}} }

// Apply adds what was enabled.
func (t *Types) Apply(d event.Decoded) {
	if e, ok := d.Payload.(TypesEnabled); ok {
		for _, name := range e.Types {
			t.enabled[name] = true
		}
	}
}

// Enable enables those that are not yet.
func (t *Types) Enable(types []string) []event.Data {
	if missing := t.Missing(types); len(missing) > 0 {
		return []event.Data{TypesEnabled{Types: missing}}
	}
	return nil
}

// Missing are those of types that are not enabled, sorted.
func (t *Types) Missing(types []string) []string {
	var missing []string
	for _, name := range types {
		if !t.enabled[name] {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	return slices.Compact(missing)
}

// Enabled are all that are, sorted.
func (t *Types) Enabled() []string { return slices.Sorted(maps.Keys(t.enabled)) }
