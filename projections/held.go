package projections

// held counts the roots and streams behind which events wait. An event whose
// data cannot be read has no known root, so it holds back its stream; in all
// other cases the stream is mostly implied by the root.
type held struct {
	keys  map[string]int
	added []string // since begin, for rollback
}

func (h *held) add(stream, root string) {
	if h.keys == nil {
		h.keys = map[string]int{}
	}
	for _, key := range keysOf(stream, root) {
		h.keys[key]++
		h.added = append(h.added, key)
	}
}

// keysOf are the names under which an event holds others back.
func keysOf(stream, root string) []string {
	if root == "" {
		return []string{"stream " + stream}
	}
	return []string{"stream " + stream, "root " + root}
}

func (h *held) has(stream, root string) bool {
	if len(h.keys) == 0 {
		return false
	}
	for _, key := range keysOf(stream, root) {
		if h.keys[key] > 0 {
			return true
		}
	}
	return false
}

func (h *held) begin() { h.added = h.added[:0] }

func (h *held) rollback() {
	for _, key := range h.added {
		if h.keys[key]--; h.keys[key] == 0 {
			delete(h.keys, key)
		}
	}
	h.added = h.added[:0]
}
