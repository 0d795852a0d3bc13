package commands

import (
	"context"
	"errors"
	"testing"
)

// O2: what is held back is refused with word to try again, and written as soon
// as it is held back no more.
func TestO2_HeldTypesAreRefused(t *testing.T) {
	t.Parallel()
	c := toyCore(t, memoryLog(t), nil)
	c.hold([]string{"counter.counted.v1"})
	if _, err := change(context.Background(), c, "counter-1", newCounter, add(1)); !errors.Is(err, errRolling) {
		t.Errorf("held: %v", err)
	}
	c.hold([]string{"counter.other.v1"})
	if _, err := change(context.Background(), c, "counter-1", newCounter, add(1)); err != nil {
		t.Errorf("another one is held: %v", err)
	}
	if sum, events := total(t, c, "counter-1"); sum != 1 || events != 1 {
		t.Errorf("%d in %d events", sum, events)
	}
}
