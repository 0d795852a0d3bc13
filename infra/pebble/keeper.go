package pebble

import (
	"bytes"

	"github.com/parleyhq/parley/domain/event"
)

// keeper is an event.Filter that matches bytes without copying them.
type keeper struct {
	categories, types map[string]bool // nil keeps all
}

func keeps(f event.Filter) keeper { return keeper{set(f.Categories), set(f.Types)} }

func set(words []string) map[string]bool {
	if len(words) == 0 {
		return nil
	}
	m := make(map[string]bool, len(words))
	for _, w := range words {
		m[w] = true
	}
	return m
}

func (k keeper) match(stream, typ []byte) bool {
	if k.categories != nil {
		category, _, _ := bytes.Cut(stream, []byte("-"))
		if !k.categories[string(category)] {
			return false
		}
	}
	return k.types == nil || k.types[string(typ)]
}

func (k keeper) matchRecord(r event.Record) bool {
	return (k.categories == nil || k.categories[r.Category()]) && (k.types == nil || k.types[r.Type])
}
