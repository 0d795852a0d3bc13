package reaction_test

import (
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/parleyhq/parley/domain/event"
	"github.com/parleyhq/parley/domain/reaction"
)

// F5: one of a kind for each person, whatever is asked in whatever order.
func TestOneOfAKind(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r, on := reaction.New(), map[string]bool{}
		for range rapid.IntRange(0, 30).Draw(t, "asked") {
			kind := rapid.SampledFrom([]string{"like", "sad", "happy"}).Draw(t, "kind")
			add := rapid.Bool().Draw(t, "add")
			d := reaction.Added{Account: uuid.UUID{1}, Kind: kind, SubjectType: reaction.Post, Subject: uuid.UUID{2}, Post: uuid.UUID{2}}
			events, err := r.Add(d)
			if !add {
				events, err = r.Remove(reaction.Removed(d))
			}
			if err != nil || (len(events) == 1) != (on[kind] != add) {
				t.Fatalf("%s %v of %v: %v %v", kind, add, on, events, err)
			}
			for _, e := range events {
				r.Apply(event.Decoded{Payload: e})
			}
			on[kind] = add
			n := 0
			for _, there := range on {
				if there {
					n++
				}
			}
			if len(r.Kinds) != n {
				t.Fatalf("%v, want %v", r.Kinds, on)
			}
		}
	})
}
