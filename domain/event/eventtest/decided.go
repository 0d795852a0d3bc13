package eventtest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parleyhq/parley/domain/event"
)

// Decided holds what a decider answered to a row of a table: given these
// events, when that is asked, then so. It takes the answer as it comes:
//
//	eventtest.Decided(t, name, test.then, test.err)(test.when(given(test.given...)))
func Decided(t testing.TB, name string, then []event.Data, want error) func([]event.Data, error) {
	return func(got []event.Data, err error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%s: error %v, want %v", name, err, want)
		}
		if d := cmp.Diff(then, got); d != "" {
			t.Errorf("%s: events (-want +got)\n%s", name, d)
		}
	}
}
